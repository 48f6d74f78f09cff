"""Events of one visitor that overlap lose nothing of each other's changes."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from resnet_demo.ui.tabs.look_inside.selection import CurrentSelection, Selection

CHANGES = 2_000


def test_changes_of_different_fields_at_the_same_time_are_all_kept() -> None:
    current = CurrentSelection(Selection(part="0", target_class=0, removed=("0",)))
    begin = threading.Barrier(3)

    def count(field: str) -> None:
        begin.wait()
        for number in range(1, CHANGES + 1):
            value: Any = {"part": str(number), "target_class": number, "removed": (str(number),)}[field]
            current.change(lambda now, value=value: replace(now, **{field: value}))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count, ("part", "target_class", "removed")))
    selection = current.selection
    assert (selection.part, selection.target_class, selection.removed) == (str(CHANGES), CHANGES, (str(CHANGES),))


def test_what_cannot_be_changed_stays_as_it_was() -> None:
    def refuse(now: Selection) -> Selection:
        raise ValueError(now)

    current = CurrentSelection(before := Selection())
    with pytest.raises(ValueError, match="Selection"):
        current.change(refuse)
    assert current.selection is before
    assert current.change(lambda now: replace(now, part="stem")).part == "stem"


def test_each_visitor_has_a_selection_of_their_own() -> None:
    first = CurrentSelection()
    second = copy.deepcopy(first)
    second.change(lambda now: replace(now, part="stem"))
    assert first.selection.part == ""
    second.supersede("maps")
    assert (first.version("maps"), second.version("maps")) == (0, 1)
