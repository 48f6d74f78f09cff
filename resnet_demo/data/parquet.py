"""Photos in Parquet tables, as in most data sets of the Hugging Face Hub, written to class folders.

The format: https://huggingface.co/docs/datasets/image_dataset and, for the columns' meaning, the `features` that the
datasets library keeps in a table's own metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from resnet_demo.data import images
from resnet_demo.data.archive_members import MAX_ENTRIES
from resnet_demo.data.disk_usage import DiskBudget
from resnet_demo.data.file_names import TakenPaths, display_name, one_part
from resnet_demo.data.part_names import SPLIT_NAMES
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

SUFFIX = ".parquet"
ROWS = 64
"""Rows read at a time."""

_USUAL_FOLDERS = ("", "data", "default")
_USUAL_LABELS = ("label", "labels", "class", "category", "target")
_BEGINNINGS = {
    b"\xff\xd8": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"RIFF": ".webp",
    b"II*\0": ".tif",
    b"BM": ".bmp",
}


def split_of(name: str) -> str | None:
    """The split (train, val or test) in a table's name: `data/train-0-of-2.parquet`, `test/0000.parquet`."""
    path = PurePosixPath(name)
    words = [*re.findall("^[a-z]+", path.stem.casefold()), path.parent.name.casefold()]
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def choose(names: Iterable[str]) -> list[str]:
    """The tables of a data set to import.

    A data set may be stored in several configurations, each in its own folder: one is imported, the default one if
    there is one. If names give splits, tables without split (as a rule, photos without labels) are left out.
    """
    ways: dict[str, list[str]] = {}
    for name in sorted(names):
        folder = PurePosixPath(name).parent
        if folder.name.casefold() in SPLIT_NAMES:
            folder = folder.parent
        ways.setdefault("" if str(folder) == "." else str(folder), []).append(name)
    usual = next((folder for folder in _USUAL_FOLDERS if folder in ways), None)
    tables = ways[min(ways) if usual is None else usual] if ways else []
    return [name for name in tables if split_of(name)] or tables


@dataclass
class Unpacking:
    """Writes photos of tables to `folder`, which is empty; the caller removes it if this raises."""

    folder: Path
    max_bytes: int
    _paths: TakenPaths = field(default_factory=TakenPaths)
    _folders: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict)
    _photos: int = 0

    def __post_init__(self) -> None:
        self._budget = DiskBudget(self.max_bytes)

    def add(self, table: Path, split: str | None) -> int:
        """Lay the photos of a table into folders of their classes, below that of their part.

        Returns:
            The number of rows without photo or label, which were skipped.

        Raises:
            AppError: it is no table, a damaged one, one without photos or labels, or too large.
            OSError: the folder cannot be written to.
        """
        passed_over = 0
        for name, label, content in _rows(table, self.max_bytes):
            if label is None or not content:
                passed_over += 1
                continue
            preferred = (*filter(None, [split]), self._folder_of(label), _file_name(name, content))
            place = self._paths.claim_free(preferred)
            self._photos += 1
            if self._photos > MAX_ENTRIES or not self._budget.take(place, len(content)):
                raise _too_large(self.max_bytes)
            path = self.folder.joinpath(*place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return passed_over

    def _folder_of(self, label: str) -> str:
        """The folder of a label; labels have different folders even if a file system takes their names for the same."""
        if label not in self._folders:
            name = preferred = one_part(label) or "-"
            while name.casefold() in self._taken:
                number = self._numbers[preferred] = self._numbers.get(preferred, 1) + 1
                name = f"{preferred}-{number}"
            self._taken.add(name.casefold())
            self._folders[label] = name
        return self._folders[label]


def _file_name(name: str, content: bytes) -> str:
    """The photo's own name if it has a known suffix, else one by its first bytes."""
    own = one_part(PurePosixPath(name.replace("\\", "/")).name)
    if PurePosixPath(own).suffix.lower() in images.SUFFIXES:
        return own
    return "photo" + next((suffix for begin, suffix in _BEGINNINGS.items() if content.startswith(begin)), ".jpg")


def _rows(table: Path, max_bytes: int) -> Iterator[tuple[str, str | None, bytes]]:
    """The file name, label and content of each row; the label may be None and the content empty."""
    import pyarrow
    from pyarrow import parquet as reader

    try:
        with reader.ParquetFile(table) as file:
            about = file.metadata
            size = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
            if size > max_bytes or about.num_rows > MAX_ENTRIES:
                raise _too_large(max_bytes)
            columns = _Columns.of(file.schema_arrow)
            for batch in file.iter_batches(ROWS, columns=[columns.photo, columns.label]):
                photos, labels = (batch.column(name).to_pylist() for name in (columns.photo, columns.label))
                for photo, label in zip(photos, labels, strict=True):
                    name, content = _photo(photo)
                    yield name, columns.named(label), content
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise AppError("parquet.problem.damaged", name=display_name(table.name)) from error


def _photo(value: Any) -> tuple[str, bytes]:
    if isinstance(value, Mapping):
        return value.get("path") or "", value.get("bytes") or b""
    return "", value or b""


@dataclass(frozen=True)
class _Columns:
    """The columns of photos and labels; `names` are those of the classes if labels are numbers."""

    photo: str
    label: str
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, schema: Any) -> _Columns:
        """Find the columns in an Arrow schema.

        Raises:
            AppError: it has no photos, or no labels.
        """
        features = _features(schema.metadata or {})
        shown_names = display_name(", ".join(schema.names))
        photo = next((name for name in schema.names if _holds_photos(schema.field(name).type)), None)
        if photo is None:
            raise AppError("parquet.problem.no_photos", columns=shown_names)
        named = {name: _class_names(features.get(name)) for name in schema.names}
        # One column gives the class; of several candidates one with a usual name, else the first.
        labels = [name for name in schema.names if named[name]] or [
            name
            for name in schema.names
            if name.casefold() in _USUAL_LABELS and _tells_a_class(schema.field(name).type)
        ]
        if not labels:
            raise AppError("parquet.problem.no_labels", columns=shown_names)
        usual = (name for word in _USUAL_LABELS for name in labels if name.casefold() == word)
        label = next(usual, labels[0])
        return cls(photo, label, named[label])

    def named(self, label: Any) -> str | None:
        """The class of an entry; None if it has no label, such as -1 in hidden test sets."""
        if self.names is None:
            return None if label is None else str(label)
        return self.names[label] if isinstance(label, int) and 0 <= label < len(self.names) else None


def _features(metadata: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    features: Mapping[str, Any] = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return features


def _class_names(feature: Any) -> tuple[str, ...] | None:
    if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel":
        return tuple(map(str, feature["names"]))
    return None


def _holds_photos(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _holds_photos(kind.field(place).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _tells_a_class(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_integer, types.is_boolean, types.is_string, types.is_large_string)
    return any(test(kind) for test in tests)


def _too_large(max_bytes: int) -> AppError:
    return AppError("parquet.problem.too_large", megabytes=max_bytes // MEGABYTE, most=MAX_ENTRIES)
