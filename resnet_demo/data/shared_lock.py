"""A lock that many may hold together or one alone; the operating system gives it back when a process ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":

    @contextlib.contextmanager
    def shared(path: Path) -> Iterator[None]:  # noqa: ARG001
        """Nothing: this system's locks cannot be shared."""
        yield

    @contextlib.contextmanager
    def alone(path: Path) -> Iterator[bool]:  # noqa: ARG001
        """Never: nobody can tell whether others are at work."""
        yield False

else:
    import fcntl

    @contextlib.contextmanager
    def shared(path: Path) -> Iterator[None]:
        """Hold the lock together with others; waits for one who holds it alone.

        Raises:
            OSError: the lock's file cannot be made.
        """
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextlib.contextmanager
    def alone(path: Path) -> Iterator[bool]:
        """Try to hold the lock alone; gives whether it is held.

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
