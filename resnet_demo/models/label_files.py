"""The names of a model's classes in a file of their own: as JSON in either direction, or a line each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resnet_demo.models.entries import MAX_JSON_BYTES, check_file, labels_of
from resnet_demo.models.pretrained import MAX_CLASSES
from resnet_demo.texts import AppError

BESIDE = (
    "class_indices.json",
    "class_to_idx.json",
    "class_names.json",
    "classes.json",
    "labels.json",
    "id2label.json",
    "classes.txt",
    "class_names.txt",
    "labels.txt",
)
"""Files that tutorials and tools write beside the weights, the first one counts."""
INSIDE = ("class_to_idx", "idx_to_class", "id2label", "class_names", "classes", "CLASSES", "label_names", "labels")
"""What programs call the classes among what they save with the weights."""
PARTS = ("meta", "hyper_parameters", "hparams", "config", "args")
"""Where in a checkpoint they may lie instead: MMPretrain, Lightning, scripts."""


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in the order of the logits.

    Raises:
        AppError: no such file, or it does not name the classes.
    """
    check_file(path, MAX_JSON_BYTES)
    try:
        content = path.read_text(encoding="utf-8-sig")
        entries: Any = json.loads(content) if path.suffix.lower() == ".json" else content.split("\n")
    except (OSError, ValueError, RecursionError) as error:
        raise AppError("labels.problem.unreadable", file=path.name) from error
    if isinstance(entries, list) and path.suffix.lower() != ".json":
        entries = [line.strip() for line in entries if line.strip()]
    labels = labels_in(entries)
    if labels is None:
        raise AppError("labels.problem.unreadable", file=path.name)
    return labels


def labels_beside(weights: Path, classes: int) -> tuple[Path, tuple[str, ...]] | None:
    """The first file beside the weights that names so many classes, with its labels."""
    for name in BESIDE:
        path = weights.with_name(name)
        if os.path.isfile(path):  # noqa: PTH113  Path's own raises where a folder above is closed
            try:
                labels = read_labels(path)
            except AppError:
                continue
            if len(labels) == classes:
                return path, labels
    return None


def labels_inside(content: Mapping[str, Any], classes: int) -> tuple[str, tuple[str, ...]] | None:
    """The entry among what was saved with the weights that names so many classes, with its labels."""
    parts = [content, *(part for name in PARTS if isinstance(part := content.get(name), Mapping))]
    for part in parts:
        for name in INSIDE:
            labels = labels_in(part.get(name))
            if labels is not None and len(labels) == classes:
                return name, labels
    return None


def labels_in(entries: object) -> tuple[str, ...] | None:
    """Labels from a list, from indices to names, from names to indices; None if it is neither.

    >>> labels_in({"0": "daisy", "1": "rose"}), labels_in({"rose": 1, "daisy": 0})
    (('daisy', 'rose'), ('daisy', 'rose'))

    Keras's `imagenet_class_index.json` has a WordNet id before each name.
    """
    if isinstance(entries, Mapping):
        entries = _in_order(entries)
    if not isinstance(entries, list | tuple) or not 1 <= len(entries) <= MAX_CLASSES:
        return None
    names = [one[1] if isinstance(one, list | tuple) and len(one) == 2 else one for one in entries]
    try:
        return labels_of(names, len(names))
    except AppError:
        return None


def _in_order(entries: Mapping[Any, Any]) -> list[Any] | None:
    """The names by their indices, which have to be 0, 1, 2 and so on."""
    if all(type(value) is int for value in entries.values()):
        by_index = {value: name for name, value in entries.items()}
    else:
        by_index = {int(key): name for key, name in entries.items() if type(key) is int or str(key).isdecimal()}
    if len(by_index) != len(entries) or set(by_index) != set(range(len(entries))):
        return None
    return [by_index[index] for index in range(len(entries))]
