"""`python -m resnet_demo evaluate`: evaluate a model on the photos of a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from resnet_demo import evaluation_set, tables
from resnet_demo.commands import metrics_text, model_flags
from resnet_demo.commands.progress import scanning_bar
from resnet_demo.data.file_names import display_name
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.images import Problem
from resnet_demo.data.understood import passed_over
from resnet_demo.evaluation import Evaluation, evaluate
from resnet_demo.evaluation_set import EvaluationSet
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import AppError, Message, text
from resnet_demo.training.evaluation_count import count_test_set_uses
from resnet_demo.training.listed_runs import all_runs

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

DONE, NOTHING_READ, NOTHING_LEFT = 0, 1, 2


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command."""
    said = text("cli.help.evaluate", language)
    parser = commands.add_parser("evaluate", help=said, description=said)
    parser.set_defaults(run=run_evaluate)
    parser.add_argument("model", metavar="MODEL", help=text("cli.help.evaluate_model", language))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=text("cli.help.evaluate_folder", language))
    parser.add_argument("--json", action="store_true", help=text("cli.help.json_object", language))
    model_flags.add_to(parser, language)


def run_evaluate(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Evaluate the model and print the metrics; 1 where no photo could be read, 2 where it has seen all of them."""
    name, run = evaluation_set.model_and_run(arguments.model, settings)
    [model] = model_flags.open_models([name], arguments, settings, language)
    with scanning_bar(language) as progress:
        reading = evaluation_set.reading_of(run, arguments.folder)
        dataset = open_dataset(
            arguments.folder, settings.home, progress, max_pixels=settings.max_pixels, reading=reading
        )
    chosen = evaluation_set.choose_photos(model, run, dataset, settings)
    if not arguments.json:
        chosen.require_photos()
    uncounted: list[AppError] = []
    predictions, problems = evaluation_set.run_evaluation(chosen, dataset, model, settings, _with_bar, uncounted.append)
    notes = (Message("evaluate.note.not_counted", {"why": error.say(language)}) for error in uncounted)
    chosen = replace(chosen, notes=(*chosen.notes, *notes, *passed_over(dataset.layout)))
    problems = [*dataset.problems, *problems]
    found = evaluate(replace(predictions, unreadable=tuple(problem.file for problem in problems)))
    if arguments.json:
        uses = None if chosen.test_of is None else count_test_set_uses(chosen.test_of, all_runs(settings.home))
        _print_json(found, chosen, problems, uses, language)
    else:
        _print(found, chosen, problems, language)
    if not chosen.photos:
        return NOTHING_LEFT
    return DONE if found.photos else NOTHING_READ


def _with_bar(predictions: Iterator[Prediction], total: int) -> Iterable[Prediction]:
    bar: Iterable[Prediction] = tqdm(predictions, total=total, unit="", disable=None, leave=False)
    return bar


def _print(found: Evaluation, chosen: EvaluationSet, problems: Sequence[Problem], language: str) -> None:
    print_line(found.say(language))
    for note in chosen.notes:
        print_line(note.say(language))
    for line in metrics_text.metrics_lines(found, language):
        print_line(line)
    if found.changed:
        names = ", ".join(map(display_name, found.changed[: metrics_text.MOST_FILES]))
        print_line("")
        print_line(text("results.changed", language, count=len(found.changed), names=names))
    if problems:
        print_line("")
        print_line(text("evaluate.unreadable", language, count=len(problems)))
        for problem in problems[: metrics_text.MOST_FILES]:
            print_line(f"  {problem.file}: {problem.say(language)}")


def _print_json(
    found: Evaluation, chosen: EvaluationSet, problems: Sequence[Problem], uses: int | None, language: str
) -> None:
    whole: dict[str, Any] = found.as_dict()
    whole["unreadable"] = [{"file": problem.file, "text": problem.say(language)} for problem in problems]
    whole["notes"] = [note.say(language) for note in chosen.notes]
    whole["test_looks"] = uses
    whole["judged"], whole["learnt"] = found.photos, chosen.learnt
    print(tables.as_json(whole, sys.stdout.encoding, indent=2))
