"""The members of zip and tar archives from untrusted sources, read one by one with all bytes counted."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import itertools
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from resnet_demo.data import file_names
from resnet_demo.data.dataset_storage import free_bytes
from resnet_demo.data.name_encoding import ArchiveNames
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

MAX_ENTRIES = 250_000
USUAL_BYTES = 100 * MEGABYTE
MAX_RATIO = 100
"""Photos hardly compress: more than USUAL_BYTES and this many times the archive's size is a decompression bomb."""

_PIECE = 65_536
_MAX_XZ_BYTES = 256 * MEGABYTE
"""Memory limit of the xz decoder: four times what the strongest preset of xz needs."""
_MAX_DIRECTORY_BYTES = 400 * MAX_ENTRIES
_DIRECTORY_MARK = b"PK\1\2"
_ENCRYPTED = 0x41
_UTF8 = 0x800
_UNICODE_PATH = 0x7075
"""Info-ZIP's extra field (APPNOTE 6.3.10, 4.6.9): version 1, the CRC-32 of the name, the name in UTF-8."""

_ZIP_STARTS = (b"PK\3\4", b"PK\5\6")
_OTHER_KINDS = ((b"Rar!", "RAR"), (b"7z\xbc\xaf", "7z"), (b"\x28\xb5\x2f\xfd", "Zstandard"))

_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, struct.error, LookupError, ArithmeticError, RuntimeError, TypeError, AttributeError),
)
"""Exceptions of the standard library for damaged or malicious archives."""


@dataclass(frozen=True)
class Member:
    """A file or a folder in an archive; `pieces` are its bytes, to be read once and before the next member.

    `same_as` is the name of an earlier member whose bytes a hard link stands for; `is_link` says that it is a symbolic
    link.
    """

    name: str
    is_folder: bool
    pieces: Iterator[bytes]
    same_as: str | None = None
    is_link: bool = False


class Allowance:
    """The bytes that may still be unpacked from an archive."""

    def __init__(self, archive_bytes: int, max_bytes: int, free: int) -> None:
        by_ratio = max(USUAL_BYTES, MAX_RATIO * archive_bytes)
        self._left = min(by_ratio, max_bytes)
        self._free = free
        refusal = "bomb" if by_ratio < max_bytes else "too_large"
        self._refusal = AppError(f"archive.problem.{refusal}", megabytes=self._left // MEGABYTE)

    def check(self, claimed: int) -> None:
        """Refuse an archive whose headers claim too many bytes."""
        if claimed > self._left:
            raise self._refusal
        if claimed > self._free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def spend(self, count: int) -> None:
        """Count unpacked bytes."""
        if count > self._left:
            raise self._refusal
        self._left -= count


class ArchiveFile(io.BufferedReader):
    """An archive on the disk; a zip's directory, which zipfile reads as a whole, is checked before it is parsed."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise too_many()
        data = super().read(size)
        if len(data) > 2 * _PIECE and data.count(_DIRECTORY_MARK) > MAX_ENTRIES:
            raise too_many()
        return data


class _Xz(io.RawIOBase):
    """The content of an xz file; `lzma.open` would allocate any amount of memory that a header asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = _xz_decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = b""
        while not piece:
            if self._decoder.eof:
                packed = self._next_stream()
                if not packed:
                    return 0
                self._decoder = _xz_decoder()
            else:
                packed = self._file.read(_PIECE) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not packed:
                    raise EOFError
            piece = self._decoder.decompress(packed, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _next_stream(self) -> bytes:
        """The first bytes of the next stream; zeros may precede it."""
        packed = self._decoder.unused_data.lstrip(b"\0")
        while not packed:
            more = self._file.read(_PIECE)
            if not more:
                return b""
            packed = more.lstrip(b"\0")
        return packed


def _xz_decoder() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_XZ_BYTES)


_PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lambda file: io.BufferedReader(_Xz(file), _PIECE)),
)


def members(
    file: ArchiveFile,
    allowance: Allowance,
    names: ArchiveNames,
    on_raw: Callable[[bytes], None] = lambda raw: None,  # noqa: ARG005
) -> Iterator[Member]:
    """The members of an archive, in order.

    Args:
        file: the archive.
        allowance: what may be unpacked of it.
        names: what decodes its names.
        on_raw: called with each name of a tar as it stands there.

    Raises:
        AppError: it is no archive, damaged, too large, or holds what no archive of photos does.
    """
    start = file.read(8)
    file.seek(0)
    for magic, kind in _OTHER_KINDS:
        if start.startswith(magic):
            raise AppError("archive.problem.kind", kind=kind)
    if start.startswith(_ZIP_STARTS):
        yield from _zip_members(file, allowance, names)
        return
    for magic, unpacked in _PACKED:
        if start.startswith(magic):
            with unpacked(file) as stream:
                yield from _tar_members(stream, allowance, names, on_raw)
            return
    yield from _tar_members(file, allowance, names, on_raw)


def _zip_members(file: IO[bytes], allowance: Allowance, names: ArchiveNames) -> Iterator[Member]:
    with _reading():
        opened = zipfile.ZipFile(file)
    with opened:
        entries = opened.infolist()
        allowance.check(sum(entry.file_size for entry in entries))
        told = [_told_name(entry) for entry in entries]
        names.found(
            entry.orig_filename.encode("cp437") for entry, name in zip(entries, told, strict=True) if name is None
        )
        for entry, name in zip(entries, told, strict=True):
            name = names.decoded(entry.orig_filename.encode("cp437")) if name is None else name
            is_folder = name.endswith(("/", "\\"))
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            _check_zip_entry(entry, file_names.display_name(name), is_folder)
            yield Member(name, is_folder, _zip_pieces(opened, entry, allowance), is_link=is_link)


def _told_name(entry: zipfile.ZipInfo) -> str | None:
    """The name where the archive says its encoding: by the flag for UTF-8 or Info-ZIP's field for Unicode paths."""
    if entry.flag_bits & _UTF8:
        return entry.orig_filename
    raw, rest = entry.orig_filename.encode("cp437"), entry.extra
    while len(rest) >= 4:
        kind, size = struct.unpack("<HH", rest[:4])
        content, rest = rest[4 : 4 + size], rest[4 + size :]
        if kind == _UNICODE_PATH and content[:1] == b"\1" and content[1:5] == struct.pack("<L", zlib.crc32(raw)):
            with contextlib.suppress(UnicodeDecodeError):
                return content[5:].decode("utf-8")
    return None


def _check_zip_entry(entry: zipfile.ZipInfo, name: str, is_folder: bool) -> None:
    if is_folder and entry.file_size:
        raise AppError("archive.problem.damaged")
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
        raise AppError("archive.problem.special", name=name)
    if entry.flag_bits & _ENCRYPTED:
        raise AppError("archive.problem.encrypted")
    # For these two methods alone zipfile bounds how much comes out at a time.
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise AppError("archive.problem.method", name=name)


def _zip_pieces(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, allowance: Allowance) -> Iterator[bytes]:
    with _reading():
        source = opened.open(entry)
    with source:
        while True:
            with _reading():
                piece = source.read(_PIECE)
            if not piece:
                return
            allowance.spend(len(piece))
            yield piece


class _Forward:
    """A tar stream, read forwards with all bytes counted; a file object with as much as tarfile needs."""

    def __init__(self, stream: IO[bytes], allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance
        self._place = 0
        self.last = b""

    def tell(self) -> int:
        return self._place

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _PIECE:
            raise tarfile.ReadError  # some header claims to be larger than any is
        self.last = self._stream.read(size)
        self._place += len(self.last)
        self._allowance.spend(len(self.last))
        return self.last

    def seek(self, place: int) -> None:
        if place < self._place:
            raise tarfile.ReadError
        while self._place < place and self.read(min(_PIECE, place - self._place)):
            pass


def _tar_members(
    stream: IO[bytes], allowance: Allowance, names: ArchiveNames, on_raw: Callable[[bytes], None]
) -> Iterator[Member]:
    forward = _Forward(stream, allowance)
    with _reading():
        try:
            opened = tarfile.TarFile(fileobj=cast(Any, forward))
        except tarfile.ReadError as error:
            raise AppError("archive.problem.none") from error
    with opened:
        while entry := _next(opened, forward):
            with _reading():
                raw = entry.name.encode("utf-8", "surrogateescape")
            on_raw(raw)
            name = entry.name if "path" in entry.pax_headers else names.decoded(raw)  # those are UTF-8
            if not (entry.isdir() or entry.isreg() or entry.issym() or entry.islnk()) or entry.issparse():
                raise AppError("archive.problem.special", name=file_names.display_name(name))
            allowance.check(entry.size)
            same_as = _link_target(entry, names) if entry.islnk() else None
            yield Member(name, entry.isdir(), _tar_pieces(forward, entry), same_as, entry.issym())


def _link_target(entry: tarfile.TarInfo, names: ArchiveNames) -> str:
    with _reading():
        return names.decoded(entry.linkname.encode("utf-8", "surrogateescape"))


def _next(opened: tarfile.TarFile, forward: _Forward) -> tarfile.TarInfo | None:
    with _reading():
        entry = opened.next()
        # tarfile takes any header that it cannot read for the end; the end is a block of zeros.
        if entry is None and forward.last != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError
        return entry


def _tar_pieces(forward: _Forward, entry: tarfile.TarInfo) -> Iterator[bytes]:
    left = entry.size
    with _reading():
        forward.seek(entry.offset_data)
    while left > 0:
        with _reading():
            piece = forward.read(min(_PIECE, left))
            if not piece:
                raise EOFError
        left -= len(piece)
        yield piece


@contextmanager
def _reading() -> Iterator[None]:
    """Turn errors of reading into an AppError; errors of writing are not the archive's."""
    try:
        yield
    except _DAMAGE as error:
        raise AppError("archive.problem.damaged") from error


def names_in_tar(archive: Path, max_bytes: int, folder: Path) -> list[bytes]:
    """All names in a tar, as far as it can be read."""
    allowance = Allowance(archive.stat().st_size, max_bytes, free_bytes(folder))
    raw: list[bytes] = []
    names = ArchiveNames(list)
    with ArchiveFile(io.FileIO(archive)) as file, contextlib.suppress(AppError):
        deque(itertools.islice(members(file, allowance, names, raw.append), MAX_ENTRIES), maxlen=0)
    return raw


def too_many() -> AppError:
    """The refusal of an archive of too many entries."""
    return AppError("archive.problem.entries", most=MAX_ENTRIES)
