"""A memory budget for decoding pictures, shared by all threads of this process, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from resnet_demo.settings import Settings

SHARE = 4
"""Of the machine's memory, where the settings name no bound: a quarter."""


class DecodingBudget:
    """The bytes that the pictures being decoded at one time may take together.

    Whoever asks first goes first: a large picture is not passed by small ones for ever, and a small one waits for those
    before it alone. What takes more than all of `most` is decoded by itself. `largest` is what one picture may take;
    None where any may.
    """

    def __init__(self, most: int, largest: int | None = None) -> None:
        self.most = most
        self.largest = largest
        self._taken = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()
        self._own = threading.local()

    @contextmanager
    def taken(self, wanted: int) -> Iterator[None]:
        """Wait for `wanted` bytes and hold them until the block ends; a thread that holds some waits for no more."""
        if getattr(self._own, "holds", False):
            yield
            return
        self._take(wanted)
        self._own.holds = True
        try:
            yield
        finally:
            self._own.holds = False
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()

    def _take(self, wanted: int) -> None:
        turn = object()
        with self._changed:
            self._queue.append(turn)
            try:
                while self._queue[0] is not turn or (self._taken and self._taken + wanted > self.most):
                    self._changed.wait()
                self._taken += wanted
            finally:  # also where a signal ends the wait
                self._queue.remove(turn)
                self._changed.notify_all()


BUDGET = DecodingBudget(psutil.virtual_memory().total // SHARE)
"""The budget of this process."""


def set_limits(settings: Settings) -> None:
    """Set the budget of this process as these settings say."""
    BUDGET.most = settings.max_decoding_bytes or psutil.virtual_memory().total // SHARE
    BUDGET.largest = settings.max_decoding_bytes
