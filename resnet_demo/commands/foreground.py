"""A run carried out by the command line itself: the same folder, the same turn and the same worker as any other."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from resnet_demo.commands.progress import Told, say
from resnet_demo.jobs import meeting, queue, worker
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import text
from resnet_demo.training.memory_kills import go_first
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.sentences import sentence_of

DONE, FAILED = 0, 1


def carry_out(make: Callable[[Process], Run], settings: Settings, language: str) -> int:
    """Get a run, wait for its turn, do it, tell how it goes; returns the exit code.

    Under torchrun the first process does so; the others take part in the run that it tells them.

    Args:
        make: puts a run in line for this process, which waits to carry it out.

    Raises:
        AppError: the run cannot be had.
    """
    go_first()
    if meeting.alone():
        return _lead(make, settings, language, tell=lambda _run: None)
    place = meeting.Meeting()
    if meeting.leads():
        return _lead(make, settings, language, tell=lambda run: place.tell(str(run.folder)))
    # The first process hears the signals too, and all stop with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = Run(Path(place.listen()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker.carry_out(run, settings)
    return DONE


def _lead(make: Callable[[Process], Run], settings: Settings, language: str, tell: Callable[[Run], None]) -> int:
    me = Process.of(os.getpid())
    run = make(me)
    say(text("cli.train.folder", language, name=run.name, folder=str(run.folder)))
    try:
        if not queue.wait_for_turn(run, settings.home, me, lambda before: _say_before(before, language)):
            return FAILED
    except KeyboardInterrupt:
        queue.stop(run, settings.home, "now")
        return FAILED
    _listen_to_signals(run, language)
    tell(run)
    with Told(run, language):
        worker.carry_out(run, settings)
    queue.move_on(settings.home)
    return _say_end(run, settings, language)


def _listen_to_signals(run: Run, language: str) -> None:
    """Ctrl+C stops and keeps, once more stops at once, a third time ends the process whatever it does."""

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        again = run.stop_asked() is not None
        run.ask_stop("now" if again else "keep")
        say(text("cli.train.stopping_now" if again else "cli.train.stopping", language))
        if again:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    signal.signal(signal.SIGINT, interrupted)
    # Of several processes torchrun ends all by SIGTERM as soon as it is interrupted; so it is no second word.
    worker.stop_on(signal.SIGTERM, run, "now" if meeting.alone() else "keep")
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        worker.stop_on(signal.SIGHUP, run, "keep")


def _say_before(before: Run, language: str) -> None:
    say(text("cli.train.waiting", language, name=before.name))


def _say_end(run: Run, settings: Settings, language: str) -> int:
    """Where the model is, or what went wrong; returns the exit code."""
    state, newest = run.state(), run.newest() or {"kind": "failed"}
    if state == "failed":
        print_line(sentence_of(newest, language) or "", sys.stderr)
    elif run.best.exists():
        say(text("cli.train.kept", language, folder=str(run.best)))
    if state != "finished":
        words = ["python", "-m", "resnet_demo", *settings.home_flag, "runs", "resume", run.name]
        say(text("cli.train.go_on", language, command=shlex.join(words)))
    return DONE if state == "finished" or (state == "stopped" and newest.get("how") == "keep") else FAILED
