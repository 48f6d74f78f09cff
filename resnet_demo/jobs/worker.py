"""The process that executes one run and ends: `python -m resnet_demo.jobs.worker RUN_FOLDER`, started by the queue.

It writes to the run's folder alone, never to a pipe that somebody would have to empty.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from resnet_demo.data import decoding_budget
from resnet_demo.jobs import queue, rendezvous
from resnet_demo.labs.lab_run import AnyRun, LabRun, run_at
from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.settings import Settings, find_settings
from resnet_demo.texts import AppError
from resnet_demo.training.memory_kills import KillCount, go_first
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import RunFolder
from resnet_demo.training.worker_state import Stop

if TYPE_CHECKING:
    from torch import Tensor

ANNOUNCED_SECONDS = 20.0
POLL_SECONDS = 0.02


def main() -> None:
    """Execute the run that the queue has launched this process for, then start the next queued one."""
    run, settings = run_at(Path(sys.argv[1])), find_settings()
    if not _announced(run):
        return
    stop_on(signal.SIGTERM, run, "now")
    go_first()
    try:
        execute_run(run, settings)
    finally:
        queue.advance(settings.home)


def _announced(run: RunFolder) -> bool:
    """Whether the run's events name this process; a launcher that was killed before it wrote so launched nobody."""
    deadline = time.monotonic() + ANNOUNCED_SECONDS
    while time.monotonic() < deadline:
        launched = run.events.launched_process
        if launched and launched.pid == os.getpid() and launched.alive:
            return True
        time.sleep(POLL_SECONDS)
    return False


def stop_on(number: int, run: RunFolder, how: Stop) -> None:
    """From now on a signal asks the run to stop."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        run.worker.ask_stop(how)

    signal.signal(number, ask)


def execute_run(run: AnyRun, settings: Settings, features: Mapping[bytes, Tensor] | None = None) -> None:
    """Execute a run, from its newest checkpoint if it has one. The outcome, errors included, is in its events.

    Of several processes that torchrun started, rank 0 writes; the others record that they joined, and take part.

    Args:
        features: those of photos that are known already, as for `loop.train`.

    Raises:
        AppError: another process is executing it, or the event cannot be written.
    """
    if os.environ.get("RANK", "0") != "0":
        if os.environ.get("GROUP_RANK", "0") == "0":  # on the first one's machine, where it can be ended with it
            run.events.append("joined", **dataclasses.asdict(Process.of(os.getpid())))
        _carry_out(run, settings, features)
        return
    with run.worker.lock():
        before = None if rendezvous.is_single_process() else KillCount.here()
        try:
            run.clean_up()
            _carry_out(run, settings, features)
        except AppError as error:
            run.events.append("failed", key=error.message.key, fields=dict(error.message.fields))
        except Exception as error:
            number = secrets.token_hex(4)
            run.log.write(f"{number}\n{traceback.format_exc()}")
            if before is not None and before.has_risen():  # another of the processes is gone, which is all we are told
                run.events.append("killed", memory=True, sure=False)
                run.events.append("failed", key="run.problem.killed_memory", fields={})
            elif is_out_of_memory(error):
                run.events.append("failed", key="train.problem.out_of_memory", fields={})
            else:
                run.events.append("failed", key="run.problem.unexpected", fields={"number": number})


def _carry_out(run: AnyRun, settings: Settings, features: Mapping[bytes, Tensor] | None) -> None:
    if isinstance(run, LabRun):
        run.execute(_of_page(run, settings))
    else:
        _train(run, settings, features)


def _of_page(run: AnyRun, settings: Settings) -> Settings:
    """The settings, with the limits of a public page where a visitor of one asked; the flags are not known here."""
    if run.facts.get("stranger"):
        page = find_settings(["--public"])
        settings = dataclasses.replace(settings, max_pixels=page.max_pixels, max_decoding_bytes=page.max_decoding_bytes)
    decoding_budget.set_limits(settings)
    return settings


def _train(run: Run, settings: Settings, features: Mapping[bytes, Tensor] | None) -> None:
    from resnet_demo.training import loop  # loads torch, which may fail: then the run has failed

    facts = Run.open(run.folder).facts
    weights = facts.get("weights")
    settings = _of_page(run, settings)
    loop.train(run, dataclasses.replace(settings, weights=Path(weights) if weights else None), features)


if __name__ == "__main__":
    main()
