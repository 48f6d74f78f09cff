"""Storage quota and expiry of the photos that visitors of a public page upload."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection
from dataclasses import replace
from itertools import chain
from pathlib import Path

from resnet_demo.data.dataset_storage import DATASETS, HUB, INCOMPLETE_PREFIX, storage_folder
from resnet_demo.data.disk_usage import usage_of
from resnet_demo.data.index import forget
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

UPLOADED = (DATASETS, HUB)
"""The folders with uploads, which expire; the sample flowers stay."""


def folder_bytes(folder: Path) -> int:
    """Disk usage of a folder with all files and folders below; files deleted meanwhile are not counted."""
    total = 0
    for path in chain([folder], folder.rglob("*")):
        with contextlib.suppress(OSError):
            total += usage_of(path)
    return total


def within_quota(settings: Settings, besides: int = 0) -> Settings:
    """The settings with `max_stored_bytes` reduced to what is left of the quota; on a private page unchanged.

    Concurrent uploads each see the same quota, so the total may exceed it by a factor of at most the number of uploads
    that are served at the same time.

    Args:
        besides: bytes used by other things than photos.

    Raises:
        AppError: the quota is used up.
    """
    if settings.local_paths_allowed:
        return settings
    left = (
        settings.max_stored_bytes - besides - sum(folder_bytes(storage_folder(settings, place)) for place in UPLOADED)
    )
    if left <= 0:
        raise AppError("upload_quota.problem.full", hours=max(1, settings.keep_seconds // 3600))
    return replace(settings, max_stored_bytes=left)


def delete_expired(settings: Settings, needed: Collection[Path] = ()) -> None:
    """Delete uploads that are older than `keep_seconds`, except for folders that a training still needs.

    Incomplete folders of killed processes are deleted too, if nothing was written to them for so long.
    """
    if settings.local_paths_allowed:
        return
    for place in UPLOADED:
        for folder, written in _uploads(storage_folder(settings, place), together=place == HUB):
            if written < time.time() - settings.keep_seconds and folder not in needed:
                remove(folder, settings.home)


def _uploads(place: Path, *, together: bool) -> list[tuple[Path, float]]:
    """Each folder in a place with the time of its upload or, if incomplete, of the last write to it.

    Args:
        together: whether incomplete folders come in pairs, the photos and the download that they are taken from.
    """
    complete, incomplete = [], []
    for folder in place.glob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            if folder.name.startswith(INCOMPLETE_PREFIX):
                incomplete.append((folder, _newest(folder)))
            else:
                complete.append((folder, folder.stat().st_mtime))
    if together and incomplete:
        newest = max(written for _, written in incomplete)
        incomplete = [(folder, newest) for folder, _ in incomplete]
    return complete + incomplete


def _newest(folder: Path) -> float:
    """The time of the last write to anything in a folder, in seconds since the epoch."""
    return max(path.lstat().st_mtime for path in chain([folder], folder.rglob("*")))


def remove(folder: Path, home: Path) -> None:
    """Delete a folder of uploaded photos and its index."""
    shutil.rmtree(folder, ignore_errors=True)
    forget(home, folder)
