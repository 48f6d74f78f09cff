"""Memory that is free goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CODE = """
import psutil
from resnet_demo.ui.server.memory_trim import trim
own = psutil.Process().memory_info
blocks = [bytes(2_000) for _ in range(50_000)]
last = bytes(2_000)  # lies behind them, so that the heap does not shrink by itself
full = own().rss
del blocks
freed = own().rss
trim()
print(full, freed, own().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_what_was_freed_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    full, freed, trimmed = map(int, done.stdout.split())
    assert full - freed < 50_000_000, "nothing was kept, so nothing is shown"
    assert full - trimmed > 80_000_000
