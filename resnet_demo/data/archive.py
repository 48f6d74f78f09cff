"""Unpacking of zip and tar archives from untrusted sources."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from resnet_demo.data import file_names
from resnet_demo.data.archive_members import (
    MAX_ENTRIES,
    Allowance,
    ArchiveFile,
    Member,
    members,
    names_in_tar,
    too_many,
)
from resnet_demo.data.dataset_storage import free_bytes
from resnet_demo.data.disk_usage import DiskBudget
from resnet_demo.data.files import is_junk
from resnet_demo.data.images import Problem
from resnet_demo.data.name_encoding import ArchiveNames
from resnet_demo.download import Progress
from resnet_demo.settings import GIGABYTE, MEGABYTE
from resnet_demo.texts import AppError, Message

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

_OTHER_SUFFIXES = (".rar", ".7z", ".zst")
"""Of archives that are not unpacked here; inside another one they are named like the others."""

_PIECE = 65_536


@dataclass(frozen=True)
class Unpacked:
    """The number of files written, and of junk files ignored; `taken` is the disk usage of the former in bytes.

    `left_out` are files that were not written, and why. `note` says how the names were read, where the archive does not
    say it and they are neither ASCII nor UTF-8.
    """

    files: int
    ignored: int
    taken: int
    left_out: tuple[Problem, ...] = ()
    note: Message | None = None


def unpack(
    archive: Path, folder: Path, *, max_bytes: int = 50 * GIGABYTE, progress: Progress | None = None
) -> Unpacked:
    """Unpack an archive into `folder`, which is empty; the caller removes it if this raises.

    Zip (stored or deflated), and tar, plain or compressed by gzip, bzip2 or xz. Sizes in headers are checked first, and
    the bytes really unpacked are counted. A hard link to an earlier file of the archive becomes a copy of it; other
    links and archives inside the archive are left out.

    Args:
        max_bytes: limit of the unpacked bytes and of the disk usage.
        progress: called with (bytes of the archive done, all bytes); an exception it raises ends the work.

    Raises:
        AppError: no archive, a damaged or encrypted one, or a malicious one: names that lead out of the folder,
            devices, too many entries, a decompression bomb, names that some file systems do not tell apart.
        OSError: the folder cannot be written to.
    """
    total = archive.stat().st_size
    allowance = Allowance(total, max_bytes, free_bytes(folder))
    target = _Target(folder, max_bytes, allowance)
    names = ArchiveNames(lambda: names_in_tar(archive, max_bytes, folder))
    reached = 0
    with ArchiveFile(io.FileIO(archive)) as file:
        for count, member in enumerate(members(file, allowance, names)):
            if count == MAX_ENTRIES:
                raise too_many()
            reached = max(reached, file.tell())
            if progress:
                progress(min(reached, total), total)
            target.take(member)
    return Unpacked(target.files, target.ignored, target.taken, tuple(target.left_out), names.note)


class _Target:
    """The folder that members are written to."""

    def __init__(self, folder: Path, max_bytes: int, allowance: Allowance) -> None:
        self._folder, self._max_bytes, self._allowance = folder, max_bytes, allowance
        self._paths, self._budget = file_names.TakenPaths(), DiskBudget(max_bytes)
        self._written: set[tuple[str, ...]] = set()
        self.ignored = 0
        self.left_out: list[Problem] = []

    @property
    def files(self) -> int:
        """Files written."""
        return len(self._written)

    @property
    def taken(self) -> int:
        """Their disk usage in bytes."""
        return self._max_bytes - self._budget.left

    def take(self, member: Member) -> None:
        """Write a member, unless it is to be left out.

        Raises:
            AppError: its name cannot be used, or all is too large.
            OSError: the folder cannot be written to.
        """
        if member.is_folder and PurePosixPath(member.name) == PurePosixPath("."):
            return
        parts = file_names.parts_of(member.name)
        if any(map(is_junk, parts)):
            self.ignored += not member.is_folder
            return
        reason = None if member.is_folder else self._why_not(member)
        if reason:
            self.left_out.append(Problem(file_names.display_name("/".join(parts)), reason))
            return
        self._paths.claim(parts, folder=member.is_folder)
        if member.is_folder:
            return
        pieces = member.pieces if member.same_as is None else self._copied(member.same_as)
        if not self._budget.take(parts, _write(pieces, self._folder.joinpath(*parts))):
            raise AppError("archive.problem.too_large", megabytes=self._max_bytes // MEGABYTE)
        self._written.add(parts)

    def _why_not(self, member: Member) -> str | None:
        """The kind of problem for which a file is left out."""
        if member.is_link or (member.same_as is not None and self._parts(member.same_as) not in self._written):
            return "archived_link"
        return "inner_archive" if member.name.lower().endswith((*SUFFIXES, *_OTHER_SUFFIXES)) else None

    def _parts(self, name: str) -> tuple[str, ...]:
        try:
            return file_names.parts_of(name)
        except AppError:
            return ()

    def _copied(self, name: str) -> Iterator[bytes]:
        """The bytes of a file that was written here, counted as if they were unpacked again."""
        source = self._folder.joinpath(*self._parts(name))
        self._allowance.check(source.stat().st_size)
        with source.open("rb") as file:
            while piece := file.read(_PIECE):
                self._allowance.spend(len(piece))
                yield piece


def _write(pieces: Iterator[bytes], path: Path) -> int:
    """Write a file; returns its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        return sum(file.write(piece) for piece in pieces)
