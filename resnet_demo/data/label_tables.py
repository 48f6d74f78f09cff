"""Labels in a CSV or TSV file beside the photos; its columns are found by what stands in them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from resnet_demo.data.file_names import display_name
from resnet_demo.data.part_names import SplitName, normalised, part_name, split_of, words_for

TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
SUFFIXES = (*TABLE_SUFFIXES, ".txt")
MOST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 2_000_000
MOST_COLUMNS = 64
MOST_TABLES = 32
_TRIED_ROWS = 500
_SHORT = 8
"""Rows: in a longer table at least two classes have more than one photo."""

_LEAST_FOUND = 0.5
"""Share of the rows whose photo must be there, for a column to be the one of the photos."""

_LABEL_WORDS = words_for("label_columns")


@dataclass(frozen=True)
class TableLabel:
    """What a table says of a photo."""

    label: str
    split: SplitName | None


@dataclass(frozen=True)
class LabelTable:
    """The labels of photos by their path, read from `files`; `parts` are the files that told each part.

    `vague`: the classes are bare numbers, in a column that is not called so.
    """

    files: tuple[str, ...]
    labels: Mapping[str, TableLabel]
    parts: tuple[tuple[SplitName, str], ...]
    vague: bool = False


@dataclass(frozen=True)
class _Columns:
    photo: int
    label: int
    split: int | None
    header: bool
    vague: bool


def read_label_tables(
    root: Path, files: Iterable[str], photos: Sequence[str], splits: Mapping[str, SplitName]
) -> LabelTable | None:
    """The labels in the tables among `files`, where one column names photos and another one their classes.

    Args:
        files, photos: paths relative to `root`, separated by `/`.
        splits: the part of each photo whose folder says so: a name that is in two parts means the one of the table's
            own name (`train.csv`), or else the training photo.
    """
    tables = [name for name in files if name.lower().endswith(SUFFIXES)]
    tables.sort(key=lambda name: (name.count("/"), name.lower().endswith(".txt"), name))
    if not tables:
        return None
    finders = {part: _Finder([path for path in photos if splits.get(path) == part]) for part in set(splits.values())}
    anywhere = _Finder(photos)
    found: dict[str, dict[str, TableLabel]] = {}
    vague = set()
    for name in tables[:MOST_TABLES]:
        rows = read_rows(root / name)
        part = part_name(PurePosixPath(name).stem)
        tried = (finders.get(part.part) if part else None, anywhere, finders.get("train"))
        for finder in filter(None, tried):
            if rows and (columns := _columns(rows, finder)) and (labels := _labels(rows, columns, finder)):
                found[name] = labels
                if columns.vague:
                    vague.add(name)
                break
    return replace(_joined(found), vague=bool(vague)) if found else None


def _joined(found: Mapping[str, Mapping[str, TableLabel]]) -> LabelTable:
    """Several tables as one: each its part where their names say so; of others the one with most labels counts."""
    named = {name: part.part for name in found if (part := part_name(PurePosixPath(name).stem))}
    files = sorted(named) if len(set(named.values())) > 1 else [max(found, key=lambda name: len(found[name]))]
    labels: dict[str, TableLabel] = {}
    parts: dict[tuple[SplitName, str], None] = {}
    for name in files:
        for path, one in found[name].items():
            split = one.split or (named.get(name) if len(files) > 1 else None)
            labels.setdefault(path, TableLabel(one.label, split))
            if split:
                parts[split, display_name(name)] = None
    return LabelTable(tuple(map(display_name, files)), labels, tuple(parts))


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a table, in whatever encoding and with whatever separator; empty if it is none, or too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError:
        return []
    if len(raw) > MOST_BYTES:
        return []
    words = _decoded(raw)
    if words is None:
        return []
    lines = [line for line in words.splitlines()[:20] if line.strip()]
    counted = {mark: sorted(line.count(mark) for line in lines) for mark in ("\t", ";", ",", "|", " ")}
    separator = next((mark for mark, counts in counted.items() if counts and counts[len(counts) // 2]), None)
    if separator is None:
        return []
    try:
        reader = csv.reader(io.StringIO(words, newline=""), delimiter=separator, skipinitialspace=True)
        rows = [[cell.strip() for cell in row[:MOST_COLUMNS]] for row in islice(reader, MOST_ROWS) if any(row)]
    except csv.Error:
        return []
    return rows


def _decoded(raw: bytes) -> str | None:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in raw[:4096]:
        return None
    else:
        in_pairs = 2 * len(re.findall(rb"[\xa1-\xfe]{2}", raw))  # as in GBK; in cp1252 such bytes stand alone
        chinese = 2 * in_pairs > len(re.findall(rb"[\x80-\xff]", raw))
        encodings = ["utf-8-sig", *(["gb18030"] if chinese else []), "cp1252"]
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


class _Finder:
    """Finds the photo that a cell names: by its path, its end, or its name without the ending."""

    def __init__(self, photos: Sequence[str]) -> None:
        self._known: dict[str, str | None] = {}
        for path in photos:
            for key in dict.fromkeys((path, path.rpartition("/")[2])):
                for one in dict.fromkeys((key, _without_ending(key))):
                    self._add(one, path)

    def _add(self, key: str, path: str) -> None:
        """A name that two photos have says nothing."""
        key = normalised(key)
        self._known[key] = path if self._known.get(key, path) == path else None

    def find(self, cell: str) -> str | None:
        """The photo, or None where there is none or more than one."""
        cell = normalised(cell.replace("\\", "/")).removeprefix("./").strip("/")
        while cell:
            if (path := self._known.get(cell)) is not None:
                return path
            if "/" not in cell:
                return None
            cell = cell.partition("/")[2]
        return None


def _without_ending(path: str) -> str:
    stem, dot, ending = path.rpartition(".")
    return stem if dot and 0 < len(ending) <= 5 and not ending.isdigit() else path


def _columns(rows: Sequence[Sequence[str]], finder: _Finder) -> _Columns | None:
    """The columns of the photos, their classes and parts; None if it is no table of labels."""
    width = max(map(len, rows[:_TRIED_ROWS]))
    tried = [[*row, *[""] * (width - len(row))] for row in rows[:_TRIED_ROWS]]
    body = tried[1:] or tried
    hits = [sum(finder.find(row[column]) is not None for row in body) for column in range(width)]
    best = max(range(width), key=lambda column: hits[column], default=None)
    if best is None or hits[best] < max(1, _LEAST_FOUND * len(body)):
        return None
    header = finder.find(tried[0][best]) is None and len(rows) > 1
    body = tried[1:] if header else tried
    head = tried[0] if header else [""] * width
    split = next((column for column in range(width) if column != best and _tells_parts(body, column)), None)
    few = {}
    for column in range(width):
        values = [row[column] for row in body]
        counts = Counter(values)
        distinct = len(counts)
        several = len(values) < _SHORT or sorted(counts.values())[-2:][0] > 1
        if several and column not in (best, split) and all(values[:1]) and 2 <= distinct <= max(2, len(values) // 2):
            few[column] = distinct
    if not few:
        return None

    def is_named(column: int) -> bool:
        return normalised(head[column]) in _LABEL_WORDS

    def is_number(column: int) -> bool:
        return all(row[column].replace(".", "", 1).lstrip("-").isdigit() for row in body if row[column])

    def rank(column: int) -> tuple[bool, bool, int, int]:
        return not is_named(column), is_number(column), 0 if is_named(column) else few[column], column

    label = min(few, key=rank)
    return _Columns(best, label, split, header, vague=is_number(label) and not is_named(label))


def _tells_parts(rows: Sequence[Sequence[str]], column: int) -> bool:
    values = {row[column] for row in rows if row[column]}
    parts = {split_of(value) for value in values}
    return bool(values) and len(values) <= 6 and None not in parts and len(parts) > 1


def _labels(rows: Sequence[Sequence[str]], columns: _Columns, finder: _Finder) -> dict[str, TableLabel]:
    """The labels of the photos; without those that have two, and empty where most have."""
    found: dict[str, TableLabel] = {}
    torn: set[str] = set()
    for row in rows[columns.header :]:
        cells: Mapping[int, str] = defaultdict(str, enumerate(row))
        photo, label = finder.find(cells[columns.photo]), cells[columns.label]
        if photo is not None and label:
            split = split_of(cells[columns.split]) if columns.split is not None else None
            one = TableLabel(display_name(label), split)
            if found.setdefault(photo, one).label != one.label:
                torn.add(photo)
    if 2 * len(torn) > len(found):  # several objects in each photo
        return {}
    return {photo: one for photo, one in found.items() if photo not in torn}
