"""`python -m resnet_demo explain`: where a network looked, as pictures and as arrays."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from resnet_demo import catalogue
from resnet_demo.commands.progress import download_bar, say
from resnet_demo.data.files import find_files
from resnet_demo.data.images import Problem, load
from resnet_demo.data.names import Places, one_part, shown
from resnet_demo.explain.placing import over_photo
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import AppError, text

if TYPE_CHECKING:
    from resnet_demo.explain.explainer import Explanation
    from resnet_demo.explain.targets import Target

DONE, NOTHING_READ = 0, 1
DEFAULT_METHOD = "gradcam"
OPACITY = 0.6
BAR = "{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command."""

    def say(key: str) -> str:
        return text(f"cli.help.explain_{key}", language)

    explain = commands.add_parser("explain", help=say("what"), description=say("what"))
    explain.set_defaults(run=run_explain)
    explain.add_argument("paths", nargs="+", type=Path, metavar="PHOTO", help=text("cli.help.paths", language))
    explain.add_argument("--model", help=text("cli.help.model", language))
    explain.add_argument("--method", action="append", metavar="METHOD", help=say("method"))
    explain.add_argument("--layer", help=say("layer"))
    explain.add_argument("--class", dest="wanted", metavar="CLASS", help=say("class"))
    explain.add_argument("--not", dest="other", metavar="CLASS", help=say("not"))
    explain.add_argument("--view", choices=("crop", "whole"), default="crop", help=text("cli.help.view", language))
    explain.add_argument("--out", type=Path, required=True, metavar="DIR", help=say("out"))


def run_explain(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Write an overlay and a raw map for every photo and method."""
    files = list(dict.fromkeys(find_files(arguments.paths)[0]))
    if not files:
        print_line(text("cli.no_files", language), sys.stderr)
        return NOTHING_READ
    from resnet_demo.explain.explainer import Explainer
    from resnet_demo.explain.methods import method_named
    from resnet_demo.inference import Classifier, open_model

    methods = [method_named(name) for name in dict.fromkeys(arguments.method or [DEFAULT_METHOD])]
    name = catalogue.default(settings) if arguments.model is None else arguments.model
    with download_bar(language) as downloaded:
        model = open_model(name, settings, downloaded)
    asked = _target(arguments, model.labels)
    explainer = Explainer(Classifier(model, settings))
    names = _names(files)
    read = 0
    with tqdm(total=len(files), bar_format=BAR, disable=None, leave=False) as bar:

        def progress(done: float) -> None:
            bar.update(done - bar.n)

        found = explainer.explain(files, methods, arguments.layer, [asked], arguments.view, progress)
        for file, several in groupby(found, key=lambda one: one.file):
            read += _write(list(several), arguments.out / names[file], settings, language)
    said = text(
        "cli.explain.totals",
        language,
        photos=len(files),
        read=read,
        problems=len(files) - read,
        folder=str(arguments.out),
    )
    print_line(said, sys.stderr)
    return DONE if read else NOTHING_READ


def _target(arguments: argparse.Namespace, labels: Sequence[str]) -> Target:
    """What the maps are to be about; by default each photo's best class."""
    from resnet_demo.explain import targets

    wanted = targets.best() if arguments.wanted is None else targets.named(_index(labels, arguments.wanted))
    if arguments.other is None:
        return wanted
    return targets.difference(wanted, targets.named(_index(labels, arguments.other)))


def _index(labels: Sequence[str], name: str) -> int:
    from resnet_demo.explain.targets import class_named

    return class_named(labels, name)


def _names(files: Sequence[Path]) -> dict[str, str]:
    """What each file's results are called: as the photo, with a number if another photo is called so too."""
    places = Places()
    return {os.fspath(file): places.settle((one_part(shown(file.stem)) or "photo",))[0] for file in files}


def _write(found: Sequence[Explanation | Problem], base: Path, settings: Settings, language: str) -> bool:
    """Write what was found on one photo, and say so; whether the photo could be read.

    Args:
        found: what each method found, or the problem with the file.
        base: where to, without `-gradcam.png` and the like.
    """
    photo = found[0] if isinstance(found[0], Problem) else load(found[0].file, max_pixels=settings.max_pixels)
    if isinstance(photo, Problem):
        say(f"{photo.file}: {photo.say(language)}")
        return False
    for looked in found:
        assert not isinstance(looked, Problem)  # a file's problem comes alone
        place = f"{base}-{looked.method.name}"
        picture = over_photo(photo.image, looked.size, looked.seen, looked.maps[0], OPACITY)
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(f"{place}.png")
            np.save(f"{place}.npy", looked.on_photo())
        except OSError as error:
            raise AppError("cli.explain.cannot_write", file=place, reason=error.strerror or str(error)) from error
        say(_line(looked, place, language))
    return True


def _line(looked: Explanation, place: str, language: str) -> str:
    guess, rival = looked.asked[0], looked.rivals[0]
    label = guess.label if rival is None else text("cli.explain.rather", language, label=guess.label, other=rival)
    said = text("tables.line", language, file=looked.file, label=label, percent=f"{100 * guess.probability:.1f}")
    note = " " + text("explain.empty", language) if looked.is_empty() else ""
    return f"{said} → {place}.png{note}"
