"""Bars: from zero to their number, dots where they belong, names that do not run into each other."""

from __future__ import annotations

from itertools import pairwise

import pytest

from resnet_demo.plots.bars import bars
from resnet_demo.plots.curves import Axis
from tests.plots.drawn_svg import all_of, box, read, words

UP = Axis(0, 10, "count")


def test_bars_are_as_high_as_their_numbers() -> None:
    picture = read(bars([10, 5, None, 0], ["a", "b", "c", "d"], "name", UP, alt_text="Falls."))
    first, second, last = [box(rect) for rect in all_of(picture, "rect")]
    assert first[3] == second[3] == last[3] == last[1]  # one base
    assert first[3] - first[1] == pytest.approx(2 * (second[3] - second[1]), abs=0.02)
    assert {"count", "name", "a", "b", "c", "d"} <= set(words(picture))
    assert picture.get("aria-label") == "Falls."


def test_dots_are_where_a_bar_of_their_number_would_end() -> None:
    picture = read(bars([5, 5], ["a", "b"], "", UP, dots=[[2.5, 7.5], []], hollow={1}, alt_text="x"))
    low, high = [float(dot.attrib["cy"]) for dot in all_of(picture, "circle")]
    first, second = list(all_of(picture, "rect"))
    _, top, _, base = box(first)
    assert base - low == pytest.approx((base - top) / 2, abs=0.02)
    assert base - high == pytest.approx((base - top) * 1.5, abs=0.02)
    assert (first.get("fill-opacity"), second.get("fill-opacity")) == ("1", "0.15")


@pytest.mark.parametrize("count", [1, 16, 28, 55, 1000])
def test_names_leave_each_other_room(count: int) -> None:
    names = [str(number) for number in range(count)]
    picture = read(bars([1.0] * count, names, "", UP, alt_text="x"))
    ends = [
        (float(node.attrib["x"]), len(node.text or "") * 6.2) for node in all_of(picture, "text") if node.text in names
    ]
    ends = [(x, wide) for x, wide in ends if x > 44]  # the others are the vertical axis'
    assert all(b - a > (wide_a + wide_b) / 2 for (a, wide_a), (b, wide_b) in pairwise(ends))


def test_nothing_is_an_empty_frame() -> None:
    assert list(all_of(read(bars([], [], "name", UP, alt_text="Nothing.")), "rect")) == []
