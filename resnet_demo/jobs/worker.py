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
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from resnet_demo.jobs import queue
from resnet_demo.settings import Settings, find_settings
from resnet_demo.texts import AppError
from resnet_demo.training.run import Run, Stop

ANNOUNCED_SECONDS = 20.0
LOOK_SECONDS = 0.02


def main() -> int:
    """Carry out the run that the queue has launched this process for, then start the next one in line."""
    run, settings = Run(Path(sys.argv[1])), find_settings()
    if not _announced(run):
        return 1
    stop_on(signal.SIGTERM, run, "now")
    carry_out(run, settings)
    queue.start_next(settings.home)
    return 0


def _announced(run: Run) -> bool:
    """Whether the run's events name this process: one whose launcher was killed before it could must not start."""
    deadline = time.monotonic() + ANNOUNCED_SECONDS
    while time.monotonic() < deadline:
        if run.worker and run.worker.pid == os.getpid():
            return True
        time.sleep(LOOK_SECONDS)
    return False


def stop_on(number: int, run: Run, how: Stop) -> None:
    """From now on a signal asks the run to stop."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        run.ask_stop(how)

    signal.signal(number, ask)


def carry_out(run: Run, settings: Settings) -> None:
    """Do the run, from its newest checkpoint if it has one. How it went is in its events, its errors too.

    Raises:
        AppError: another process is at it, or the disk does not even take the news.
    """
    with run.lock():
        run.tidy()
        try:
            teach = _loop()
            teach(Run.open(run.folder), _settings_of(run, settings))
        except AppError as error:
            run.append("failed", key=error.message.key, fields=dict(error.message.fields))
        except Exception:
            number = secrets.token_hex(4)
            run.write_log(f"[{number}]\n{traceback.format_exc()}")
            run.append("failed", key="run.problem.unexpected", fields={"number": number})
