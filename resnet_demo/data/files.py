"""The files below folders, without hidden files and junk files of operating systems."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

JUNK_NAMES = {"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db", "icon\r"}
JUNK_FOLDERS = {
    *("@eadir", "#recycle", "@recycle", "#snapshot", "@tmp", "@recently-snapshot", "lost+found"),
    *("$recycle.bin", "recycler", "system volume information", "found.000", "$extend"),
    *("thumbs", "thumbnails", "_thumbs", "_thumbnails", "_cache", "__cache__", "__pycache__", "cvs"),
    *("_svn", "node_modules", "lightroom previews.lrdata", "network trash folder", "temporary items"),
}
"""Folders of network drives, operating systems and programs."""


@dataclass(frozen=True)
class Listing:
    """The files below a folder, and the folders there that cannot be opened, as relative paths separated by `/`.

    `junk` counts hidden files and junk files; a junk folder counts as one and is not read. `junk_folders` says how
    often there is a junk folder of a name.
    """

    files: list[str]
    closed: list[str]
    junk: int
    junk_folders: Mapping[str, int] = field(default_factory=dict)


def is_junk(name: str) -> bool:
    """Whether a file or folder is hidden, or junk of an operating system (`__MACOSX`, `Thumbs.db`)."""
    return name.startswith(".") or name.lower() in JUNK_NAMES


def is_junk_folder(name: str) -> bool:
    """Whether a folder is hidden, or made by a program for itself (`@eaDir`, `$RECYCLE.BIN`, `_cache`)."""
    return is_junk(name) or name.lower() in JUNK_FOLDERS


def list_folder(root: Path) -> Listing:
    """All files below `root`, sorted by name; linked folders are followed, each folder once."""
    files: list[str] = []
    closed: list[str] = []
    junk = 0
    junk_folders: Counter[str] = Counter()
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
        left_out = [name for name in sorted(folders) if is_junk_folder(name)]
        junk_folders.update(left_out)
        junk += len(left_out) + sum(map(is_junk, names))
        folders[:] = [name for name in sorted(folders) if not is_junk_folder(name) and is_new(f"{folder}/{name}")]
        below = "" if folder == str(root) else relative(folder) + "/"
        files.extend(below + name for name in sorted(names) if not is_junk(name))
    return Listing(files, closed, junk, junk_folders)


def find_files(paths: Iterable[Path]) -> tuple[list[Path], int]:
    """All files at and below `paths`, sorted by name in each folder, and the number of junk files.

    A path that is given itself is never junk. A path that does not exist and a folder that cannot be opened are
    returned too: reading them reports the problem.
    """
    found: list[Path] = []
    junk = 0
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112  Path's own raises where a folder above is closed
            found.append(path)
            continue
        listing = list_folder(path)
        junk += listing.junk
        found.extend(path / name for name in (*listing.files, *listing.closed))
    return found, junk
