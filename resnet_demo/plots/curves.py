"""Line plots, for the curves of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import QUIET, LogScale, Scale, axes, element, grid_line, label, picture, ticks

COLOURS = ("#0d9488", "#d9601a", "#4f7df0", "#b04fd8", "#a8791a", "#e0457b")
"""Distinguishable with most kinds of colour blindness; contrast of 3 to white and to near-black."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
SHAPES = (
    "M-3 0A3 3 0 1 1 3 0A3 3 0 1 1 -3 0Z",
    "M-2.7 -2.7H2.7V2.7H-2.7Z",
    "M0 -3.6L3.4 2.6H-3.4Z",
    "M0 -3.9L3.9 0L0 3.9L-3.9 0Z",
    "M0 3.6L3.4 -2.6H-3.4Z",
    "M-3.4 -1H-1V-3.4H1V-1H3.4V1H1V3.4H-1V1H-3.4Z",
)
MOST_LINES = len(COLOURS)
MOST_MARKS = 16
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 6, 34


@dataclass(frozen=True)
class Line:
    """One line: points (x, y) from left to right, with markers if `marked`; without a name it is not in the legend.

    Where y is None the line has a gap. `style` is the number of its colour, dashes and marker, without one its place
    among the lines; a `thin` line is pale, as one that a mean is of; one that is not `joined` has markers only.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    marked: bool = False
    style: int | None = None
    thin: bool = False
    joined: bool = True


@dataclass(frozen=True)
class Axis:
    """An axis: its range, its title and the format of its numbers.

    A vertical one may be a `log` scale, which grows to whole decades and to what is drawn. A horizontal one has its
    numbers at `ticks`, without them at whole numbers; it may fall, from a higher `low` to a lower `high`.
    """

    low: float
    high: float
    title: str
    form: str = "{:g}"
    log: bool = False
    ticks: Mapping[float, str] | None = None


def curves(lines: Sequence[Line], x: Axis, y: Axis, *, alt_text: str, width: float = 320, height: float = 200) -> str:
    """Lines of at most `MOST_LINES` styles in one plot, each with its own colour, dashes and marker, and a legend.

    Args:
        x, y: the axes; with fixed ones a growing plot does not move.
        alt_text: a description for screen readers.
    """
    styles = [(number if line.style is None else line.style) % MOST_LINES for number, line in enumerate(lines)]
    named = [(_icon(style), line.name) for style, line in zip(styles, lines, strict=True) if line.name]
    above, top = legend(y.title, named, 0, width)
    across = Scale(x.low, x.high, LEFT, width - RIGHT)
    whole = {tick: f"{tick:g}" for tick in ticks(x.low, x.high, 6) if tick == int(tick)}
    x_ticks = whole if x.ticks is None else x.ticks
    up: Scale | LogScale
    if y.log:
        shown = [value for line in lines for _, value in line.points if value is not None]
        up = LogScale([y.low, y.high, *shown], height - BOTTOM, top + TOP)
        grid = "".join(grid_line(LEFT, width - RIGHT, place, written) for place, written in up.grid())
        grid += axes(across, up, x_ticks, {})
    else:
        up = Scale(y.low, y.high, height - BOTTOM, top + TOP)
        grid = axes(across, up, x_ticks, {tick: y.form.format(tick) for tick in ticks(y.low, y.high)})
    below = label(x.title, (LEFT + width - RIGHT) / 2, height - 4, text_anchor="middle", opacity=QUIET)
    drawn = "".join(_line(style, line, across, up) for style, line in zip(styles, lines, strict=True))
    return picture(width, height, above + grid + below + drawn, alt_text)


def _line(style: int, line: Line, x: Scale, y: Scale | LogScale) -> str:
    places: list[tuple[float, float]] = []
    path, gap = "", True
    for across, up in line.points:
        if up is not None:
            place = (x(across), min(max(y(up), y.end), y.start))
            path += f"{'M' if gap else 'L'}{place[0]:.1f} {place[1]:.1f}"
            places.append(place)
        gap = up is None
    drawn = _stroke(style, path, thin=line.thin) if line.joined else ""
    if line.marked:
        every = max(1, -(-len(places) // MOST_MARKS)) if line.joined else 1
        drawn += "".join(_mark(style, *place) for place in places[::-1][::every])  # the newest always
    return drawn


def sample(number: int) -> str:
    """A sample of the line with this number, for a legend outside the plot; hidden from screen readers."""
    return element("svg", _icon(number), viewBox="-2 -6 20 12", width=20, height=12, aria_hidden="true")


def _icon(number: int) -> str:
    return _stroke(number, "M0 0h16") + _mark(number, 8, 0)


def _stroke(number: int, path: str, *, thin: bool = False) -> str:
    style: dict[str, str | float] = {"stroke": COLOURS[number], "stroke_width": 1.6}
    if thin:
        style |= {"stroke_width": 1, "stroke_opacity": 0.45}
    return element("path", d=path, fill="none", **style, stroke_dasharray=DASHES[number])


def _mark(number: int, x: float, y: float) -> str:
    return element("path", d=SHAPES[number], transform=f"translate({x:.1f} {y:.1f})", fill=COLOURS[number])
