"""How long the work of one event may take: it ends where nobody waits for it, or where it keeps others waiting.

Gradio 6.31 can end a generator, but not a plain function: that goes on for nobody, and holds its place. So what takes
long asks `go_on` between its steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from resnet_demo.texts import AppError

AT_MOST = 5
"""So many times as long as it may keep others waiting an event goes on where nobody else waits."""


class TooLongError(AppError):
    """An event that was ended for the sake of others."""


class NobodyWaitsError(AppError):
    """An event whose page is closed, or asks for something else by now."""


@dataclass(frozen=True)
class TimeLimit:
    """Of one event: `seconds` as long as `others_wait`, None for no limit; all of it ends once it is not `wanted`."""

    seconds: float | None
    others_wait: Callable[[], bool]
    wanted: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    started: float = field(default=-1.0)

    def check(self) -> None:
        """Raises TooLongError or NobodyWaitsError if it is time to end."""
        if not self.wanted():
            raise NobodyWaitsError("limits.nobody_waits")
        if self.seconds is None:
            return
        taken = self.clock() - self.started
        if taken > AT_MOST * self.seconds or (taken > self.seconds and self.others_wait()):
            raise TooLongError("limits.too_long", seconds=round(taken))


_limit: ContextVar[TimeLimit | None] = ContextVar("time_limit", default=None)


def begin(limit: TimeLimit) -> None:
    """From now on it holds for this event, in whatever thread its work is done."""
    _limit.set(limit)


def go_on() -> None:
    """To be called between steps; nothing outside of an event.

    Raises:
        TooLongError: others have waited long enough.
        NobodyWaitsError: the page that asked is gone.
    """
    limit = _limit.get()
    if limit is not None:
        limit.check()
