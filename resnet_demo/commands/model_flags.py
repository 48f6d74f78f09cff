"""Models that a command line names: opened, and told what was assumed about a file of weights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_demo.commands.progress import download_bar
from resnet_demo.models import model_folders
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import AppError, text

if TYPE_CHECKING:
    from resnet_demo.models.model import Model


def add_to(parser: argparse.ArgumentParser, language: str) -> None:
    """Add the flags that say what a file of weights does not say itself."""
    parser.add_argument("--variant", metavar="NAME", help=text("cli.help.model_variant", language))
    parser.add_argument("--labels", type=Path, metavar="FILE", help=text("cli.help.model_labels", language))


def open_models(names: Sequence[str], arguments: argparse.Namespace, settings: Settings, language: str) -> list[Model]:
    """The models of these names; what was assumed about them is printed.

    Args:
        arguments: with those of `add_to`, which go with files of weights.

    Raises:
        AppError: as for `open_model`.
    """
    from resnet_demo.inference import open_model

    files = [name for name in names if model_folders.file_of(name, settings) is not None]
    given = {"variant": arguments.variant, "labels": arguments.labels}
    if any(given.values()) and not files:
        raise AppError("inference.problem.no_weights_file", model=names[0])
    with download_bar(language) as progress:
        models = [open_model(name, settings, progress, **(given if name in files else {})) for name in names]
    for model in models:
        for note in model.notes:
            print_line(f"{model.name}: {note.say(language)}", sys.stderr)
    return models
