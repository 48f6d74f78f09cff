"""Requests in turn: each visitor has a few under way, and where a page is busy, others' come before the next of them.

All of them are worked on by one interpreter: what one visitor has under way, all others wait for.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_A_TIME = 8
OF_ONE = 2
LONGEST = 2.0
"""Seconds until another may begin although one has not ended: its work may be done, and its visitor read slowly."""


class Turns:
    """Whose request is worked on next: that of the visitor who has waited the longest since the last one began.

    For one event loop. `at_a_time` requests are under way at the most, `of_one` of each visitor; one that takes longer
    than `longest` seconds is not counted any more.
    """

    def __init__(self, at_a_time: int = AT_A_TIME, of_one: int = OF_ONE, longest: float = LONGEST) -> None:
        self._at_a_time, self._of_one, self._longest = at_a_time, of_one, longest
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._turns = 0
        self._last_turn: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[None]:
        """Wait for a turn of this visitor, and keep it as long as the context lasts."""
        loop = asyncio.get_running_loop()
        begun = loop.create_future()
        self._waiting.setdefault(visitor, deque()).append(begun)
        self._go_on()
        try:
            await begun
        except asyncio.CancelledError:
            if not begun.cancelled():  # it had begun a moment before
                self._end(visitor)
            raise
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._end(visitor)

        too_long = loop.call_later(self._longest, end)
        try:
            yield
        finally:
            too_long.cancel()
            end()

    def _end(self, visitor: str) -> None:
        self._under_way[visitor] -= 1
        if not self._under_way[visitor]:
            del self._under_way[visitor]
        self._go_on()
        self._forget_if_gone(visitor)

    def _forget_if_gone(self, visitor: str) -> None:
        if visitor not in self._under_way and visitor not in self._waiting:
            self._last_turn.pop(visitor, None)

    def _go_on(self) -> None:
        """Let all begin that may."""
        while self._under_way.total() < self._at_a_time:
            may = [one for one in self._waiting if self._under_way[one] < self._of_one]
            if not may:
                return
            visitor = min(may, key=lambda one: self._last_turn.get(one, 0))
            begun = self._waiting[visitor].popleft()
            if not self._waiting[visitor]:
                del self._waiting[visitor]
            if begun.cancelled():
                self._forget_if_gone(visitor)
                continue
            self._turns += 1
            self._last_turn[visitor] = self._turns
            self._under_way[visitor] += 1
            begun.set_result(None)
