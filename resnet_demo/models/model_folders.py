"""Folders of the models that have a name on this machine: built-in ones, and the best models of runs.

Imports no torch. All else about a run's folder is in `training/run.py`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from resnet_demo.models import variants
from resnet_demo.settings import Settings, expanded

RUNS, POINTER, BEST = "runs", "elsewhere.txt", "best"
NAME = re.compile(r"[0-9a-z-]{1,100}")
WEIGHTS, CONFIG = "model.safetensors", "config.json"
MOST_POINTER_BYTES = 65_536

Stamp = tuple[int, int]


def folder_of(name: str, settings: Settings) -> Path | None:
    """The folder of the saved model of this name, if any; a run may not have saved one there yet.

    Names are resolved in this order: published networks, which have no folder, built-in models, runs, folders of this
    machine; `./flowers` is always a folder.
    """
    if name.partition(":")[0] in {variant.name for variant in variants.all_variants()}:
        return None
    folder = named(name, settings)
    if folder is not None:
        return folder
    path = expanded(name)
    return path if name and os.path.isdir(path) else None  # noqa: PTH112  Path's own raises where a folder above is closed


def named(name: str, settings: Settings) -> Path | None:
    """The folder of the built-in model of this name, or else that of the run of this name."""
    if not NAME.fullmatch(name):
        return None
    if name in built_in_names(settings):
        return settings.built_in_models / name
    run = run_folder(settings.home / RUNS / name)
    return run / BEST if os.path.isdir(run) else None  # noqa: PTH112  as above


def built_in_names(settings: Settings) -> list[str]:
    """The names of the built-in models, the default one first."""
    names = sorted(path.parent.name for path in settings.built_in_models.glob(f"*/{CONFIG}"))
    return sorted(names, key=lambda name: name != settings.default_model)


def run_names(home: Path) -> list[str]:
    """The names of all runs in the data home, the newest first, readable or not."""
    try:
        with os.scandir(home / RUNS) as entries:
            folders = [entry.name for entry in entries if entry.is_symlink() or entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(filter(NAME.fullmatch, folders), reverse=True)


def run_folder(listed: Path) -> Path:
    """The folder of a run in the data home: there, or where its pointer file says."""
    try:
        with open(listed / POINTER, "rb", opener=file_only) as file:
            content = file.read(MOST_POINTER_BYTES + 1)
    except OSError:
        return listed
    elsewhere = Path(os.fsdecode(content))
    return (
        elsewhere if elsewhere.is_absolute() and b"\0" not in content and len(content) <= MOST_POINTER_BYTES else listed
    )


def file_only(path: str, flags: int) -> int:
    """An opener for `open` that refuses pipes and devices, which might block for ever.

    Raises:
        OSError: it is not a regular file, or cannot be opened.
    """
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a file", path)
    return file


def stamp(folder: Path) -> Stamp | None:
    """Identifies a saved model, so that a replaced one in the same folder is noticed; None if there is none."""
    try:
        found = (folder / WEIGHTS).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ino
