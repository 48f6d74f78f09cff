"""A process that carries out one run and ends: `python -m resnet_demo.jobs.worker RUN_FOLDER`, started by the queue.

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
from pathlib import Path
from types import FrameType

from resnet_demo.data import decoding_room
from resnet_demo.jobs import meeting, queue
from resnet_demo.settings import Settings, find_settings
from resnet_demo.texts import AppError
from resnet_demo.training.memory_kills import KillCount, go_first
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run, Stop

ANNOUNCED_SECONDS = 20.0
LOOK_SECONDS = 0.02


def main() -> None:
    """Carry out the run that the queue has launched this process for, then start the next one in line."""
    run, settings = Run(Path(sys.argv[1])), find_settings()
    if not _announced(run):
        return
    stop_on(signal.SIGTERM, run, "now")
    go_first()
    try:
        carry_out(run, settings)
    finally:
        queue.move_on(settings.home)


def _announced(run: Run) -> bool:
    """Whether the run's events name this process; a launcher that was killed before it wrote so launched nobody."""
    deadline = time.monotonic() + ANNOUNCED_SECONDS
    while time.monotonic() < deadline:
        launched = run.worker
        if launched and launched.pid == os.getpid() and launched.alive:
            return True
        time.sleep(LOOK_SECONDS)
    return False


def stop_on(number: int, run: Run, how: Stop) -> None:
    """From now on a signal asks the run to stop."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        run.ask_stop(how)

    signal.signal(number, ask)


def carry_out(run: Run, settings: Settings) -> None:
    """Do the run, from its newest checkpoint if it has one. How it went is in its events, errors too.

    Of several processes that torchrun started the first writes; the others say that they are there, and take part.

    Raises:
        AppError: another process is at it, or the disk does not even take the news.
    """
    if os.environ.get("RANK", "0") != "0":
        if os.environ.get("GROUP_RANK", "0") == "0":  # on the first one's machine, where it can be ended with it
            run.append("joined", **dataclasses.asdict(Process.of(os.getpid())))
        _train(run, settings)
        return
    with run.lock():
        before = None if meeting.alone() else KillCount.here()
        try:
            run.tidy()
            _train(run, settings)
        except AppError as error:
            run.append("failed", key=error.message.key, fields=dict(error.message.fields))
        except Exception:
            number = secrets.token_hex(4)
            run.write_log(f"{number}\n{traceback.format_exc()}")
            if before is not None and before.has_risen():  # another of the processes is gone, which is all we are told
                run.append("killed", memory=True, sure=False)
                run.append("failed", key="run.problem.killed_memory", fields={})
            else:
                run.append("failed", key="run.problem.unexpected", fields={"number": number})


def _train(run: Run, settings: Settings) -> None:
    from resnet_demo.training import loop  # loads torch, which may fail: then the run has failed

    facts = Run.open(run.folder).facts
    weights = facts.get("weights")
    if facts.get("stranger"):  # whose photos are no larger here than on the page, which was told so by a flag
        page = find_settings(["--public"])
        settings = dataclasses.replace(settings, max_pixels=page.max_pixels, max_decoding_bytes=page.max_decoding_bytes)
    decoding_room.allow(settings)
    loop.train(run, dataclasses.replace(settings, weights=Path(weights) if weights else None))


if __name__ == "__main__":
    main()
