"""A new data set's folder in the data home: it appears there whole, or not at all."""

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

from resnet_demo.data.disk_use import DISK_FULL
from resnet_demo.data.names import one_part
from resnet_demo.data.shared_lock import alone, shared
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError

Filled = TypeVar("Filled")

DATASETS = "datasets"
"""Where in the data home the photos lie that people brought here."""

HUB = "hub"
"""Where those of the Hub lie, under names that tell which they are: apart, since an upload may have any name."""

STRANGERS = "strangers"
"""Where, by the same names, photos lie that were brought to a public page."""

PREFIX = ".arriving-"
LEFTOVER_SECONDS = 86_400
"""Age at which a folder that a killed process left half filled is removed."""


def kept_in(settings: Settings, place: str = DATASETS) -> Path:
    """The folder for photos that are brought to this page; those of strangers lie apart, for they go in time."""
    return settings.home / place if settings.local_paths_allowed else settings.home / STRANGERS / place


def new_dataset(datasets: Path, wish: str, fill: Callable[[Path], Filled]) -> tuple[Path, Filled]:
    """A folder inside `datasets` that `fill` has filled, under a free name near `wish`, and what `fill` gave back.

    Where `fill` raises, whatever it raises, the folder goes with all that is in it.

    Raises:
        AppError: the disk is full or cannot be written to, or what `fill` raises.
    """
    fresh = datasets / f"{PREFIX}{secrets.token_hex(8)}"
    with refusals(datasets):
        datasets.mkdir(parents=True, exist_ok=True)
        remove_leftovers(datasets)
        with shared(_lock(datasets)):  # as long as it is held, others leave what is called so alone
            try:
                fresh.mkdir()
                filled = fill(fresh)
                return _settle(fresh, wish), filled
            finally:
                shutil.rmtree(fresh, ignore_errors=True)


def _settle(fresh: Path, wish: str) -> Path:
    name = one_part(re.sub(r'[<>"|?*]+', "-", wish)) or "photos"
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
    """Remove what killed processes left half filled; where it cannot be told whether others are at work, in time.

    Raises:
        OSError: the lock beside `datasets` cannot be made.
    """
    if not any(datasets.glob(f"{PREFIX}*")):
        return
    with alone(_lock(datasets)) as nobody_else:
        for folder in list(datasets.glob(f"{PREFIX}*")):
            with contextlib.suppress(FileNotFoundError):  # its photos have arrived
                if nobody_else or folder.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def _lock(datasets: Path) -> Path:
    return datasets.with_name(f".{datasets.name}.lock")


@contextlib.contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """Turns what the disk refuses while photos are written below a folder into a sentence.

    Raises:
        AppError: the disk is full or cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            free = free_bytes(folder) // MEGABYTE
            raise AppError("staging.problem.disk_full", folder=str(folder), free=free) from error
        reason = error.strerror or str(error)
        raise AppError("staging.problem.folder", folder=str(folder), reason=reason) from error


def free_bytes(folder: Path) -> int:
    """Room on the disk that holds a folder, or shall hold it; none where that cannot be told."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0
