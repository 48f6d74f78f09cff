"""A real worker that the kernel ends because memory runs out: the run says so, and goes on in micro-batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from resnet_demo.jobs import queue
from resnet_demo.settings import GIGABYTE, Settings
from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs
from tests.conftest import ROOT
from tests.jobs.small import SECONDS, small_config, wait_for, wait_for_event
from tests.memory_group import JOIN, memory_group

# Alone: the kernel counts such kills for the whole machine, and other tests kill workers, too.
pytestmark = [pytest.mark.slow, pytest.mark.alone]

LIMIT = 2 * GIGABYTE
# A server in a group with a limit: it starts a worker and, once that trains, takes so much memory that there would be
# enough if the worker were gone. In one go: a group that is full but for a little does nothing but read files again.
SERVER = (
    JOIN
    + """
import json, psutil, time
from resnet_demo.jobs import queue
from resnet_demo.settings import find_settings
from resnet_demo.training.config import TrainConfig
run = queue.submit(TrainConfig.from_json(json.loads(sys.argv[2])), find_settings())
while run.state() in ("queued", "starting") or run.events.newest("step") is None:
    assert run.state() not in ("failed", "finished"), run.log.path.read_text()
    time.sleep(0.05)
def own(pid):
    memory = psutil.Process(pid).memory_info()
    return memory.rss - memory.shared
worker = own(run.events.launched_process.pid)
held = b"x" * (int(sys.argv[3]) - own(os.getpid()) - worker // 2)
while run.events.newest("killed") is None:
    time.sleep(0.05)
print(run.state(), flush=True)
"""
)


def test_the_kernel_takes_the_worker_and_the_run_says_why(data: Path, settings: Settings) -> None:
    config = small_config(data, epochs=900)
    with memory_group(LIMIT) as group:
        command = [sys.executable, "-c", SERVER, str(group), json.dumps(config.to_json()), str(LIMIT)]
        server = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=4 * SECONDS)
    assert server.returncode == 0, server.stderr  # the server lives
    assert server.stdout.split() == ["lost"]
    (run,) = all_runs(settings.home)
    (killed,) = [event for event in run.events.all() if event["kind"] == "killed"]
    assert killed["memory"] is True
    assert killed["sure"] is True
    command = [sys.executable, "-m", "resnet_demo", "runs", "show", run.name]
    shown = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "LANG": "C"}
    )
    assert text("run.problem.killed_memory") in shown.stdout
    queue.resume(run, settings.home)
    try:
        deadline = time.monotonic() + SECONDS
        while not (said := [event for event in run.events.all() if event.get("key") == "train.said.pieces_after_kill"]):
            assert time.monotonic() < deadline
            assert run.state() not in ("failed", "lost"), run.events.all()[-1]
            time.sleep(0.05)
        assert said[0]["fields"]["pieces"] == 2
    finally:
        queue.stop(run, settings.home, "now")


def test_a_worker_that_a_person_kills_is_not_called_out_of_memory(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=900), settings)
    wait_for_event(run, "step")
    worker = run.events.launched_process
    assert worker is not None
    psutil.Process(worker.pid).kill()
    wait_for(run, "lost")
    wait_for_event(run, "killed")
    killed = [event for event in run.events.all() if event["kind"] == "killed"]
    assert all(event["memory"] is False for event in killed)
    assert run.state() == "lost"


def test_a_worker_offers_itself_first(data: Path, settings: Settings) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux chooses by score")
    run = queue.submit(small_config(data, epochs=900), settings)
    wait_for_event(run, "started")
    worker = run.events.launched_process
    assert worker is not None
    assert int(Path(f"/proc/{worker.pid}/oom_score_adj").read_text()) == 1000
    queue.stop(run, settings.home, "now")
