"""Disk usage of files, which is more than their size: a file of 50 bytes takes a block, and so does a folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers for a full disk or an exhausted quota."""

BLOCK = 4_096
"""Block size of common file systems, in bytes."""


def disk_bytes(size: int) -> int:
    """Disk usage of a file of `size` bytes; at least one block, since its metadata takes space too."""
    return max(1, -(-size // BLOCK)) * BLOCK


def usage_of(path: Path) -> int:
    """Disk usage of a file, or of a folder without its contents; 0 for anything else.

    Raises:
        OSError: it does not exist.
    """
    found = path.lstat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return 0
    return max(disk_bytes(found.st_size), _blocks(found))


def _blocks(found: os.stat_result) -> int:
    """Allocated blocks as the system reports them, in units of 512 bytes (POSIX); not reported on Windows."""
    return 512 * getattr(found, "st_blocks", 0)


class DiskBudget:
    """A budget of disk usage for the files below one folder."""

    def __init__(self, most: int) -> None:
        self.left = most
        self._folders: set[tuple[str, ...]] = set()

    def take(self, parts: tuple[str, ...], size: int) -> bool:
        """Count a file and the new folders above it; returns whether they fit the budget.

        Args:
            parts: its path, folder by folder.
            size: its size in bytes.
        """
        fresh = {parts[:end] for end in range(1, len(parts))} - self._folders
        self._folders |= fresh
        self.left -= disk_bytes(size) + BLOCK * len(fresh)
        return self.left >= 0
