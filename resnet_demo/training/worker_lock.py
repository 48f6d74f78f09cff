"""The lock of a run's worker: the operating system gives it back when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from resnet_demo.models.model_folders import file_only

# Another process may just be checking whether it is held.
HOLD_SECONDS = 2.0
CHECK_SECONDS = 0.03


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock; children do not inherit it.

    Raises:
        Timeout: another process holds it.
    """
    with FileLock(path).acquire(timeout=HOLD_SECONDS):
        yield


def is_held(path: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        return _is_held(path)
    except OSError:  # there is no lock yet, or none that we may read: none of ours holds it
        return False


if sys.platform == "win32":

    def _is_held(path: Path) -> bool:
        if not path.exists():
            return False
        try:
            with FileLock(path).acquire(timeout=CHECK_SECONDS):
                return False
        except Timeout:
            return True

else:
    import fcntl

    def _is_held(path: Path) -> bool:
        # A shared lock: processes that check do not take each other for a worker.
        with open(path, "rb", opener=file_only) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
