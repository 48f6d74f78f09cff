"""An iterator in a thread of its own: its items, its errors, its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from resnet_demo.ui.tabs.classify.background import in_background

PATIENT = 60.0
said: ContextVar[str] = ContextVar("said", default="")


def test_items_come_in_their_order_with_the_caller_s_context() -> None:
    said.set("here")
    assert list(in_background(lambda: iter([said.get(), *map(str, range(100))]), PATIENT)) == [
        "here",
        *map(str, range(100)),
    ]


def test_none_is_told_while_an_item_takes_its_time() -> None:
    go_on = threading.Event()

    def slow() -> Iterator[int]:
        assert go_on.wait(PATIENT)
        yield 1

    items = in_background(slow, 0.01)
    assert next(items) is None
    go_on.set()
    assert [item for item in items if item is not None] == [1]


def test_an_error_is_raised_where_the_items_are_asked_for() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    items = in_background(failing, PATIENT)
    assert next(items) == 1
    with pytest.raises(KeyError, match="two"):
        next(items)


def test_an_iterator_that_nobody_wants_any_more_is_closed() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = in_background(endless, PATIENT)
    next(items)
    items.close()
    assert closed.wait(PATIENT)
