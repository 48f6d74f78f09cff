"""Which class and which part of the data set a photo belongs to, told by the folders that it lies in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from resnet_demo.data.names import shown

Part = Literal["train", "val", "test"]
"""Of a data set: photos to learn from, to choose by, to judge by."""

PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Place:
    """What a folder says of the photos in it: their class, and their part where it is given."""

    label: str
    part: Part | None


def read_folders(folders: Iterable[str]) -> dict[str, Place | None]:
    """What each folder that holds photos says of them; None where it gives them no class.

    A photo's class is the name of the folder that it lies in, however deep, so that folders of one name are one class:
    `monday/cats` and `tuesday/cats`, `train/cats` and `val/cats`, `cats/cats`. A folder called train, val (valid,
    validation) or test above the class gives the part; so does one below it where all classes are divided so
    (`cats/train`). Photos have no class that lie directly in the folder above all others, or in that of a part
    (`test/1.jpg` beside `train/cats/1.jpg`, or `train` and `test` with no folders in them).

    Args:
        folders: names relative to the data set's root, with `/` between; the root itself is "".
    """
    paths = {folder: tuple(filter(None, folder.split("/"))) for folder in folders}
    if not paths:
        return {}
    first, last = min(paths.values()), max(paths.values())
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))))
    depth = shared if len(paths) > 1 else max(0, shared - 1)
    below = {folder: path[depth:] for folder, path in paths.items()}
    if any(_part_above(path) for path in below.values()):
        return {folder: _divided_above(path) for folder, path in below.items()}
    if all(path and _part(path[-1]) for path in below.values()):
        return {folder: _divided_below(path) for folder, path in below.items()}
    return {folder: Place(shown(path[-1]), None) if path else None for folder, path in below.items()}


def _part(folder: str) -> Part | None:
    return PART_NAMES.get(folder.casefold())


def _part_above(path: tuple[str, ...]) -> Part | None:
    """The part that the outermost of the folders above the class gives."""
    return next(filter(None, map(_part, path[:-1])), None)


def _divided_above(path: tuple[str, ...]) -> Place | None:
    if not path or (len(path) == 1 and _part(path[0])):
        return None
    return Place(shown(path[-1]), _part_above(path))


def _divided_below(path: tuple[str, ...]) -> Place | None:
    return Place(shown(path[-2]), _part(path[-1])) if len(path) > 1 else None
