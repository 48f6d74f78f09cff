"""`python -m resnet_demo lab`: run an experiment on residual learning; alone it lists them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from resnet_demo import tables
from resnet_demo.commands.lab_text import result_lines
from resnet_demo.labs.experiments import EXPERIMENTS, run_experiment
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import text

DONE = 0


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
    """Run an experiment and print what it measured; one that trains goes on where it was interrupted."""
    config = EXPERIMENTS[arguments.experiment].config.from_arguments(arguments)
    result: Mapping[str, Any] = {}
    for result in tqdm(  # noqa: B007  the last one is printed
        run_experiment(arguments.experiment, config, settings), unit="", disable=None, leave=False
    ):
        pass
    if arguments.json:
        print(tables.as_json(result, sys.stdout.encoding, indent=1))
    else:
        for line in result_lines(result, language):
            print_line(line)
    return DONE
