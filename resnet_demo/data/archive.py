"""A zip or tar archive, which may come from anybody, unpacked with care."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from resnet_demo.data import names
from resnet_demo.data.files import is_litter
from resnet_demo.data.staging import free_bytes
from resnet_demo.download import Progress
from resnet_demo.settings import GIGABYTE, MEGABYTE
from resnet_demo.texts import AppError

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

MAX_ENTRIES = 500_000
USUAL_BYTES = 100 * MEGABYTE
MAX_RATIO = 100
"""Photos hardly shrink: what grows past USUAL_BYTES and past so many times the archive's size is a compression bomb."""

_PIECE = 65_536
_MAX_DIRECTORY_BYTES = 300 * MAX_ENTRIES
_ENTRY_MARK = b"PK\1\2"
_TAR_BLOCK = 512

_ZIP_STARTS = (b"PK\3\4", b"PK\5\6")
_PACKERS: tuple[tuple[bytes, Any], ...] = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
_OTHER_KINDS = ((b"Rar!", "RAR"), (b"7z\xbc\xaf", "7z"), (b"\x28\xb5\x2f\xfd", "Zstandard"))

_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, struct.error, IndexError, KeyError, OverflowError, RecursionError),
    *(NotImplementedError, RuntimeError, AttributeError, TypeError),
)
"""What the standard library raises over damaged archives."""


@dataclass(frozen=True)
class Unpacked:
    """How many files were written, of how many bytes together, and how many were passed over as litter."""

    files: int
    bytes: int
    ignored: int


@dataclass(frozen=True)
class _Member:
    """A file of an archive, with the bytes that it says it has; `pieces` can be walked once, before the next member."""

    name: str
    claimed: int
    pieces: Iterator[bytes]
    done: int


class _Allowance:
    """How many bytes may still come out of an archive."""

    def __init__(self, archive_bytes: int, max_bytes: int) -> None:
        by_ratio = max(USUAL_BYTES, MAX_RATIO * archive_bytes)
        self.left = min(by_ratio, max_bytes)
        self._refusal = (
            AppError("archive.problem.bomb", megabytes=self.left // MEGABYTE)
            if by_ratio < max_bytes
            else AppError("archive.problem.too_large", most=max_bytes // MEGABYTE)
        )

    def check(self, claimed: int) -> None:
        if claimed > self.left:
            raise self._refusal

    def spend(self, count: int) -> None:
        self.check(count)
        self.left -= count


def unpack(archive: Path, folder: Path, *, max_bytes: int = 50 * GIGABYTE, progress: Progress | None = None) -> Unpacked:
    """Write an archive's files below `folder`, which is empty; what an operating system left behind is passed over.

    Kinds: zip, and tar as it is or packed by gzip, bzip2 or xz. What headers claim is checked at once, what really
    comes out is counted. The caller removes the folder where this raises.

    Args:
        max_bytes: that may come out in all.
        progress: told bytes so far and in all; an exception it raises ends the work.

    Raises:
        AppError: no archive, a damaged or encrypted one, a hostile one (names that lead out of the folder, links,
            devices, too many entries, a compression bomb), or names that some file system takes for one another.
        OSError: the folder cannot be written to.
    """
    places, files, written, ignored = names.Places(), 0, 0, 0
    total = archive.stat().st_size
    with _open(archive) as (file, read_members):
        allowance = _Allowance(total, min(max_bytes, free_bytes(folder)))
        for count, member in enumerate(read_members(file, allowance)):
            ...
