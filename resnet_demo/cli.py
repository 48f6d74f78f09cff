"""The command line, `python -m resnet_demo`: its parser and the shorter commands; free of torch until needed."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

from resnet_demo import __version__, catalogue, tables
from resnet_demo.argument_parser import Parser
from resnet_demo.commands import evaluate, explain, lab, model_flags, report, runs, train
from resnet_demo.commands.progress import download_bar
from resnet_demo.data import sample_photos
from resnet_demo.data.disk_usage import DISK_FULL
from resnet_demo.data.files import find_files
from resnet_demo.engines import ENGINE_KINDS
from resnet_demo.models.class_names import class_names
from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.settings import Settings, find_settings, folder_flag, prepare_home
from resnet_demo.terminal import log_visibly, print_line
from resnet_demo.texts import AppError, language_of, text, visible
from resnet_demo.training.listed_runs import all_runs

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction
    from resnet_demo.models.model import Model

PROGRAM = "python -m resnet_demo"

DONE = 0
NOTHING_READ = 1
WRONG_REQUEST = 2
REFUSALS = {
    *DISK_FULL,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EIO,
}
"""What a disk refuses, whatever the command; the person can mend it, and no traceback would help."""
INTERRUPTED = 130
"""What shells make of a program that Ctrl+C ended: 128 and the signal's number."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 it came to nothing, 2 the request cannot be met, 130 Ctrl+C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may be in no encoding at all
            stream.reconfigure(errors="backslashreplace")
    log_visibly()
    language = language_of(os.environ)
    settings = find_settings(program=PROGRAM)
    try:
        arguments = build_parser(language).parse_args(argv)
        if arguments.home:
            settings = dataclasses.replace(settings, home=arguments.home)
        prepare_home(settings)
        code: int = arguments.run(arguments, settings, language)
        sys.stdout.flush()
    except AppError as error:
        print_line(error.say(language), sys.stderr)
        return WRONG_REQUEST
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        _say_no_more()
        return DONE
    except OSError as error:
        if is_out_of_memory(error):
            return _say_no_memory(language)
        if error.errno not in REFUSALS:
            raise
        full = error.errno in DISK_FULL
        if full:  # it may be the output's disk
            _say_no_more()
        place, reason = str(error.filename or settings.home), error.strerror or str(error)
        print_line(text("cli.problem.full", language) if full else _refusal(place, reason, language), sys.stderr)
        return WRONG_REQUEST
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _say_no_memory(language)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _refusal(place: str, reason: str, language: str) -> str:
    return text("cli.problem.disk", language, place=place, reason=reason)


def _say_no_memory(language: str) -> int:
    print_line(text("train.problem.out_of_memory", language), sys.stderr)
    return WRONG_REQUEST


def _say_no_more() -> None:
    """Let what is still to be printed go nowhere, or Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser(language: str) -> argparse.ArgumentParser:
    """The parser with its help in `language`."""

    def say(key: str) -> str:
        return text(f"cli.help.{key}", language)

    def whole(value: str) -> int:
        return _whole(value, language)

    parser: argparse.ArgumentParser = Parser(prog=PROGRAM, description=say("description"), language=language)
    parser.add_argument("--version", action="version", version=__version__, help=say("version"))
    parser.add_argument("--home", type=folder_flag(language), help=text("app.help.home", language))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    classify = commands.add_parser("classify", help=say("classify"), description=say("classify"))
    classify.set_defaults(run=run_classify)
    classify.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=say("paths"))
    classify.add_argument("--model", action="append", dest="models", metavar="MODEL", help=say("classify_model"))
    model_flags.add_to(classify, language)
    classify.add_argument("--top", type=whole, default=5, help=say("top"))
    classify.add_argument("--view", choices=("crop", "whole"), default="crop", help=say("view"))
    classify.add_argument("--engine", choices=("auto", *ENGINE_KINDS), default="auto", help=say("engine"))
    form = classify.add_mutually_exclusive_group()
    form.add_argument("--csv", type=Path, metavar="FILE", help=say("csv"))
    form.add_argument("--json", action="store_true", help=say("json"))

    sample = commands.add_parser("sample", help=say("sample"), description=say("sample"))
    sample.set_defaults(run=run_sample)
    sample.add_argument("name", choices=("drawn", "flowers"), help=say("sample_name"))

    models = commands.add_parser("models", help=say("models"), description=say("models"))
    models.set_defaults(run=run_models)

    summary = commands.add_parser("summary", help=say("summary"), description=say("summary"))
    summary.set_defaults(run=run_summary)
    summary.add_argument("variant", help=say("variant"))
    summary.add_argument("--size", type=whole, help=say("size"))

    evaluate.add_to(commands, language)
    explain.add_to(commands, language)
    report.add_to(commands, language)
    train.add_to(commands, language)
    runs.add_to(commands, language)
    lab.add_to(commands, language)
    return parser


def command_names() -> set[str]:
    """What the first word of a command line may be."""
    [commands] = (one for one in build_parser("en")._actions if isinstance(one, argparse._SubParsersAction))
    return set(commands.choices)


def _whole(value: str, language: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(text("cli.problem.whole_number", language, value=value))
    return number


def run_classify(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Name what every given photo shows."""
    files, junk = find_files(arguments.paths)
    if not files:
        print_line(text("cli.no_files", language) + _junk(junk, language), sys.stderr)
        return NOTHING_READ
    from resnet_demo.inference import Classifier

    names = list(dict.fromkeys(arguments.models or [catalogue.default(settings)]))
    models = model_flags.open_models(names, arguments, settings, language)
    top = min(arguments.top, max(len(model.labels) for model in models))
    started = time.perf_counter()
    read = 0
    with _writer(arguments, top, language, several_models=len(models) > 1) as write:
        for model in models:
            classifier = Classifier(model, settings, arguments.engine)
            predictions = classifier.classify(files, min(arguments.top, len(model.labels)), arguments.view)
            for prediction in tqdm(predictions, total=len(files), unit="", disable=None, leave=False):
                read += prediction.problem is None
                write(prediction, model)
    seconds = time.perf_counter() - started
    _say_totals(len(files), read // len(models), junk, seconds, language)
    return DONE if read else NOTHING_READ


@contextlib.contextmanager
def _writer(
    arguments: argparse.Namespace, top: int, language: str, *, several_models: bool
) -> Iterator[Callable[[Prediction, Model], None]]:
    """Where the predictions of a model go: a CSV file, a JSON array, or lines for a person."""
    if arguments.csv:
        with _open_csv(arguments.csv) as file:
            table = tables.CsvTable(file, top, language, several_models=several_models)

            def enter(prediction: Prediction, model: Model) -> None:
                table.write(prediction, model.name)
                if prediction.problem:
                    names = class_names(model.labels, language)
                    print_line(tables.summary_line(prediction, names, language), sys.stderr)

            yield enter
    elif arguments.json:
        array = tables.JsonArray(sys.stdout, language)
        try:
            yield lambda prediction, model: array.write(prediction, model.name if several_models else None)
        finally:
            array.close()
    else:
        alone = len(arguments.paths) == 1 and not os.path.isdir(arguments.paths[0])  # noqa: PTH112  as in find_files

        def write(prediction: Prediction, model: Model) -> None:
            names = class_names(model.labels, language)
            lines = (
                tables.bars(prediction, names, language)
                if alone
                else [tables.summary_line(prediction, names, language)]
            )
            for number, one in enumerate(lines):
                print_line(f"{visible(model.name)}: {one}" if several_models and number == 0 else one)

        yield write


@contextlib.contextmanager
def _open_csv(path: Path) -> Iterator[TextIO]:
    try:
        with path.open("w", newline="", encoding=tables.CSV_ENCODING, errors="backslashreplace") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk may show only when the file is closed
        raise AppError("cli.cannot_write", file=str(path), reason=error.strerror or str(error)) from error


def _say_totals(photos: int, read: int, junk: int, seconds: float, language: str) -> None:
    said = text("cli.totals", language, photos=photos, read=read, problems=photos - read, seconds=f"{seconds:.1f}")
    print_line(said + _junk(junk, language), sys.stderr)


def _junk(count: int, language: str) -> str:
    return " " + text("cli.junk", language, count=count) if count else ""


def run_models(arguments: argparse.Namespace, settings: Settings, language: str) -> int:  # noqa: ARG001
    """List the models that can be named: what comes with the app, what runs have kept, what is published."""
    for entry in catalogue.listed(settings, all_runs(settings.home)):
        print_line(f"{visible(entry.name):28} {entry.about(language)}")
    return DONE


def run_sample(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Have a sample set in the data home; prints its folder."""
    if arguments.name == "drawn":
        imported = sample_photos.drawn_sample(settings)
    else:
        with download_bar(language) as progress:
            imported = sample_photos.sample_flowers(settings, progress)
    print_line(visible(str(imported.folder)))
    return 0


def run_summary(arguments: argparse.Namespace, settings: Settings, language: str) -> int:  # noqa: ARG001
    """Print the layer table of a variant."""
    from resnet_demo.models import summary

    for one in summary.as_text(summary.summarise(arguments.variant, arguments.size), language).splitlines():
        print_line(one)
    return DONE
