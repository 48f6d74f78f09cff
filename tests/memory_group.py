"""A memory control group of a test's own, with a limit that the kernel keeps; skipped where none can be made."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnet_demo.training.control_groups import MOUNTED, V1, V2

JOIN = "from pathlib import Path; import os, sys; Path(sys.argv[1], 'cgroup.procs').write_text(str(os.getpid()))\n"
"""The first line of a program that is to run in the group that its first argument names."""


@contextlib.contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """The folder of a group whose processes may hold `limit` bytes together; gone afterwards."""
    top, names = (MOUNTED, V2) if (MOUNTED / "cgroup.controllers").exists() else (MOUNTED / "memory", V1)
    folder = top / f"test-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
        (folder / names.limit).write_text(str(limit))
        swap = folder / ("memory.swap.max" if names == V2 else "memory.swappiness")
        if swap.exists():
            swap.write_text("0")
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no memory control group can be made here: {error}")
    try:
        yield folder
    finally:
        deadline = time.monotonic() + 20
        while (left := (folder / "cgroup.procs").read_text().split()) and time.monotonic() < deadline:
            for pid in left:  # what the test has started there
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.05)
        folder.rmdir()
