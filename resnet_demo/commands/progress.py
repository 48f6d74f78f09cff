"""What goes on, told on the terminal: bars for downloads and photos, and a run with the sentences of its events."""

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
from resnet_demo.training.events import Event
from resnet_demo.training.run import Run
from resnet_demo.training.sentences import pace_of, sentence_of

LOOK_SECONDS = 0.25
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


class Told:
    """Inside a `with`, what happens in a run is told; from a thread of its own, so that no slow reader holds it up."""

    def __init__(self, run: Run, language: str) -> None:
        self._run = run
        self._language = language
        self._offset = run.events_from(0)[1]
        self._over = threading.Event()
        self._bar: tqdm[NoReturn] | None = None
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Told:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._bar is not None:
            self._bar.close()

    def _tell(self) -> None:
        over = False
        while not over:
            over = self._over.wait(LOOK_SECONDS)
            events, self._offset = self._run.events_from(self._offset)
            for event in events:
                self._tell_one(event)

    def _tell_one(self, event: Event) -> None:
        if event["kind"] == "step":
            bar = self._bar or self._open_bar(event)
            bar.total = event["steps"]
            bar.set_postfix_str(pace_of(event, self._language), refresh=False)
            bar.update(event["step"] - bar.n)
        elif event["kind"] != "failed" and (said := sentence_of(event, self._language)):
            say(said)  # a failure is told at the end, as an error

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
    label = text("cli.downloading", language)
    with tqdm(desc=label, unit="B", unit_scale=True, disable=None, delay=0.1) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


@contextlib.contextmanager
def looking_bar(language: str) -> Iterator[Progress]:
    """A bar for the photos that are looked at before a run is made; gone when that is done."""
    with tqdm(desc=text("cli.train.looking", language), unit="", disable=None, delay=0.5, leave=False) as bar:

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
