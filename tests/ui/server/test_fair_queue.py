"""Whose turn it is, reckoned by hand; what happens in a launched app is in tests/attack/test_sharing.py."""

from __future__ import annotations

from collections import Counter

import pytest
from gradio.queueing import Queue

from resnet_demo.ui.server import fair_queue
from resnet_demo.ui.server.fair_queue import EventOwner, fair_order


def owner(event: str) -> EventOwner:
    """Of an event such as `a1.3`: the third of session 1 of address a."""
    return EventOwner(event[0], event[:2])


def order(waiting: str, running: str = "", last: dict[object, int] | None = None) -> str:
    return " ".join(fair_order(waiting.split(), owner, map(owner, running.split()), last))


def test_one_visitor_is_served_in_the_order_of_asking() -> None:
    assert order("a1.1 a1.2 a1.3") == "a1.1 a1.2 a1.3"
    assert order("") == ""


def test_addresses_take_turns() -> None:
    assert order("a1.1 a1.2 a1.3 b1.1 b1.2 c1.1") == "a1.1 b1.1 c1.1 a1.2 b1.2 a1.3"


def test_sessions_take_turns_within_an_address() -> None:
    assert order("a1.1 a1.2 a1.3 a2.1 a3.1") == "a1.1 a2.1 a3.1 a1.2 a1.3"


def test_more_sessions_give_an_address_no_more_turns() -> None:
    assert order("a1.1 a2.1 a3.1 a4.1 b1.1 b1.2") == "a1.1 b1.1 a2.1 b1.2 a3.1 a4.1"


def test_what_runs_counts_as_a_turn() -> None:
    assert order("a1.2 a2.1 b1.1", running="a1.1") == "b1.1 a2.1 a1.2"
    assert order("a1.1 b1.1 c1.1", running="a1.0 b1.0 a2.0") == "c1.1 b1.1 a1.1"


def test_the_one_whose_turn_is_longest_ago_comes_first() -> None:
    last: dict[object, int] = {"a": 7, "b": 5}
    assert order("a1.1 b1.1 c1.1", last=last) == "c1.1 b1.1 a1.1"
    assert order("a1.1 a2.1", last={EventOwner("a", "a1"): 3}) == "a2.1 a1.1"


def test_a_flooder_delays_others_by_one_event_a_round() -> None:
    flood = " ".join(f"f{session}.{event}" for event in range(10) for session in range(10))
    served = order(f"{flood} a1.1 b1.1 a1.2").split()
    assert [served.index(event) for event in ("a1.1", "b1.1", "a1.2")] == [1, 2, 4]
    assert Counter(served) == Counter(f"{flood} a1.1 b1.1 a1.2".split())


def test_another_gradio_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fair_queue.check_gradio()
    monkeypatch.delattr(Queue, "get_events")
    with pytest.raises(RuntimeError, match="another queue"):
        fair_queue.check_gradio()
