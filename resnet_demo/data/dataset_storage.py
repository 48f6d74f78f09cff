"""Folders of imported data sets in the data home: a new one appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from resnet_demo.data.disk_usage import DISK_FULL
from resnet_demo.data.file_names import one_part
from resnet_demo.data.shared_lock import exclusive, shared
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError

Result = TypeVar("Result")

DATASETS = "datasets"
"""The folder in the data home for imported photos."""

HUB = "hub"
"""The folder for data sets of the Hub, named after them; separate, since an upload may have any name."""

PUBLIC_FOLDER = "strangers"
"""The folder with the same subfolders for uploads to a public page."""

INCOMPLETE_PREFIX = ".arriving-"
LEFTOVER_SECONDS = 86_400
"""Age at which an incomplete folder of a killed process is removed."""


def storage_folder(settings: Settings, place: str = DATASETS) -> Path:
    """The folder for imported photos; on a public page a separate one, since uploads expire."""
    return settings.home / place if settings.local_paths_allowed else settings.home / PUBLIC_FOLDER / place


def new_dataset(datasets: Path, preferred: str, fill: Callable[[Path], Result]) -> tuple[Path, Result]:
    """Make a folder in `datasets`, filled by `fill`, named `preferred` or nearly so; also returns `fill`'s result.

    If `fill` raises, the folder is removed with all its files.

    Raises:
        AppError: the disk is full or cannot be written to, or as `fill` does.
    """
    fresh = datasets / f"{INCOMPLETE_PREFIX}{secrets.token_hex(8)}"
    with disk_errors(datasets):
        datasets.mkdir(parents=True, exist_ok=True)
        remove_leftovers(datasets)
        with shared(_lock(datasets)):  # while it is held, other processes leave incomplete folders alone
            try:
                fresh.mkdir()
                filled = fill(fresh)
                return _move_to_free_name(fresh, preferred), filled
            finally:
                shutil.rmtree(fresh, ignore_errors=True)


def _move_to_free_name(fresh: Path, preferred: str) -> Path:
    name = one_part(re.sub(r'[<>"|?*]+', "-", preferred)) or "photos"
    for number in itertools.count(1):
        target = fresh.with_name(name if number == 1 else f"{name}-{number}")
        if target.exists():
            continue
        try:
            return fresh.rename(target)
        except OSError as error:  # another process was quicker
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
    raise AssertionError


def remove_leftovers(datasets: Path) -> None:
    """Remove incomplete folders of killed processes; if other processes may be working, only old ones.

    Raises:
        OSError: the lock beside `datasets` cannot be made.
    """
    if not any(datasets.glob(f"{INCOMPLETE_PREFIX}*")):
        return
    with exclusive(_lock(datasets)) as nobody_else:
        for folder in list(datasets.glob(f"{INCOMPLETE_PREFIX}*")):
            with contextlib.suppress(FileNotFoundError):  # its photos have arrived
                if nobody_else or folder.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def _lock(datasets: Path) -> Path:
    return datasets.with_name(f".{datasets.name}.lock")


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the disk while photos are written below a folder into an AppError.

    Raises:
        AppError: the disk is full or cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            free = free_bytes(folder) // MEGABYTE
            raise AppError("dataset_storage.problem.disk_full", folder=str(folder), free=free) from error
        reason = error.strerror or str(error)
        raise AppError("dataset_storage.problem.folder", folder=str(folder), reason=reason) from error


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, which need not exist yet; 0 if unknown."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0
