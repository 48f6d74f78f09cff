"""The class and split of every photo in a folder: told by its folders, by a table beside them, or by its name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from resnet_demo.data.file_names import display_name
from resnet_demo.data.folder_labels import (
    FolderLabel,
    FolderLabels,
    Layout,
    Reading,
    Skipped,
    read_folders,
    spelt_alike,
)
from resnet_demo.data.label_tables import TABLE_SUFFIXES, LabelTable, read_label_tables
from resnet_demo.data.labels_in_names import labels_in_names
from resnet_demo.texts import AppError


@dataclass(frozen=True)
class PhotoLabels:
    """The class and split of each photo that has a class, and what was understood."""

    labels: Mapping[str, FolderLabel]
    layout: Layout


def label_photos(root: Path, photos: Sequence[str], others: Sequence[str], reading: Reading) -> PhotoLabels:
    """Find the class of every photo.

    Class folders are believed first; where there are none, a table that names the photos, then the photos' own names.

    Args:
        photos, others: paths relative to `root` of the photos, and of the other files, separated by `/`.

    Raises:
        AppError: the reading names a folder that is not there, or a way to tell classes that does not work here.
    """
    found = read_folders(Counter(map(folder_of, photos)), reading)
    by_folders = _by_folders(photos, found)
    if reading.label_source == "folders":
        return by_folders
    splits = {path: split for path in photos if (split := found.splits.get(folder_of(path)))}
    table = None
    if reading.label_source == "table" or (reading.label_source == "auto" and _says_nothing(by_folders)):
        table = read_label_tables(root, others, photos, splits)
    if table is not None and not table.vague and _is_better(table.labels, by_folders):
        return _by_table(photos, found, table, reading)
    if reading.label_source == "names" or (reading.label_source == "auto" and len(_classes(by_folders)) < 2):
        by_names = _by_names(photos, found, reading)
        if by_names is not None and (reading.label_source == "names" or _is_better(by_names.labels, by_folders)):
            return by_names
        if reading.label_source == "names":
            raise AppError("photo_labels.problem.no_names")
    if table is not None and (reading.label_source == "table" or _is_better(table.labels, by_folders)):
        return _by_table(photos, found, table, reading)
    if reading.label_source == "table":
        raise AppError("photo_labels.problem.no_table")
    return by_folders


def _classes(labelled: PhotoLabels) -> set[str]:
    return {one.label for one in labelled.labels.values()}


def _says_nothing(by_folders: PhotoLabels) -> bool:
    """Whether the folders may be no classes: there is one, or they differ in numbers only (`part_1`, `part_2`)."""
    return len({re.sub(r"[\W\d_]+", "", name) for name in _classes(by_folders)}) < 2


def _is_better(labels: Collection[str], by_folders: PhotoLabels) -> bool:
    """Whether another source has labels for about as many photos as the folders have."""
    return len(labels) > 1 and 10 * len(labels) >= 9 * len(by_folders.labels)


def no_classes(root: Path, photos: int, others: Sequence[str]) -> AppError:
    """The refusal of a folder whose photos have no class: what lies beside them says what could be done."""
    folder = display_name(root.name)
    names = [PurePosixPath(name).name.lower() for name in others]
    if any("synset" in name for name in names):
        return AppError("photo_labels.problem.synsets", folder=folder, photos=photos)
    if any(name.endswith((".json", ".jsonl")) for name in names):
        file = next(name for name in others if name.lower().endswith((".json", ".jsonl")))
        return AppError("photo_labels.problem.json", folder=folder, photos=photos, file=display_name(file))
    if any(name.endswith(".xml") for name in names):
        return AppError("photo_labels.problem.boxes", folder=folder, photos=photos)
    if any(name.endswith(TABLE_SUFFIXES) for name in names):
        file = next(name for name in others if name.lower().endswith(TABLE_SUFFIXES))
        return AppError("photo_labels.problem.unread_table", folder=folder, photos=photos, file=display_name(file))
    return AppError("image_folder.problem.no_classes", folder=folder, photos=photos)


def folder_of(path: str) -> str:
    """The folder of a file; "" for the root."""
    return path.rpartition("/")[0]


def _by_folders(photos: Sequence[str], found: FolderLabels) -> PhotoLabels:
    labels = {path: label for path in photos if (label := found.labels[folder_of(path)])}
    return PhotoLabels(labels, found.layout)


def _by_table(photos: Sequence[str], found: FolderLabels, table: LabelTable, reading: Reading) -> PhotoLabels:
    """Parts are those of the table, or else those of the folders."""
    labels: dict[str, FolderLabel] = {}
    for path in photos:
        if one := table.labels.get(path):
            labels[path] = FolderLabel(one.label, one.split or found.splits.get(folder_of(path)))
    told = _finished(photos, found, labels, reading, "table", ", ".join(table.files))
    return replace(told, layout=replace(told.layout, parts=table.parts or told.layout.parts))


def _by_names(photos: Sequence[str], found: FolderLabels, reading: Reading) -> PhotoLabels | None:
    """The photos of each part on their own, since test photos are often only numbered."""
    by_part: dict[str | None, list[str]] = {}
    for path in photos:
        by_part.setdefault(found.splits.get(folder_of(path)), []).append(path)
    names: dict[str, str] = {}
    for part in by_part.values():
        names.update(labels_in_names(part))
    if not names:
        return None
    labels = {path: FolderLabel(display_name(name), found.splits.get(folder_of(path))) for path, name in names.items()}
    return _finished(photos, found, labels, reading, "names", display_name(next(iter(labels)).rpartition("/")[2]))


def _finished(
    photos: Sequence[str],
    found: FolderLabels,
    labels: dict[str, FolderLabel],
    reading: Reading,
    source: Literal["names", "table"],
    example: str,
) -> PhotoLabels:
    """Spellings joined; folders of which no photo has a class are passed over."""
    merged: tuple[tuple[str, ...], ...] = ()
    if not reading.separate_names:
        names, merged = spelt_alike(Counter(one.label for one in labels.values()))
        labels = {path: replace(one, label=names.get(one.label, one.label)) for path, one in labels.items()}
    unlabelled = Counter(folder_of(path) for path in photos if path not in labels)
    known = {folder_of(path) for path in labels}
    skipped = tuple(
        Skipped(display_name(folder), "flat_part", count)
        for folder, count in sorted(unlabelled.items())
        if folder and folder not in known
    )
    used = {one.split for one in labels.values()}
    parts = tuple((part, folder) for part, folder in found.layout.parts if part in used)
    layout = replace(
        found.layout, parts=parts, skipped=skipped, other=None, merged=merged, label_source=source, source=example
    )
    return PhotoLabels(labels, layout)
