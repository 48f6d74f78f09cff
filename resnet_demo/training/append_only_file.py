"""Append-only files of lines (JSONL, logs): several processes append, others read meanwhile, any may be killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from resnet_demo.models.model_folders import file_only

BLOCK_BYTES = 16_384
MOST_BYTES = 1_000_000
"""Of a line; a longer one is none of ours, and read backwards it is passed over."""


def append(path: Path, line: str) -> None:
    """Add a line in one write; after a line that somebody was killed in, or had no room for, begin a new one.

    Raises:
        OSError: the disk is full, say; a part of the line may then stand there.
    """
    file = file_only(os.fspath(path), os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0))
    try:
        size = os.lseek(file, 0, os.SEEK_END)
        os.lseek(file, max(0, size - 1), os.SEEK_SET)
        torn = os.read(file, 1) not in {b"", b"\n"}
        rest = b"\n" * torn + line.encode("utf-8", "backslashreplace") + b"\n"
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


def read_from(path: Path, offset: int) -> tuple[list[bytes], int]:
    """The whole lines after `offset` bytes, and the offset behind them; none where there is no file yet.

    Raises:
        OSError: there is something that cannot be read.
    """
    try:
        with open(path, "rb", opener=file_only) as file:
            file.seek(offset)
            whole, newline, _torn = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], offset
    return whole.split(b"\n"), offset + len(whole) + len(newline)


def backwards(path: Path) -> Iterator[bytes]:
    """The file's lines, the last first, reading no more of it than is asked for; none where there is no file yet.

    Raises:
        OSError: there is something that cannot be read.
    """
    try:
        file = open(path, "rb", opener=file_only)  # noqa: SIM115  as above; closed below
    except FileNotFoundError:
        return
    with file:
        position = file.seek(0, os.SEEK_END)
        rest, cut = b"", False
        while position:
            start = max(0, position - BLOCK_BYTES)
            file.seek(start)
            first, *lines = (file.read(position - start) + rest).split(b"\n")
            if lines and cut:
                lines.pop()
                cut = False
            yield from reversed(lines)
            if len(first) > MOST_BYTES:
                first, cut = b"", True
            rest, position = first, start
        if not cut:
            yield rest
