"""One bound on what all threads decode together: kept, in turn, given back, and never a reason to wait for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from resnet_demo.data.decoding_budget import DecodingBudget

PATIENCE = 60
"""Seconds after which a test says that somebody waits for ever."""


class Watched:
    """Bytes of the budget held at one time, as the holders themselves count it."""

    def __init__(self, budget: DecodingBudget) -> None:
        self.budget = budget
        self.now = self.peak = 0
        self.order: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, name: str, wanted: int) -> Iterator[None]:
        with self.budget.taken(wanted):
            with self._lock:
                self.now += wanted
                self.peak = max(self.peak, self.now)
                self.order.append(name)
            try:
                yield
            finally:
                with self._lock:
                    self.now -= wanted


def waiting(budget: DecodingBudget, count: int) -> None:
    """Wait until so many are queued; nothing public tells, since nobody but a test has to know who waits."""
    deadline = time.monotonic() + PATIENCE
    while len(budget._queue) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_all_threads_together_keep_the_bound() -> None:
    watched = Watched(DecodingBudget(100))

    def decode(number: int) -> None:
        with watched.hold("", (10, 35, 60, 100)[number % 4]):
            time.sleep(0.001)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, range(200), timeout=PATIENCE))
    assert 60 < watched.peak <= 100
    assert watched.now == 0


def test_first_come_first_served() -> None:
    """A large one that waits is not passed by small ones that would fit, and they come right after it."""
    watched, release = Watched(DecodingBudget(100)), threading.Event()

    def decode(name: str, wanted: int) -> None:
        with watched.hold(name, wanted):
            release.wait(PATIENCE)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(decode, "first", 60)]
        while watched.order != ["first"]:
            time.sleep(0.001)
        for number, (name, wanted) in enumerate((("large", 90), ("small", 5), ("smaller", 1))):
            asked.append(pool.submit(decode, name, wanted))
            waiting(watched.budget, number + 1)
        assert watched.order == ["first"]
        release.set()
        for one in asked:
            one.result(PATIENCE)
    assert watched.order[:2] == ["first", "large"]
    assert sorted(watched.order[2:]) == ["small", "smaller"]


def test_more_than_all_of_it_is_decoded_alone() -> None:
    watched = Watched(DecodingBudget(100))
    alone = []

    def decode(wanted: int) -> None:
        with watched.hold("", wanted):
            time.sleep(0.002)
            if wanted > 100:
                alone.append(watched.now == wanted)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(decode, [40, 1000, 40, 500, 40, 40, 300] * 3, timeout=PATIENCE))
    assert alone == [True] * 9


def test_an_error_gives_it_back() -> None:
    budget = DecodingBudget(100)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), budget.taken(100):
            raise ValueError("damaged")


def test_who_holds_some_waits_for_no_more() -> None:
    """One picture opened while another is in hand: two threads that did so could wait for each other for ever."""
    budget, both = DecodingBudget(100), threading.Barrier(2)

    def decode(_: int) -> bool:
        with budget.taken(50):
            both.wait(PATIENCE)
            with budget.taken(80):
                return True

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(decode, range(2), timeout=PATIENCE))
    with budget.taken(100):
        pass


def test_a_smaller_bound_from_now_on() -> None:
    budget = DecodingBudget(100)
    with budget.taken(90):
        budget.most = 10
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: budget.taken(50).__enter__()).result(PATIENCE) is None
