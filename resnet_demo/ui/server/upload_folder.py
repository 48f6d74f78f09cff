"""The temporary folder that uploads lie in: it goes with its server, and at the next start where that was killed.

Free of Gradio, which reads where the folder is while it is imported.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resnet_demo.training import worker_lock

PREFIX = "resnet-demo-"
LOCK = "server.lock"
UPLOADS = "uploads"


@contextmanager
def upload_folder() -> Iterator[Path]:
    """A fresh folder for uploads, gone afterwards; beside it lies a lock, held by this process as long as it lives."""
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as place,
        worker_lock.held(Path(place, LOCK)),
    ):
        uploads = Path(place, UPLOADS)
        uploads.mkdir()  # its being there tells others that the lock was taken before
        try:
            yield uploads
        finally:
            shutil.rmtree(uploads, ignore_errors=True)  # before the lock, without which nobody would dare to


def sweep() -> None:
    """Delete what servers of this user that were killed have left; those that run keep theirs."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_ours(place) and (place / UPLOADS).is_dir() and _ownerless(place / LOCK):
            shutil.rmtree(place / UPLOADS, ignore_errors=True)
            if not (place / UPLOADS).exists():  # else the lock stays, for the next to try
                shutil.rmtree(place, ignore_errors=True)


def _is_ours(place: Path) -> bool:
    """Whether it is a folder, and no link to one, that this user made."""
    try:
        found = place.lstat()
    except OSError:  # gone meanwhile
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _ownerless(lock: Path) -> bool:
    # Without its lock, which whoever clears up old files may have taken away, nothing is known of an owner.
    return lock.is_file() and not lock.is_symlink() and not worker_lock.is_held(lock)
