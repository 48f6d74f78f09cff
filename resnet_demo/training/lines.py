"""A file of lines that only grows: several processes add to it, others read it meanwhile, any may be killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 16_384


def append(path: Path, line: str) -> None:
    """Add a line in one write; after a line that somebody was killed in, or had no room for, begin a new one.

    Raises:
        OSError: the disk is full, say; a part of the line may then stand there.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
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
    """The whole lines after `offset` bytes, and the offset behind them; none where there is no file yet."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            whole, newline, _torn = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], offset
    return whole.split(b"\n"), offset + len(whole) + len(newline)


def backwards(path: Path) -> Iterator[bytes]:
    """The file's lines, the last first, reading no more of it than is asked for."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position = file.seek(0, os.SEEK_END)
        rest = b""
        while position:
            start = max(0, position - BLOCK_BYTES)
            file.seek(start)
            first, *lines = (file.read(position - start) + rest).split(b"\n")
            yield from reversed(lines)
            rest, position = first, start
        yield rest
