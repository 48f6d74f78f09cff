"""Progress on the terminal: bars for downloads and photos, and the events of a run."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import NoReturn

from tqdm import tqdm

from resnet_demo.download import Progress
from resnet_demo.terminal import print_line
from resnet_demo.texts import text
from resnet_demo.training.event_text import event_text, phase_share, phase_text, step_text
from resnet_demo.training.events import Event
from resnet_demo.training.run import Run

POLL_SECONDS = 0.25
PHASE_BAR = "{desc} |{bar}| [{elapsed}]"
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


class RunProgress:
    """Prints a run's events inside a `with`, from a thread of its own: a slow terminal does not delay the training."""

    def __init__(self, run: Run, language: str) -> None:
        self._run = run
        self._language = language
        self._offset = run.events.since(0)[1]
        self._finished = threading.Event()
        self._bar: tqdm[NoReturn] | None = None
        self._phase_bar: tqdm[NoReturn] | None = None
        self._thread = threading.Thread(target=self._print_events, daemon=True)

    def __enter__(self) -> RunProgress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.set()
        self._thread.join()
        for bar in (self._phase_bar, self._bar):
            if bar is not None:
                bar.close()

    def _print_events(self) -> None:
        finished = False
        while not finished:
            finished = self._finished.wait(POLL_SECONDS)
            events, self._offset = self._run.events.since(self._offset)
            for event in events:
                self._print_event(event)

    def _print_event(self, event: Event) -> None:
        self._show_phase(event)
        if event["kind"] == "step":
            bar = self._bar or self._open_bar(event)
            bar.total = event["steps"]
            bar.set_postfix_str(step_text(event, self._language), refresh=False)
            bar.update(event["step"] - bar.n)
        elif event["kind"] != "failed" and (said := event_text(event, self._language)):
            say(said)  # a failure is told at the end, as an error

    def _show_phase(self, event: Event) -> None:
        """A bar of its own for a phase before the first step whose end is known; it is gone with the next thing."""
        share = phase_share(event) if event["kind"] == "phase" and self._bar is None else None
        if self._phase_bar is not None and (share is None or share == 0):
            self._phase_bar.close()
            self._phase_bar = None
        if share is None:
            return
        if self._phase_bar is None:
            self._phase_bar = tqdm(total=1.0, bar_format=PHASE_BAR, disable=None, leave=False)
        self._phase_bar.set_description_str(phase_text(event, self._language), refresh=False)
        self._phase_bar.update(share - self._phase_bar.n)

    def _open_bar(self, event: Event) -> tqdm[NoReturn]:
        """Not before the first step, from which the time that is left is reckoned."""
        label = text("cli.train.bar", self._language)
        self._bar = tqdm(
            desc=label, initial=event["step"], total=event["steps"], bar_format=BAR, disable=None, leave=False
        )
        return self._bar


@contextlib.contextmanager
def download_bar(language: str) -> Iterator[Progress]:
    """A progress bar on the terminal that appears once something is downloaded."""
    with _byte_bar(text("cli.downloading", language)) as progress:
        yield progress


@contextlib.contextmanager
def unpacking_bar(language: str) -> Iterator[Progress]:
    """The same for an archive that is unpacked."""
    with _byte_bar(text("photos.stage.unpacking", language)) as progress:
        yield progress


@contextlib.contextmanager
def _byte_bar(label: str) -> Iterator[Progress]:
    with tqdm(desc=label, unit="B", unit_scale=True, disable=None, delay=0.1) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


@contextlib.contextmanager
def scanning_bar(language: str) -> Iterator[Progress]:
    """A progress bar for scanning the photos before a run is created; it disappears at the end."""
    with tqdm(desc=text("cli.train.scanning", language), unit="", disable=None, delay=0.5, leave=False) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def say(said: str) -> None:
    """Print a line at once; quietly where the reader has gone."""
    try:
        print_line(said, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
