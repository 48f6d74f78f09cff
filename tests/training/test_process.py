"""A process is told apart from a dead one."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

from resnet_demo.training.process import Process


def test_a_process_that_waits_to_be_noticed_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = Process.of(child.pid)
    assert process.alive
    child.kill()
    deadline = time.monotonic() + 10
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
    assert not process.alive
    child.wait()
    assert not process.alive
