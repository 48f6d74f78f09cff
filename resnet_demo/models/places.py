"""Where models lie that have a name on this machine: those that come with the app, and those that runs keep.

Free of torch. Of a run's folder only this is known here; the rest is the business of `training/run.py`.
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
    """The folder of the saved model that a name means, if it means one; a run may not have kept any there yet.

    First come published networks, which are in no folder, then the models that come with the app, then runs, then
    folders of this machine; `./flowers` is always a folder.
    """
    if name.partition(":")[0] in {variant.name for variant in variants.all_variants()}:
        return None
    folder = named(name, settings)
    if folder is not None:
        return folder
    path = expanded(name)
    return path if name and os.path.isdir(path) else None  # noqa: PTH112  Path's own raises where a folder above is closed


def named(name: str, settings: Settings) -> Path | None:
    """The folder of the model that comes with the app under this name, or else the one of the run of this name."""
    if not NAME.fullmatch(name):
        return None
    if name in shipped_names(settings):
        return settings.shipped / name
    run = run_folder(settings.home / RUNS / name)
    return run / BEST if os.path.isdir(run) else None  # noqa: PTH112  as above


def shipped_names(settings: Settings) -> list[str]:
    """The models that come with the app, the default one first."""
    names = sorted(path.parent.name for path in settings.shipped.glob(f"*/{CONFIG}"))
    return sorted(names, key=lambda name: name != settings.default_model)


def run_names(home: Path) -> list[str]:
    """The names of all runs that are listed in the data home, the newest first; whether they can be read is open."""
    try:
        with os.scandir(home / RUNS) as entries:
            folders = [entry.name for entry in entries if entry.is_symlink() or entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(filter(NAME.fullmatch, folders), reverse=True)


def run_folder(listed: Path) -> Path:
    """Where a run lies that is listed at this place of the data home: there, or where a pointer says."""
    try:
        with open(listed / POINTER, "rb", opener=file_only) as file:
            told = file.read(MOST_POINTER_BYTES + 1)
    except OSError:
        return listed
    elsewhere = Path(os.fsdecode(told))
    return elsewhere if elsewhere.is_absolute() and b"\0" not in told and len(told) <= MOST_POINTER_BYTES else listed


def file_only(path: str, flags: int) -> int:
    """What `open` takes as its opener, to refuse pipes and devices: to open or read one may never come back.

    Raises:
        OSError: it is no file, or cannot be opened.
    """
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a file", path)
    return file


def stamp(folder: Path) -> Stamp | None:
    """Tells a saved model from one that took its place in the same folder; None where there is none."""
    try:
        found = (folder / WEIGHTS).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ino
