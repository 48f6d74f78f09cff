"""Entries of a model's JSON files and files of labels, read as untrusted input and checked."""

from __future__ import annotations

import json
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from resnet_demo.models.pretrained import MAX_CLASSES, imagenet_ids, imagenet_labels
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

Entries = Mapping[str, Any]

MAX_JSON_BYTES = 8 * MEGABYTE
MAX_NUMBER = 1e12
MAX_CHARACTERS = 200


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a saved model.

    Raises:
        AppError: there is no such file, it is too large, or is not a JSON object.
    """
    check_file(path, MAX_JSON_BYTES)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AppError("saved.problem.no_json", file=path.name) from error
    if not isinstance(entries, dict):
        raise AppError("saved.problem.no_json", file=path.name)
    return entries


def check_file(path: Path, max_bytes: int) -> None:
    """Check that a file exists and is no larger than `max_bytes`.

    Raises:
        AppError: it is missing or too large.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        raise AppError("saved.problem.no_file", file=path.name, folder=str(path.parent))
    if found.st_size > max_bytes:
        raise AppError("saved.problem.too_large", file=path.name, most=max_bytes // MEGABYTE)


def labels_of(names: object, classes: int) -> tuple[str, ...]:
    """One label per logit; without names, ImageNet's for 1,000 classes and numbers for any other count."""
    if names is None:
        return imagenet_labels() if classes == len(imagenet_ids()) else tuple(map(str, range(classes)))
    if isinstance(names, dict):
        names = [names.get(str(index)) for index in range(classes)]
    if not isinstance(names, list) or len(names) != classes:
        raise misfit("label_names", names)
    labels = tuple(text_entry("label_names", name) for name in names)
    return imagenet_labels() if labels == imagenet_ids() else _unique(labels)


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Make labels unique: a second `cat` becomes `cat (2)`, or gets the next free number."""
    taken, numbers = set(labels), defaultdict[str, Iterator[int]](lambda: count(2))
    first: set[str] = set()
    unique = []
    for label in labels:
        name = label
        if label in first:
            stem = label[: MAX_CHARACTERS - len(f" ({MAX_CLASSES})")]
            name = next(fresh for number in numbers[stem] if (fresh := f"{stem} ({number})") not in taken)
        first.add(label)
        taken.add(name)
        unique.append(name)
    return tuple(unique)


def optional_text(entries: Entries, name: str) -> str | None:
    return None if entries.get(name) is None else text_entry(name, entries[name])


def text_entry(name: str, value: Any) -> str:
    """Check a text: not empty, not long, without control characters and lone surrogates."""
    sound = isinstance(value, str) and 1 <= len(value) <= MAX_CHARACTERS
    require(sound and not {"Cc", "Cs"} & set(map(unicodedata.category, value)), name, value)
    return str(value)


def number_entry(name: str, value: Any) -> float:
    require(type(value) in (int, float) and abs(value) < MAX_NUMBER, name, value)  # NaN is not below either
    return float(value)


def require(condition: bool, name: str, value: object) -> None:
    if not condition:
        raise misfit(name, value)


def misfit(name: str, value: object) -> AppError:
    return AppError("saved.problem.entry", name=name[:MAX_CHARACTERS], value=displayable(value))


def displayable(value: object) -> str:
    """An untrusted value for display: short, and without its inner parts."""
    text = str(value) if isinstance(value, str | int | float) else type(value).__name__
    return text[:MAX_CHARACTERS].encode(errors="replace").decode()
