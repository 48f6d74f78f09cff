"""The most memory that this process has had, for tests that start processes of their own to measure it."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory() -> int:
    """Bytes of resident memory at the highest.

    getrusage would tell the peak of the process that this one was forked from, where that was higher: Linux keeps it
    over exec.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
