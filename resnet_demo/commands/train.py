"""`python -m resnet_demo train`: teach a network with the photos of a folder."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from resnet_demo.commands import foreground
from resnet_demo.commands.progress import looking_bar
from resnet_demo.jobs import queue
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command, with a flag for every setting."""
    said = text("cli.help.train", language)
    train = commands.add_parser("train", help=said, description=said)
    train.set_defaults(run=run_train)
    train.add_argument("--out", type=Path, metavar="DIR", help=text("cli.help.out", language))
    TrainConfig.add_flags(train, language)


def run_train(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Make a run and carry it out here; with `--out` of a run that was broken off, go on with that."""
    config = queue.located(TrainConfig.from_arguments(arguments), settings)
    folder = arguments.out and Path(os.path.realpath(expanded(arguments.out)))  # Path's own raises where links go round

    def make(me: Process) -> Run:
        if folder and any(folder == run.folder for run in all_runs(settings.home)):
            run = Run.open(folder)
            if run.config != config:
                raise AppError("run.problem.in_use", folder=str(folder))
            queue.resume(run, settings.home, waiter=me)
            return run
        with looking_bar(language) as progress:
            return queue.make(config, settings, folder=folder, waiter=me, progress=progress)

    return foreground.carry_out(make, settings, language)
