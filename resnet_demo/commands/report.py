"""`python -m resnet_demo report`: what was understood of a folder of photos, and what stands out in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_demo import tables
from resnet_demo.commands.metrics_text import MOST_FILES
from resnet_demo.commands.progress import scanning_bar
from resnet_demo.data import understood
from resnet_demo.data.dataset_facts import DatasetFacts, dataset_facts
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import Dataset, open_dataset
from resnet_demo.data.images import Problem
from resnet_demo.data.mirror_twins import mirror_twins
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import text, visible
from resnet_demo.training.config import READING_SETTINGS, TrainConfig
from resnet_demo.training.setting_specs import add_flags

DONE = 0


@dataclass(frozen=True)
class Survey:
    """All that is said of a folder of photos before anything is done with them."""

    dataset: Dataset
    facts: DatasetFacts
    problems: tuple[Problem, ...]

    @property
    def is_serious(self) -> bool:
        """Whether photos were left out, or anything else is a reason to refuse them."""
        left_out = self.problems or self.dataset.layout.skipped
        return bool(left_out) or any(map(understood.is_serious, self.facts.findings))

    def lines(self, language: str) -> Iterator[str]:
        """The same that the page's report says."""
        yield text("report.photos", language, photos=len(self.dataset.photos), classes=len(self.dataset.classes))
        for one in (*understood.understood(self.dataset), *understood.passed_over(self.dataset.layout)):
            yield one.say(language)
        for finding in self.facts.findings:
            yield finding.say(language)
            yield from (f"  {line}" for line in self._examples(finding.key, language))

    def _examples(self, key: str, language: str) -> Sequence[str]:
        """The first files of a finding."""
        photos = self.dataset.photos
        if key == "dataset_facts.unreadable":
            return [f"{visible(one.file)}: {one.say(language)}" for one in self.problems[:MOST_FILES]]
        groups = {
            "dataset_facts.leaks": self.facts.leaks,
            "dataset_facts.two_classes": self.facts.two_classes,
            "dataset_facts.exact": self.facts.exact,
            "dataset_facts.near": self.facts.near,
            "dataset_facts.tiny": tuple((index,) for index in self.facts.tiny),
            "dataset_facts.extreme": tuple((index,) for index in self.facts.extreme),
        }.get(key, ())
        return [", ".join(visible(photos[index].path) for index in group[:MOST_FILES]) for group in groups[:MOST_FILES]]


def survey(config: TrainConfig, settings: Settings, language: str) -> Survey:
    """Read the photos that the settings name.

    Raises:
        AppError: as `open_dataset`.
    """
    with scanning_bar(language) as progress:
        dataset = open_dataset(
            Path(config.data), settings.home, progress, max_pixels=settings.max_pixels, reading=config.reading
        )
        duplicates = find_duplicates(dataset, settings.home, max_pixels=settings.max_pixels)
    problems = (*dataset.problems, *duplicates.problems)
    twins = mirror_twins(dataset, max_pixels=settings.max_pixels)
    return Survey(dataset, dataset_facts(dataset, duplicates, twins), problems)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command."""
    said = text("cli.help.report", language)
    parser = commands.add_parser("report", help=said, description=said)
    parser.set_defaults(run=run_report)
    parser.add_argument("data", metavar="FOLDER", help=text("cli.help.report_folder", language))
    parser.add_argument("--json", action="store_true", help=text("cli.help.json_object", language))
    add_flags(parser, READING_SETTINGS, language)


def run_report(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Print what was understood."""
    found = survey(TrainConfig.from_arguments(arguments), settings, language)
    if arguments.json:
        whole = understood.as_json(found.dataset, found.facts, found.problems, language)
        print(tables.as_json(whole, sys.stdout.encoding, indent=2))
        return DONE
    for line in found.lines(language):
        print_line(line)
    print_line("")
    for one in found.facts.classes:
        parts = ", ".join(f"{text(f'photos.split.{part}', language)} {count}" for part, count in one.splits.items())
        print_line(f"{visible(one.name)}: {one.photos}" + (f" ({parts})" if parts else ""))
    return DONE
