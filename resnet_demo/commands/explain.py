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
from resnet_demo.commands import model_flags
from resnet_demo.commands.progress import say
from resnet_demo.data.file_names import TakenPaths, display_name, one_part
from resnet_demo.data.files import find_files
from resnet_demo.data.images import Problem, load
from resnet_demo.explain.methods import DEFAULT_METHOD, METHODS, method_named
from resnet_demo.explain.overlay import overlay_map
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import AppError, text

if TYPE_CHECKING:
    from resnet_demo.explain.explainer import Explanation
    from resnet_demo.explain.targets import Target

DONE, NOTHING_READ = 0, 1
OPACITY = 0.6
BAR = "{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command."""

    def say(key: str, **fields: str) -> str:
        return text(f"cli.help.explain_{key}", language, **fields)

    explain = commands.add_parser("explain", help=say("what"), description=say("what"))
    explain.set_defaults(run=run_explain)
    explain.add_argument("paths", nargs="+", type=Path, metavar="PHOTO", help=text("cli.help.paths", language))
    explain.add_argument("--model", help=text("cli.help.model", language))
    model_flags.add_to(explain, language)
    methods = say("method", names=", ".join(METHODS), default=DEFAULT_METHOD)
    explain.add_argument("--method", action="append", metavar="METHOD", help=methods)
    on_pixels = ", ".join(name for name, method in METHODS.items() if not method.layered)
    explain.add_argument("--layer", help=say("layer", on_pixels=on_pixels))
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
    from resnet_demo.inference import Classifier

    methods = [method_named(name) for name in dict.fromkeys(arguments.method or [DEFAULT_METHOD])]
    name = catalogue.default(settings) if arguments.model is None else arguments.model
    [model] = model_flags.open_models([name], arguments, settings, language)
    asked = _target(arguments, model.labels, language)
    names = class_names(model.labels, language)
    explainer = Explainer(Classifier(model, settings))
    places = _names(files)
    read = 0
    with tqdm(total=len(files), bar_format=BAR, disable=None, leave=False) as bar:

        def progress(done: float) -> None:
            bar.update(done - bar.n)

        found = explainer.explain(files, methods, arguments.layer, [asked], arguments.view, progress)
        for file, several in groupby(found, key=lambda one: one.file):
            read += _write(list(several), arguments.out / places[file], settings, names, language)
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


def _target(arguments: argparse.Namespace, labels: Sequence[str], language: str) -> Target:
    """What the maps are to be about; by default each photo's best class."""
    from resnet_demo.explain import targets
    from resnet_demo.explain.targets import class_named

    wanted = (
        targets.best() if arguments.wanted is None else targets.named(class_named(labels, arguments.wanted, language))
    )
    if arguments.other is None:
        return wanted
    return targets.difference(wanted, targets.named(class_named(labels, arguments.other, language)))


def _names(files: Sequence[Path]) -> dict[str, str]:
    """What each file's results are called: as the photo, with a number if another photo is called so too."""
    places = TakenPaths()
    return {os.fspath(file): places.claim_free((one_part(display_name(file.stem)) or "photo",))[0] for file in files}


def _write(
    found: Sequence[Explanation | Problem], base: Path, settings: Settings, names: ClassNames, language: str
) -> bool:
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
        picture = overlay_map(photo.image, looked.size, looked.seen, looked.maps[0], OPACITY)
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(f"{place}.png")
            np.save(f"{place}.npy", looked.on_photo())
        except OSError as error:
            raise AppError("cli.explain.cannot_write", file=place, reason=error.strerror or str(error)) from error
        say(_line(looked, place, names, language))
    return True


def _line(looked: Explanation, place: str, names: ClassNames, language: str) -> str:
    guess, rival = looked.target_classes[0], looked.contrast_classes[0]
    label = names.full(guess.label)
    if rival is not None:
        label = text("cli.explain.rather", language, label=label, other=names.full(rival))
    said = text(
        "tables.summary_line", language, file=looked.file, label=label, percent=f"{100 * guess.probability:.1f}"
    )
    note = " " + text("explain.empty", language) if looked.is_empty() else ""
    return f"{said} → {place}.png{note}"
