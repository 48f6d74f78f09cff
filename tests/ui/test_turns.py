"""Requests in turn: who has many under way waits for himself, and whatever becomes of one, its place is free again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from resnet_demo.ui.turns import Turns


def order_of(asked: Sequence[str], turns: Turns) -> list[str]:
    """In which order requests begin that were all asked for at once."""
    begun: list[str] = []

    async def request(name: str) -> None:
        async with turns.turn(name.partition("-")[0]):
            begun.append(name)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        await asyncio.gather(*map(request, asked))

    asyncio.run(all_of_them())
    return begun


def test_visitors_take_turns() -> None:
    asked = [*(f"flood-{number}" for number in range(5)), "other-0", "other-1", "third-0"]
    expected = ["flood-0", "other-0", "third-0", "flood-1", "other-1", "flood-2", "flood-3", "flood-4"]
    assert order_of(asked, Turns(at_a_time=1, of_one=1)) == expected


def test_of_one_visitor_a_few_are_under_way() -> None:
    asked = [*(f"flood-{number}" for number in range(5)), "other-0"]
    assert order_of(asked, Turns(at_a_time=3, of_one=2))[:3] == ["flood-0", "flood-1", "other-0"]


def test_what_takes_too_long_keeps_nobody_waiting() -> None:
    async def slow_and_other() -> None:
        turns = Turns(at_a_time=1, of_one=1, longest=0.05)
        async with turns.turn("slow"), asyncio.timeout(10), turns.turn("other"):
            pass
        async with asyncio.timeout(10), turns.turn("slow"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), turns.turn("other"):
                    raise AssertionError("its place was given back twice")

    asyncio.run(slow_and_other())


def test_bounds_hold_whatever_becomes_of_requests() -> None:
    """Requests of random length, of which some fail and some are broken off, waiting or under way."""
    chance, turns = random.Random(0), Turns(at_a_time=3, of_one=2)
    under_way: Counter[str] = Counter()
    most_of_all, most_of_one = 0, 0

    async def request(visitor: str) -> None:
        nonlocal most_of_all, most_of_one
        async with turns.turn(visitor):
            under_way[visitor] += 1
            most_of_all, most_of_one = max(most_of_all, under_way.total()), max(most_of_one, under_way[visitor])
            try:
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                if chance.randrange(5) == 0:
                    raise ValueError
            finally:
                under_way[visitor] -= 1

    async def all_of_them() -> None:
        tasks = []
        for _ in range(2_000):
            tasks.append(asyncio.ensure_future(request(chance.choice("aaaabcd"))))
            if chance.randrange(3) == 0:
                chance.choice(tasks[-20:]).cancel()
            if chance.randrange(4) == 0:
                await asyncio.sleep(0)
        ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
        assert {type(one) for one in ended} == {type(None), ValueError, asyncio.CancelledError}
        async with asyncio.timeout(10), turns.turn("a"), turns.turn("a"), turns.turn("b"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), turns.turn("b"):
                    raise AssertionError("a fourth one at a time")

    asyncio.run(all_of_them())
    assert (most_of_all, most_of_one) == (3, 2)
