"""Bars side by side, for numbers that belong to whole numbers or to names."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from resnet_demo.plots.block_axis import bar
from resnet_demo.plots.curves import BOTTOM, LEFT, RIGHT, TOP, Axis
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import QUIET, Scale, element, grid_line, label, picture, text_width, ticks

DOT = 2.2


def bars(
    values: Sequence[float | None],
    names: Sequence[str],
    title: str,
    y: Axis,
    *,
    alt_text: str,
    dots: Sequence[Sequence[float]] = (),
    hollow: Collection[int] = (),
    legends: Sequence[tuple[str, str]] = (),
    width: float = 320,
    height: float = 200,
) -> str:
    """Bars from 0; without room for all names, every second one is written, or fewer.

    Args:
        values: a bar each; None leaves its place empty.
        names: below each bar.
        title: of the horizontal axis.
        dots: for each bar the numbers that it is the mean of.
        hollow: the places of the bars that are not filled.
        legends: pairs of an icon and its label.
        alt_text: a description for screen readers.
    """
    above, top = legend(y.title, legends, 0, width)
    base = height - BOTTOM
    up = Scale(0, y.high, base, top + TOP)
    step = (width - RIGHT - LEFT) / max(1, len(values))
    drawn = "".join(grid_line(LEFT, width - RIGHT, up(tick), y.form.format(tick)) for tick in ticks(0, y.high))
    every = max(1, math.ceil((max(map(text_width, names), default=0) + 6) / step))
    for place, value in enumerate(values):
        middle = LEFT + step * (place + 0.5)
        if value is not None:
            drawn += bar(middle, base, up(value), step * 0.7, filled=place not in hollow)
        for one in dots[place] if place < len(dots) else ():
            drawn += dot(middle, up(one))
        if place % every == 0 and place < len(names):
            drawn += label(names[place], middle, base + 16, text_anchor="middle", opacity=QUIET)
    below = label(title, (LEFT + width - RIGHT) / 2, height - 4, text_anchor="middle", opacity=QUIET)
    return picture(width, height, above + drawn + below, alt_text)


def dot(x: float, y: float) -> str:
    """One of the numbers that a bar is the mean of."""
    return element("circle", cx=x, cy=y, r=DOT, opacity=0.75)
