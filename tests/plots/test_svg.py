"""SVG that any reader takes, whatever words and numbers are in it."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from matplotlib.ticker import MaxNLocator

from resnet_demo.plots import svg


def test_words_and_attributes_cannot_break_out() -> None:
    hostile = "<script>alert('1')</script> & \"quoted\" 照片"
    drawn = svg.picture(10, 10, svg.label(hostile, 1, 2, data_name=hostile), hostile)
    root = ElementTree.fromstring(drawn)  # noqa: S314  our own
    [words] = root
    assert words.text == words.get("data-name") == root.get("aria-label") == hostile
    assert root.get("role") == "img"


def test_numbers_are_short() -> None:
    assert svg.element("a", x=1.0, y=0.125, z=-3.10001) == '<a x="1" y="0.12" z="-3.1"/>'


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 0.0004), (0, 2.7), (-3, 8), (0, 12), (87.3, 100), (0, 1e6), (1e-9, 3e-9)]
)
def test_ticks_are_where_matplotlib_would_have_them_or_fewer(low: float, high: float) -> None:
    found = svg.ticks(low, high)
    assert 2 <= len(found) <= svg.MOST_TICKS
    assert low - 1e-12 <= found[0] < found[-1] <= high * (1 + 1e-9)
    theirs = MaxNLocator(nbins=svg.MOST_TICKS - 1, steps=[1, 2, 5, 10]).tick_values(low, high)
    step = found[1] - found[0]
    assert math.isclose(step, theirs[1] - theirs[0], rel_tol=1e-6)


@pytest.mark.parametrize("high", [0.0, -1.0, math.nan, math.inf])
def test_an_axis_without_length_has_one_tick(high: float) -> None:
    assert svg.ticks(0, high) == [0]


@pytest.mark.parametrize(("value", "end"), [(0.93, 1.0), (2.31, 2.5), (1.0, 1.0), (0.00037, 0.0004), (0, 1), (-1, 1)])
def test_an_axis_ends_at_a_round_number(value: float, end: float) -> None:
    assert math.isclose(svg.round_up(value), end)


def test_a_scale_is_a_straight_line() -> None:
    scale = svg.Scale(2, 4, 100, 50)
    assert [scale(value) for value in (2, 3, 4, 6)] == [100, 75, 50, 0]
    assert svg.Scale(1, 1, 10, 20)(1) == 10


def test_chinese_is_as_wide_as_high() -> None:
    assert svg.text_width("照片", 10) == 20
    assert svg.text_width("loss", 10) < 40
