"""How long an event may take, by a clock that is set by hand."""

from __future__ import annotations

import threading
from contextvars import copy_context

import pytest

from resnet_demo.ui.server import time_limit
from resnet_demo.ui.server.time_limit import AT_MOST, NobodyWaitsError, TimeLimit, TooLongError, go_on


class World:
    """What a limit asks about."""

    def __init__(self) -> None:
        self.now, self.others, self.wanted = 100.0, False, True

    def limit(self, seconds: float | None) -> TimeLimit:
        return TimeLimit(seconds, lambda: self.others, lambda: self.wanted, lambda: self.now, started=100.0)


def test_an_event_ends_once_others_have_waited_long_enough() -> None:
    world = World()
    limit = world.limit(10)
    limit.check()
    world.others = True
    world.now = 110.0
    limit.check()
    world.now = 110.5
    with pytest.raises(TooLongError):
        limit.check()


def test_alone_it_may_go_on_for_longer_but_not_for_ever() -> None:
    world = World()
    limit = world.limit(10)
    world.now = 100.0 + 10 * AT_MOST
    limit.check()
    world.now += 0.1
    with pytest.raises(TooLongError):
        limit.check()


def test_without_a_limit_only_nobody_ends_it() -> None:
    world = World()
    limit = world.limit(None)
    world.others, world.now = True, 1e9
    limit.check()
    world.wanted = False
    with pytest.raises(NobodyWaitsError):
        limit.check()


def test_it_holds_in_the_threads_of_its_event_and_nowhere_else() -> None:
    world = World()
    world.wanted = False
    raised: list[bool] = []

    def work() -> None:
        try:
            go_on()
        except NobodyWaitsError:
            raised.append(True)

    def event() -> None:
        time_limit.begin(world.limit(None))
        inside = copy_context()  # as anyio does it for a thread
        thread = threading.Thread(target=lambda: inside.run(work))
        thread.start()
        thread.join()

    copy_context().run(event)
    assert raised == [True]
    go_on()
