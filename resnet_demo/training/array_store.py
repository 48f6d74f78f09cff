"""Storage for large arrays: in memory while they fit, else memory-mapped from temporary files."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError
from resnet_demo.training.free_memory import ARRAY_MEMORY_SHARE, free_bytes


class ArrayStore:
    """Allocates arrays: up to `memory_bytes` in memory, the rest in unnamed temporary files in `folder`."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        self.folder = folder
        self.memory_left = memory_bytes

    @classmethod
    def here(cls, folder: Path, processes: int) -> ArrayStore:
        """A store with this process's share of the machine's free memory, among so many processes."""
        return cls(folder, int(free_bytes() * ARRAY_MEMORY_SHARE) // processes)

    def zeros(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """An array of zeros.

        Raises:
            AppError: neither memory nor disk has room for it.
        """
        size = math.prod(shape) * dtype.itemsize
        if size <= self.memory_left:
            self.memory_left -= size
            return torch.zeros(*shape, dtype=dtype)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                _reserve(file, size, self.folder)
                mapped = np.memmap(file, np.uint8, "r+", shape=(size,))
        except OSError as error:
            free = shutil.disk_usage(self.folder).free // MEGABYTE if self.folder.is_dir() else 0
            need, folder = size // MEGABYTE, str(self.folder)
            raise AppError("train.problem.no_room", need=need, free=free, folder=folder) from error
        return torch.from_numpy(mapped).view(dtype).view(*shape)


def _reserve(file: IO[bytes], size: int, folder: Path) -> None:
    """Have the disk set the bytes aside now: a full disk met later, while writing to memory, ends the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    elif shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    file.truncate(size)
