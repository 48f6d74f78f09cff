"""`python -m resnet_demo lab`: run an experiment on residual learning; alone it lists them."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from tqdm import tqdm

from resnet_demo import tables
from resnet_demo.commands import foreground
from resnet_demo.commands.foreground import DONE
from resnet_demo.commands.lab_text import result_lines
from resnet_demo.jobs import queue, worker
from resnet_demo.labs.configs import LabConfig
from resnet_demo.labs.experiments import EXPERIMENTS, epochs_done, epochs_of, run_experiment
from resnet_demo.labs.lab_run import LabRun, lab_runs
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import AppError, text
from resnet_demo.training.process import Process

POLL_SECONDS = 0.5


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command, with a command of its own for each experiment, whose flags are its settings."""
    said = text("cli.help.lab", language)
    lab = commands.add_parser("lab", help=said, description=said)
    lab.set_defaults(run=run_list)
    names = lab.add_subparsers(metavar="NAME")
    for experiment in EXPERIMENTS.values():
        about = text(f"lab.about.{experiment.name}", language)
        parser = names.add_parser(experiment.name, help=about, description=about)
        parser.set_defaults(run=run_lab, experiment=experiment.name)
        experiment.config.add_flags(parser, language)
        parser.add_argument("--json", action="store_true", help=text("cli.help.json_object", language))


def run_list(arguments: argparse.Namespace, settings: Settings, language: str) -> int:  # noqa: ARG001
    """List the experiments, one to a line."""
    for name in EXPERIMENTS:
        print_line(f"{name:14}" + text(f"lab.about.{name}", language))
    return DONE


def run_lab(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Run an experiment and print what it measured.

    One that trains networks is a run like a training: it has a folder and waits for its turn. Where one with the same
    settings was interrupted, that one goes on.
    """
    name = arguments.experiment
    config = EXPERIMENTS[name].config.from_arguments(arguments)
    code = DONE
    result: Mapping[str, Any] | None
    if epochs_of(config):
        run, code = _execute(name, config, settings, language)
        result = run.result()
    else:
        *_, result = run_experiment(name, config, settings)
    if result is not None and arguments.json:
        print(tables.as_json(result, sys.stdout.encoding, indent=1))
    elif result is not None:
        for line in result_lines(result, language):
            print_line(line)
    return code


def _execute(name: str, config: LabConfig, settings: Settings, language: str) -> tuple[LabRun, int]:
    """Execute the run of an experiment in this process; the result is in its folder. Also returns the exit code."""
    me = Process.of(os.getpid())
    run = next((run for run in lab_runs(settings.home) if (run.experiment, run.config) == (name, config)), None)
    if run is not None and run.state() in {"stopped", "lost", "failed"}:
        queue.resume(run, settings.home, foreground_process=me)
    else:
        run = queue.create_experiment(name, config, settings, foreground_process=me)
    _tell(text("cli.train.folder", language, name=run.name, folder=str(run.folder)))
    if not foreground.wait_for_turn(run, me, settings, language, _tell):
        return run, foreground.FAILED
    with _progress(run):
        worker.execute_run(run, settings)
    queue.advance(settings.home)
    return run, foreground.say_end(run, settings, language, _tell)


def _tell(said: str) -> None:
    """Beside the result, which other programs may read."""
    print_line(said, sys.stderr)


@contextmanager
def _progress(run: LabRun) -> Iterator[None]:
    """A bar of the epochs that are done, from a thread of its own."""
    ended = threading.Event()

    def show() -> None:
        with tqdm(total=epochs_of(run.config), unit="", disable=None, leave=False) as bar:
            while not ended.wait(POLL_SECONDS):
                with suppress(AppError):
                    bar.update(epochs_done(run.result()) - bar.n)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
