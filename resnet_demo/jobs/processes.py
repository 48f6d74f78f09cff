"""The processes of a run: starting its worker apart from us, and ending all that belong to it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from resnet_demo.models.model_folders import file_only
from resnet_demo.settings import PREFIX
from resnet_demo.texts import AppError
from resnet_demo.training.memory_kills import KillCount
from resnet_demo.training.process import Process
from resnet_demo.training.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
# Handed down to every process that a worker starts: this is how those that outlive it are found.
COOKIE = PREFIX + "RUN"
# What torchrun tells the processes that it starts; a worker of the queue is alone.
RANK_VARIABLES = re.compile(r"((LOCAL|GROUP|ROLE)_)?(RANK|WORLD_SIZE|NAME)|MASTER_(ADDR|PORT)|TORCHELASTIC_\w+")
POLL_SECONDS = 0.05
COUNT_SECONDS, COUNTS = 2.0, 15
"""What the kernel counts as ended for want of memory is read so often, and remembered so many times: a process that
holds much may need some seconds to be gone."""
KILL_SECONDS = 5.0


def start_worker(run: RunFolder, home: Path) -> Process:
    """Start the run's worker: it leads a session of its own and writes to the run's log, so it outlives us.

    Raises:
        OSError: the log cannot be written to, or no process can be started.
    """
    kept = {name: value for name, value in os.environ.items() if not RANK_VARIABLES.fullmatch(name)}
    if "TORCHELASTIC_RUN_ID" in os.environ:
        kept.pop("OMP_NUM_THREADS", None)  # torchrun's, who means each of several processes
    ours = {COOKIE: str(run.folder), PREFIX + "HOME": str(home), "PYTHONIOENCODING": "utf-8"}
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    with open(run.log.path, "ab", opener=file_only) as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "resnet_demo.jobs.worker", str(run.folder)],
            cwd=ROOT,
            env={**kept, **ours},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **apart,
        )
    process = Process.of(worker.pid)
    threading.Thread(target=_watch, args=(run, worker), daemon=True).start()
    return process


def _watch(run: RunFolder, worker: subprocess.Popen[bytes]) -> None:
    """Wait for a worker's end, so that it is no zombie for long, and note whether memory had run out just then."""
    ended = threading.Event()

    def wait() -> None:
        worker.wait()
        ended.set()

    counts: deque[KillCount | None] = deque([KillCount.here()], maxlen=COUNTS)
    threading.Thread(target=wait, daemon=True).start()
    while not ended.wait(COUNT_SECONDS):
        counts.append(KillCount.here())
    # Somebody who stops a run kills its worker too, and says so.
    if sys.platform != "win32" and worker.returncode == -signal.SIGKILL and not run.worker.stop_asked():
        before = counts[0]
        with contextlib.suppress(
            AppError, OSError
        ):  # the run was deleted, or its disk is full: it stays without a word
            run.events.append("killed", memory=before is not None and before.has_risen(), sure=True)


def end_all(run: RunFolder, grace_seconds: float) -> None:
    """Wait for the run's processes to end, and after `grace_seconds` end those that are left."""
    grace = time.monotonic() + grace_seconds
    while (left := list(_members(run))) or run.worker.lives():
        now = time.monotonic()
        if now > grace + KILL_SECONDS:
            break
        for process in left if now > grace else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(POLL_SECONDS)


def _members(run: RunFolder) -> Iterator[psutil.Process]:
    """The worker, those that take part in its training, what they started, and what of that has lost its parents."""
    folder = str(run.folder)
    own = {pid for process in _launched(run) if process.alive for pid in _with_children(process.pid)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # gone meanwhile, or another user's
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            # In the foreground a worker is not marked itself; it may have started the next one, which is.
            variables = process.environ()
            if not variables and process.pid in own:  # it has just been started, and the kernel tells none yet
                time.sleep(POLL_SECONDS)
                variables = process.environ()
            mark = variables.get(COOKIE)
            if mark == folder or (mark is None and process.pid in own):
                yield process


def _launched(run: RunFolder) -> Iterator[Process]:
    """The run's newest worker, and those that torchrun started on this machine to take part in its training."""
    for event in run.events.backwards():
        if event["kind"] in {"launched", "joined"} and (process := Process.from_event(event)):
            yield process
        if event["kind"] == "launched":
            return


def _with_children(pid: int) -> set[int]:
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return set()
