"""Ending all processes of a run, whoever their parents are, and nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resnet_demo.jobs import processes
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.jobs.small import wait_for

# A worker that does not hear SIGTERM, with a child, a forked one, one in its own session, and one without a parent.
STUBBORN = """
import os, signal, subprocess, sys, time
from pathlib import Path
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
run = Run(Path(sys.argv[1]))
SLEEP = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)"]
with run.worker.lock():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(SLEEP)
    apart = subprocess.Popen(SLEEP, start_new_session=True)
    orphan = subprocess.run(
        [sys.executable, "-c", f"import subprocess; print(subprocess.Popen({SLEEP!r}, stdout=subprocess.DEVNULL).pid)"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if not os.fork():
        time.sleep(100)
    me = Process.of(os.getpid())
    run.events.append("launched", pid=me.pid, born=me.born)
    run.events.append("started")
    print(child.pid, apart.pid, int(orphan.stdout), flush=True)
    time.sleep(100)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, TrainConfig(data="/photos"), {})


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def start(run: Run, **variables: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    worker = subprocess.Popen(
        [sys.executable, "-c", STUBBORN, str(run.folder)],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert worker.stdout is not None
    pids = [int(pid) for pid in worker.stdout.readline().split()]
    assert len(pids) == 3
    family = {psutil.Process(pid) for pid in pids} | set(psutil.Process(worker.pid).children(recursive=True))
    assert len(family) == 4
    worker.stdout.close()
    return worker, list(family)


@pytest.mark.slow
@pytest.mark.parametrize("worker_was_killed", [False, True])
def test_a_marked_family_is_ended_whole(run: Run, bystander: psutil.Process, worker_was_killed: bool) -> None:
    worker, family = start(run, **{processes.COOKIE: str(run.folder)})
    if worker_was_killed:
        worker.kill()
        worker.wait()
        wait_for(run, "lost")
        assert all(process.is_running() for process in family)
    before = time.monotonic()
    processes.end_all(run, grace_seconds=0.3)
    assert time.monotonic() - before >= 0.3
    worker.wait(timeout=5)
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert run.state() == "lost"
    assert bystander.is_running()


FOREGROUND = """
import subprocess, sys
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from pathlib import Path
import os, time
me = Process.of(os.getpid())
run = Run(Path(sys.argv[1]))
sleep = [sys.executable, "-c", "import time; time.sleep(100)"]
child = subprocess.Popen(sleep)
other = subprocess.Popen(sleep, env={**os.environ, sys.argv[2]: "/another/run"}, start_new_session=True)
run.events.append("launched", pid=me.pid, born=me.born)
with run.worker.lock():
    print(child.pid, other.pid, flush=True)
    time.sleep(100)
"""


@pytest.mark.slow
@pytest.mark.parametrize("just_started", [False, True])
def test_in_the_foreground_a_worker_is_ended_with_its_children(
    run: Run, bystander: psutil.Process, just_started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not marked, and what it starts for another run is not its own, also while the kernel knows no mark yet."""
    command = [sys.executable, "-c", FOREGROUND, str(run.folder), processes.COOKIE]
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    child, other = (psutil.Process(int(pid)) for pid in worker.stdout.readline().split())
    worker.stdout.close()
    if just_started:
        environ, told = psutil.Process.environ, set[int]()

        def late(process: psutil.Process) -> dict[str, str]:
            return environ(process) if process.pid in told else told.add(process.pid) or {}

        monkeypatch.setattr(psutil.Process, "environ", late)
    try:
        processes.end_all(run, grace_seconds=0)
        worker.wait(timeout=5)
        assert psutil.wait_procs([child], timeout=5)[1] == []
        assert other.is_running()
        assert bystander.is_running()
    finally:
        other.kill()


def test_the_grace_is_not_waited_out_once_all_have_ended(run: Run) -> None:
    me = Process(2**30, 0)
    run.events.append("launched", pid=me.pid, born=me.born)
    before = time.monotonic()
    processes.end_all(run, grace_seconds=60)
    assert time.monotonic() - before < 5
