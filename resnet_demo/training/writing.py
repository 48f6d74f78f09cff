"""Files and folders that appear whole, or not at all, and the sentence for a disk that refuses them."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

# Written last into a folder: the sizes of its files, so that a torn or half copied one is told from a whole one.
MARKER = "complete.json"


@contextmanager
def refusals(folder: Path, key: str = "run.problem.not_written") -> Iterator[None]:
    """Turns what the disk refuses into a sentence, that of `key`.

    Raises:
        AppError: the disk is full or `folder` cannot be written to.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        try:
            free = shutil.disk_usage(folder).free // MEGABYTE
        except OSError:
            free = 0
        reason = getattr(error, "strerror", None) or str(error)
        raise AppError(key, folder=str(folder), reason=reason, free=free) from error


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a small file, which gets its name once it is on the disk; paths in it are as the system has them."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        part.write_bytes(os.fsencode(content))
        sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_parts(path: Path) -> None:
    """Remove what was left of `write_whole` to `path` by processes that were killed; nobody may be writing it."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    with suppress(OSError):
        for part in path.parent.iterdir():
            if name.fullmatch(part.name):
                part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file brought to the disk, so that a marker written later does not outlive it when the power fails."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def put(folder: Path, place: Path) -> None:
    """Move a folder to where there is none, or an empty one."""
    if sys.platform == "win32" and place.exists():
        place.rmdir()
    folder.replace(place)


def complete(folder: Path) -> None:
    """Bring a folder's files to the disk, then mark it as whole."""
    sizes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            sync(path)
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    write_whole(folder / MARKER, json.dumps(sizes))


def is_complete(folder: Path) -> bool:
    """Whether a folder was marked as whole and still is."""
    try:
        sizes: dict[str, int] = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
