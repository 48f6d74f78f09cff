"""Execute a run in the foreground, in the command line's own process: same folder, queue and worker code."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from resnet_demo.commands.progress import RunProgress, say
from resnet_demo.jobs import queue, rendezvous, worker
from resnet_demo.labs.lab_run import AnyRun
from resnet_demo.settings import Settings
from resnet_demo.terminal import print_line
from resnet_demo.texts import text
from resnet_demo.training.event_text import event_text
from resnet_demo.training.memory_kills import go_first
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import RunFolder

DONE, FAILED = 0, 1


def run_in_foreground(make: Callable[[Process], Run], settings: Settings, language: str) -> int:
    """Queue a run, wait for its turn, execute it and print its progress; returns the exit code.

    Under torchrun rank 0 does so; the others join the run that it announces.

    Args:
        make: queues a run for this process to execute.

    Raises:
        AppError: the run cannot be had.
    """
    go_first()
    if rendezvous.is_single_process():
        return _lead(make, settings, language, announce=lambda _run: None)
    shared = rendezvous.Rendezvous()
    if rendezvous.is_main_process():
        return _lead(make, settings, language, announce=lambda run: shared.announce(str(run.folder)))
    # The first process hears the signals too, and all stop with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = Run(Path(shared.wait()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker.execute_run(run, settings)
    return DONE


def _lead(make: Callable[[Process], Run], settings: Settings, language: str, announce: Callable[[Run], None]) -> int:
    me = Process.of(os.getpid())
    run = make(me)
    say(text("cli.train.folder", language, name=run.name, folder=str(run.folder)))
    if not wait_for_turn(run, me, settings, language):
        return FAILED
    announce(run)
    with RunProgress(run, language):
        worker.execute_run(run, settings)
    queue.advance(settings.home)
    if run.state() != "failed" and run.artefacts.best.exists():
        say(text("cli.train.kept", language, folder=str(run.artefacts.best)))
    return say_end(run, settings, language)


def wait_for_turn(
    run: AnyRun, me: Process, settings: Settings, language: str, tell: Callable[[str], None] = say
) -> bool:
    """Wait until it is this process's turn to execute a run, which signals then stop; False if it was stopped before.

    `tell` is given what there is to say meanwhile.
    """
    try:
        if not queue.wait_for_turn(run, settings.home, me, lambda before: tell(_waiting_text(before, language))):
            return False
    except KeyboardInterrupt:
        queue.stop(run, settings.home, "now")
        return False
    _listen_to_signals(run, language, tell)
    return True


def _listen_to_signals(run: RunFolder, language: str, tell: Callable[[str], None]) -> None:
    """Ctrl+C stops and keeps, once more stops at once, a third time ends the process whatever it does."""

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        again = run.worker.stop_asked() is not None
        run.worker.ask_stop("now" if again else "keep")
        tell(text("cli.train.stopping_now" if again else "cli.train.stopping", language))
        if again:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    signal.signal(signal.SIGINT, interrupted)
    # Of several processes torchrun ends all by SIGTERM as soon as it is interrupted; so it is no second word.
    worker.stop_on(signal.SIGTERM, run, "now" if rendezvous.is_single_process() else "keep")
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        worker.stop_on(signal.SIGHUP, run, "keep")


def _waiting_text(before: RunFolder, language: str) -> str:
    return text("cli.train.waiting", language, name=before.name)


def say_end(run: RunFolder, settings: Settings, language: str, tell: Callable[[str], None] = say) -> int:
    """What went wrong, if anything, and how to go on with a run that is not finished; returns the exit code."""
    state, newest = run.state(), run.events.newest() or {"kind": "failed"}
    if state == "failed":
        print_line(event_text(newest, language) or "", sys.stderr)
    if state != "finished":
        words = ["python", "-m", "resnet_demo", *settings.home_flag, "runs", "resume", run.name]
        tell(text("cli.train.go_on", language, command=shlex.join(words)))
    return DONE if state == "finished" or (state == "stopped" and newest.get("how") == "keep") else FAILED
