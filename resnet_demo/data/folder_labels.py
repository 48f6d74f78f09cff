"""The class and the split of a photo, read from the names of its folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from resnet_demo.data.file_names import display_name

SplitName = Literal["train", "val", "test"]
"""A split of a data set: training, validation or test photos."""

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class FolderLabel:
    """The class of the photos in a folder, and their split if the folder defines one."""

    label: str
    split: SplitName | None


def labels_of_folders(folders: Iterable[str]) -> dict[str, FolderLabel | None]:
    """The class and split of each folder with photos; None for a folder without a class.

    A photo's class is the name of its folder, at any depth, so that folders of the same name are one class:
    `monday/cats` and `tuesday/cats`, `train/cats` and `val/cats`, `cats/cats`. A folder called train, val (valid,
    validation) or test above the class gives the split; so does one below it if all classes are divided in this way
    (`cats/train`). Photos directly in the top folder, or directly in the folder of a split, have no class
    (`test/1.jpg` beside `train/cats/1.jpg`, or `train` and `test` without folders in them).

    Args:
        folders: paths relative to the data set's root, separated by `/`; the root itself is "".
    """
    paths = {folder: tuple(filter(None, folder.split("/"))) for folder in folders}
    if not paths:
        return {}
    first, last = min(paths.values()), max(paths.values())
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))))
    depth = shared if len(paths) > 1 else max(0, shared - 1)
    below = {folder: path[depth:] for folder, path in paths.items()}
    if any(_split_above(path) for path in below.values()):
        return {folder: _divided_above(path) for folder, path in below.items()}
    if all(path and _split_name(path[-1]) for path in below.values()):
        return {folder: _divided_below(path) for folder, path in below.items()}
    return {folder: FolderLabel(display_name(path[-1]), None) if path else None for folder, path in below.items()}


def _split_name(folder: str) -> SplitName | None:
    return SPLIT_NAMES.get(folder.casefold())


def _split_above(path: tuple[str, ...]) -> SplitName | None:
    """The split given by the outermost of the folders above the class."""
    return next(filter(None, map(_split_name, path[:-1])), None)


def _divided_above(path: tuple[str, ...]) -> FolderLabel | None:
    if not path or (len(path) == 1 and _split_name(path[0])):
        return None
    return FolderLabel(display_name(path[-1]), _split_above(path))


def _divided_below(path: tuple[str, ...]) -> FolderLabel | None:
    return FolderLabel(display_name(path[-2]), _split_name(path[-1])) if len(path) > 1 else None
