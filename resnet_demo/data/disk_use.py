"""What files take up on a disk, which is more than their bytes: one of 50 bytes fills a block, and so does a folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says where a disk, or a user's part of it, has no room left."""

BLOCK = 4_096
"""Bytes: the unit in which the usual file systems give out their room."""


def disk_bytes(size: int) -> int:
    """What a file of `size` bytes will take; at least a block, for its name and its dates lie somewhere too."""
    return max(1, -(-size // BLOCK)) * BLOCK


def measured(path: Path) -> int:
    """What a file or a folder, without what is in it, takes; 0 for what is neither.

    Raises:
        OSError: it is not there.
    """
    found = path.lstat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return 0
    return max(disk_bytes(found.st_size), _blocks(found))


def _blocks(found: os.stat_result) -> int:
    """As the disk itself counts, in units of 512 bytes (POSIX); Windows does not tell."""
    return 512 * getattr(found, "st_blocks", 0)


class Room:
    """How many bytes of a disk may still be filled below one folder."""

    def __init__(self, most: int) -> None:
        self.left = most
        self._folders: set[tuple[str, ...]] = set()

    def take(self, parts: tuple[str, ...], size: int) -> bool:
        """Count a file, and the folders that it is the first to lie in; whether there is room for them.

        Args:
            parts: its place, folder by folder.
            size: its bytes.
        """
        fresh = {parts[:end] for end in range(1, len(parts))} - self._folders
        self._folders |= fresh
        self.left -= disk_bytes(size) + BLOCK * len(fresh)
        return self.left >= 0
