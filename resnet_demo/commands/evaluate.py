"""`python -m resnet_demo evaluate`: how right a model is on the photos of a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from resnet_demo import tables
from resnet_demo.commands import examination, figures
from resnet_demo.commands.examination import Examination
from resnet_demo.commands.progress import download_bar, looking_bar
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.images import Problem
from resnet_demo.data.names import shown
from resnet_demo.evaluation import Evaluation, evaluate
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import AppError, Message, text
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.looks import looks_of

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

DONE, NOTHING_READ = 0, 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command."""
    said = text("cli.help.evaluate", language)
    parser = commands.add_parser("evaluate", help=said, description=said)
    parser.set_defaults(run=run_evaluate)
    parser.add_argument("model", metavar="MODEL", help=text("cli.help.judged", language))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=text("cli.help.judged_by", language))
    parser.add_argument("--json", action="store_true", help=text("cli.help.json_object", language))


def run_evaluate(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Ask the model of each photo, and print how right it is; 1 where no photo could be read."""
    from resnet_demo.inference import open_model

    name, run = examination.model_and_run(arguments.model, settings)
    with download_bar(language) as progress:
        model = open_model(name, settings, progress)
    with looking_bar(language) as progress:
        dataset = open_dataset(arguments.folder, settings.home, progress, max_pixels=settings.max_pixels)
    asked = examination.examination(model, run, dataset, settings.home)
    unnoted: list[AppError] = []
    answers, problems = examination.carry_out(asked, dataset, model, settings, _on_a_bar, unnoted.append)
    notes = (Message("evaluate.note.not_counted", {"why": error.say(language)}) for error in unnoted)
    asked = replace(asked, notes=(*asked.notes, *notes))
    problems = [*dataset.problems, *problems]
    found = evaluate(replace(answers, unreadable=tuple(problem.file for problem in problems)))
    if arguments.json:
        looks = None if asked.test_of is None else looks_of(asked.test_of, all_runs(settings.home))
        _print_json(found, asked, problems, looks, language)
    else:
        _print(found, asked, problems, language)
    return DONE if found.photos else NOTHING_READ


def _on_a_bar(predictions: Iterator[Prediction], total: int) -> Iterable[Prediction]:
    bar: Iterable[Prediction] = tqdm(predictions, total=total, unit="", disable=None, leave=False)
    return bar


def _print(found: Evaluation, asked: Examination, problems: Sequence[Problem], language: str) -> None:
    print_line(found.say(language))
    for note in asked.notes:
        print_line(note.say(language))
    for line in figures.lines(found, language):
        print_line(line)
    if found.changed:
        names = ", ".join(map(shown, found.changed[: figures.MOST_FILES]))
        print_line("")
        print_line(text("results.changed", language, count=len(found.changed), names=names))
    if problems:
        print_line("")
        print_line(text("evaluate.unreadable", language, count=len(problems)))
        for problem in problems[: figures.MOST_FILES]:
            print_line(f"  {problem.file}: {problem.say(language)}")


def _print_json(
    found: Evaluation, asked: Examination, problems: Sequence[Problem], looks: int | None, language: str
) -> None:
    whole: dict[str, Any] = found.as_dict()
    whole["unreadable"] = [{"file": problem.file, "text": problem.say(language)} for problem in problems]
    whole["notes"] = [note.say(language) for note in asked.notes]
    whole["test_looks"] = looks
    print(tables.as_json(whole, sys.stdout.encoding, indent=2))
