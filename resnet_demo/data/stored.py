"""Photos that strangers brought: how much of them is kept, and for how long."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection
from dataclasses import replace
from itertools import chain
from pathlib import Path

from resnet_demo.data.disk_use import measured
from resnet_demo.data.index import forget
from resnet_demo.data.staging import DATASETS, HUB, PREFIX, kept_in
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

BROUGHT = (DATASETS, HUB)
"""What strangers bring and is kept for a time; the sample flowers stay."""


def stored_bytes(folder: Path) -> int:
    """What a folder takes of the disk, with all files and folders below; what goes meanwhile is not counted."""
    total = 0
    for path in chain([folder], folder.rglob("*")):
        with contextlib.suppress(OSError):
            total += measured(path)
    return total


def bounded(settings: Settings, besides: int = 0) -> Settings:
    """The same settings with no more to store than there is room for; on a page of one's own that is all of it.

    Two who bring photos at the same time may each fill the room that both found: at most so many times too much is
    kept as are served together.

    Args:
        besides: bytes that other things take up than photos.

    Raises:
        AppError: there is no room left.
    """
    if settings.local_paths_allowed:
        return settings
    left = settings.max_stored_bytes - besides - sum(stored_bytes(kept_in(settings, place)) for place in BROUGHT)
    if left <= 0:
        raise AppError("stored.problem.full", hours=max(1, settings.keep_seconds // 3600))
    return replace(settings, max_stored_bytes=left)


def clear_away(settings: Settings, needed: Collection[Path] = ()) -> None:
    """Delete what strangers brought longer than `keep_seconds` ago, but for folders that a training still needs.

    What a killed process left half filled goes as well: folders that nothing was written to for so long.
    """
    if settings.local_paths_allowed:
        return
    for place in BROUGHT:
        for folder, written in _written(kept_in(settings, place), together=place == HUB):
            if written < time.time() - settings.keep_seconds and folder not in needed:
                remove(folder, settings.home)


def _written(place: Path, *, together: bool) -> list[tuple[Path, float]]:
    """Each folder in a place, and when it was brought; of one that is still arriving, when it was last written to.

    Args:
        together: those arriving come in pairs, the photos and the download that they are taken from.
    """
    brought, arriving = [], []
    for folder in place.glob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            if folder.name.startswith(PREFIX):
                arriving.append((folder, _newest(folder)))
            else:
                brought.append((folder, folder.stat().st_mtime))
    if together and arriving:
        newest = max(written for _, written in arriving)
        arriving = [(folder, newest) for folder, _ in arriving]
    return brought + arriving


def _newest(folder: Path) -> float:
    """When anything in a folder was last written, in seconds since the epoch."""
    return max(path.lstat().st_mtime for path in chain([folder], folder.rglob("*")))


def remove(folder: Path, home: Path) -> None:
    """Delete photos that were brought, with what the data home knows of them."""
    shutil.rmtree(folder, ignore_errors=True)
    forget(home, folder)
