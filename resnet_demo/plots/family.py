"""Networks as points: what they cost, on a log scale, against their published accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from resnet_demo.plots.curves import COLOURS, SHAPES
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, QUIET, Scale, axes, element, label, picture, text_width, ticks
from resnet_demo.texts import text

LEFT, RIGHT, BELOW = 40, 104, 38
"""On the right there is room for a name."""
ROUND = (1, 2, 5)
RADIUS = 5.0
GUEST, OWN = 3, 0
"""The shape and colour of guests, and of the others."""

Cost = Literal["parameters", "multiply_adds"]
"""What is on the horizontal axis; either is shown in millions."""


@dataclass(frozen=True)
class Point:
    """A network: `cost` is a count of parameters or multiply-adds, `accuracy` is in percent; `title` says all of it."""

    name: str
    cost: float
    accuracy: float
    title: str
    guest: bool = False


def family(points: Sequence[Point], cost: Cost, language: str, *, width: float = 640, height: float = 400) -> str:
    """A scatter plot: each network with its name; a guest has a shape and a colour of its own.

    Args:
        points: at least one, with costs above zero.
        cost: what their costs are, for the axis.
        language: of the labels.
    """
    entries = [(_mark(False, 8, 0), text("plots.family.own", language))]
    if any(point.guest for point in points):
        entries.append((_mark(True, 8, 0), text("plots.family.guest", language)))
    head, top = legend(text("plots.family.accuracy", language), entries, 0, width)
    costs = [point.cost / 1e6 for point in points]
    accuracies = [point.accuracy for point in points]
    across = Scale(math.log10(min(costs)) - 0.06, math.log10(max(costs)) + 0.02, LEFT, width - RIGHT)
    up = Scale(min(accuracies) - 1.5, max(accuracies) + 1.5, height - BELOW, top + FONT_SIZE)
    x_ticks = {math.log10(value): f"{value:,.0f}" for value in _log_ticks(min(costs), max(costs))}
    grid = axes(across, up, x_ticks, {tick: f"{tick:g} %" for tick in ticks(up.low, up.high)})
    title = text(f"plots.family.{cost}", language)
    below = label(title, (LEFT + width - RIGHT) / 2, height - 4, text_anchor="middle", opacity=QUIET)
    places = [(across(math.log10(one)), up(point.accuracy)) for one, point in zip(costs, points, strict=True)]
    drawn = "".join(
        element(
            "g",
            element("title", escape(point.title)) + _mark(point.guest, x, y) + _name(point.name, words, x, y),
            data_name=point.name,
        )
        for point, (x, y), words in zip(points, places, _name_places(points, places, width), strict=True)
    )
    best = max(points, key=lambda point: point.accuracy)
    alt_text = text(
        "plots.family.alt", language, count=len(points), axis=title, best=best.name, accuracy=f"{best.accuracy:.1f}"
    )
    return picture(width, height, head + grid + below + drawn, alt_text)


def _log_ticks(low: float, high: float) -> list[float]:
    """Numbers 1, 2 or 5 times a power of ten inside a range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    numbers = [factor * 10.0**power for power in range(first, last + 1) for factor in ROUND]
    return [number for number in numbers if low <= number <= high]


def _mark(guest: bool, x: float, y: float) -> str:
    number = GUEST if guest else OWN
    place = f"translate({x:.1f} {y:.1f}) scale(1.5)"
    return element("path", d=SHAPES[number], transform=place, fill=COLOURS[1 if guest else 0])


def _name(name: str, place: tuple[float, float, str], x: float, y: float) -> str:
    """The name at its place; a line leads there where that is not beside the point."""
    across, up, anchor = place
    drawn = label(name, across, up, text_anchor=anchor, fill_opacity=0.9)
    if abs(up - FONT_SIZE * 0.35 - y) > 2 * FONT_SIZE:
        way = f"M{x:.1f} {y:.1f}L{across:.1f} {up + 3 if up < y else up - FONT_SIZE:.1f}"
        drawn = element("path", d=way, stroke="currentColor", opacity=0.35, fill="none") + drawn
    return drawn


def _name_places(
    points: Sequence[Point], places: Sequence[tuple[float, float]], width: float
) -> list[tuple[float, float, str]]:
    """Where each name stands, and its anchor: beside its point, else above or below, wherever it covers nothing."""
    taken = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places]
    found = []
    for point, (x, y) in zip(points, places, strict=True):
        long = text_width(point.name)
        choices = [
            (x + RADIUS + 3, y + FONT_SIZE * 0.35, "start"),
            (x - RADIUS - 3, y + FONT_SIZE * 0.35, "end"),
            *((x, y + step, "middle") for step in (-9, 17, -22, 30, -35, 43, -48)),
        ]
        boxes = [_box(choice, long) for choice in choices]
        free = [
            index
            for index, box in enumerate(boxes)
            if box[0] >= LEFT and box[2] <= width and not any(_overlap(box, other) for other in taken)
        ]
        best = free[0] if free else 0
        taken.append(boxes[best])
        found.append(choices[best])
    return found


def _box(place: tuple[float, float, str], long: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a name."""
    x, y, anchor = place
    left = x - {"start": 0.0, "middle": long / 2, "end": long}[anchor]
    return left, y - FONT_SIZE * 0.85, left + long, y + 2


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
