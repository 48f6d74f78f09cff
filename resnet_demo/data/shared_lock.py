"""A file lock, shared or exclusive; the operating system releases it when a process ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":

    @contextlib.contextmanager
    def shared(path: Path) -> Iterator[None]:  # noqa: ARG001
        """No lock: this system has no shared locks."""
        yield

    @contextlib.contextmanager
    def exclusive(path: Path) -> Iterator[bool]:  # noqa: ARG001
        """Never exclusive: other processes cannot be detected."""
        yield False

else:
    import fcntl

    @contextlib.contextmanager
    def shared(path: Path) -> Iterator[None]:
        """Hold the lock shared; waits while it is held exclusively.

        Raises:
            OSError: the lock's file cannot be made.
        """
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextlib.contextmanager
    def exclusive(path: Path) -> Iterator[bool]:
        """Try to hold the lock exclusively; yields whether it is held.

        Raises:
            OSError: the lock's file cannot be made.
        """
        with path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
