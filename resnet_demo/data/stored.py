"""Photos that strangers brought: how much of them is kept, and for how long."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection
from dataclasses import replace
from itertools import chain
from pathlib import Path

from resnet_demo.data.index import forget
from resnet_demo.data.staging import DATASETS, HUB, PREFIX, kept_in
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

BROUGHT = (DATASETS, HUB)
"""What strangers bring and is kept for a time; the sample flowers stay."""


def stored_bytes(folder: Path) -> int:
    """The size of all files below a folder; what goes meanwhile is not counted."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size if path.is_file() else 0
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
    """Delete what strangers brought longer than `keep_seconds` ago, but for folders that a training still needs."""
    if settings.local_paths_allowed:
        return
    for folder in chain.from_iterable(kept_in(settings, place).glob("*") for place in BROUGHT):
        with contextlib.suppress(OSError):  # gone meanwhile
            old = folder.stat().st_mtime < time.time() - settings.keep_seconds
            if old and folder not in needed and not folder.name.startswith(PREFIX):
                remove(folder, settings.home)


def remove(folder: Path, home: Path) -> None:
    """Delete photos that were brought, with what the data home knows of them."""
    shutil.rmtree(folder, ignore_errors=True)
    forget(home, folder)
