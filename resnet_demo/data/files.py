"""Which files of the given files and folders are for opening, and which are a computer's litter."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

LITTER = {"thumbs.db", "desktop.ini", "__macosx"}


def is_litter(name: str) -> bool:
    """Whether an operating system left this file or folder behind (`.DS_Store`, `__MACOSX`, `Thumbs.db`)."""
    return name.startswith(".") or name.lower() in LITTER


def find_files(paths: Iterable[Path]) -> tuple[list[Path], int]:
    """All files at and below `paths`, folders walked in order of names, and how many were litter.

    A path that was named itself is never litter; one that does not exist is given back, to be told as a problem.
    """
    found: list[Path] = []
    litter = 0
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for folder, folders, files in os.walk(path):
            litter += sum(map(is_litter, files))
            folders[:] = sorted(name for name in folders if not is_litter(name))
            found.extend(Path(folder, name) for name in sorted(files) if not is_litter(name))
    return found, litter
