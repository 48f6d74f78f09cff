"""A new data set's folder in the data home: it appears there whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from resnet_demo.data.names import one_part
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
    try:
        fresh.mkdir(parents=True)
        _remove_leftovers(datasets)
        filled = fill(fresh)
        return _settle(fresh, wish), filled
    except OSError as error:
        raise _disk_problem(error, datasets) from error
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


def _remove_leftovers(datasets: Path) -> None:
    for folder in datasets.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its photos have arrived
            if folder.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _disk_problem(error: OSError, datasets: Path) -> AppError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return AppError("staging.problem.disk_full", folder=str(datasets), free=free_bytes(datasets) // MEGABYTE)
    return AppError("staging.problem.folder", folder=str(datasets), reason=error.strerror or str(error))


def free_bytes(folder: Path) -> int:
    """Room on the disk that holds a folder."""
    return shutil.disk_usage(folder).free
