"""Atomic writes of files and folders, checksums to tell complete folders, and errors of the disk."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from resnet_demo.download import sha256_of
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

# Written last into a folder: sizes and hashes of its files, so that a torn, half copied or damaged one is told from a
# whole one. Earlier versions wrote the sizes alone.
MARKER = "complete.json"


@contextmanager
def disk_errors(folder: Path, key: str = "run.problem.not_written") -> Iterator[None]:
    """Turns an error of the disk into an AppError with the text `key`.

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


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a small file, which gets its name once it is on the disk; paths in it are encoded as the system does."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        part.write_bytes(os.fsencode(content))
        sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_temporary(path: Path) -> None:
    """Remove temporary files that killed processes left of `write_atomic` to `path`; nobody may be writing it."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    with suppress(OSError):
        for part in path.parent.iterdir():
            if name.fullmatch(part.name):
                part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file brought to the disk, so that a marker written later does not outlive it when the power fails."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def move_into_place(folder: Path, place: Path) -> None:
    """Move a folder to where there is none, or an empty one."""
    if sys.platform == "win32" and place.exists():
        place.rmdir()
    folder.replace(place)


def mark_complete(folder: Path) -> None:
    """Bring a folder's files to the disk, then mark it as whole."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor() as pool:  # the processor hashes while the disk writes
        hashes = pool.map(sha256_of, paths)
        for path in paths:
            sync(path)
        files = {
            path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": found}
            for path, found in zip(paths, hashes, strict=True)
        }
    write_atomic(folder / MARKER, json.dumps(files))


def is_complete(folder: Path) -> bool:
    """Whether a folder was marked as whole and still is, every byte of it where the marker has hashes."""
    try:
        files: dict[str, Any] = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        with ThreadPoolExecutor() as pool:
            return all(pool.map(_is_as_marked, (folder / name for name in files), files.values()))
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return False


def _is_as_marked(path: Path, mark: Any) -> bool:
    if isinstance(mark, int):
        return path.stat().st_size == mark
    return bool(path.stat().st_size == mark["bytes"] and sha256_of(path) == mark["sha256"])
