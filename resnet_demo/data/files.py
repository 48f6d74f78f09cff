"""Which files of the given files and folders are for opening, and which are a computer's litter."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LITTER = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True)
class Listing:
    """The files below a folder and the folders there that cannot be opened, as names relative to it with `/` between.

    `litter` counts what is hidden or was left behind by an operating system; such a folder is one, passed over unread.
    """

    files: list[str]
    closed: list[str]
    litter: int


def is_litter(name: str) -> bool:
    """Whether this file or folder is hidden, or an operating system left it behind (`__MACOSX`, `Thumbs.db`)."""
    return name.startswith(".") or name.lower() in LITTER


def list_folder(root: Path) -> Listing:
    """All files below `root`, folders walked in order of names, linked ones too, each once."""
    files: list[str] = []
    closed: list[str] = []
    litter = 0
    seen = {os.path.realpath(root)}

    def relative(path: str) -> str:
        return os.path.relpath(path, root).replace(os.sep, "/")

    def note(error: OSError) -> None:
        closed.append(relative(str(error.filename)))

    def is_new(folder: str) -> bool:
        real = os.path.realpath(folder)
        known = real in seen
        seen.add(real)
        return not known

    for folder, folders, names in os.walk(root, onerror=note, followlinks=True):
        litter += sum(map(is_litter, (*folders, *names)))
        folders[:] = [name for name in sorted(folders) if not is_litter(name) and is_new(f"{folder}/{name}")]
        below = "" if folder == str(root) else relative(folder) + "/"
        files.extend(below + name for name in sorted(names) if not is_litter(name))
    return Listing(files, closed, litter)


def find_files(paths: Iterable[Path]) -> tuple[list[Path], int]:
    """All files at and below `paths`, folders walked in order of names, and how many were litter.

    A path that was named itself is never litter. One that does not exist and a folder that cannot be opened are given
    back too: reading them tells the problem.
    """
    found: list[Path] = []
    litter = 0
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112  Path's own raises where a folder above is closed
            found.append(path)
            continue
        listing = list_folder(path)
        litter += listing.litter
        found.extend(path / name for name in (*listing.files, *listing.closed))
    return found, litter
