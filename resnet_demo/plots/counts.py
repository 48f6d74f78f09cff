"""How many photos each class has, as bars in an SVG; the parts of a data set are told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label, text_width

COLOUR = "#0d9488"
LOOKS: tuple[dict[str, str | float], ...] = (
    {"fill": COLOUR},
    {"fill": COLOUR, "opacity": 0.45},
    {"fill": "none", "stroke": COLOUR, "stroke_width": 1.4},
)
"""Of the first, second and third part: full, pale, hollow, to be told apart without colours too."""

MOST_BARS = 40
LARGEST = 20
"""Of more than `MOST_BARS` classes so many of the largest are drawn; the rest of the room is for the smallest."""

ROW, THICK, GAP = 22, 12, 6
NARROW = 320
"""Pixels that there are at least."""
NAMES_END, BARS_START, BARS_END = 34.0, 36.0, 88.0
"""Percent of the width, whatever it is: letters keep their size on a narrow screen."""
NAME_WIDTH = 118


@dataclass(frozen=True)
class Bar:
    """A class and how many photos it has in each part."""

    name: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Its photos in all parts."""
        return sum(self.counts)


def counts(bars: Sequence[Bar], parts: Sequence[str], *, said: str, between: Callable[[Sequence[Bar]], str]) -> str:
    """A row for each class; beyond `MOST_BARS` the largest and the smallest, and between them a line of words.

    Args:
        parts: names of the parts, at most three; a legend tells them where there are several.
        said: the picture in a sentence, for those who do not see it.
        between: puts the classes that are not drawn into words.
    """
    squares = (element("rect", x=2, y=-THICK / 2, width=THICK, height=THICK, rx=2, **look) for look in LOOKS)
    names, below = legend("", list(zip(squares, parts, strict=False)), 2, NARROW)
    drawn, top = ([names], below + GAP) if len(parts) > 1 else ([], 0.0)
    longest = max((bar.total for bar in bars), default=0) or 1
    rows: list[Bar | str] = list(bars)
    if len(bars) > MOST_BARS:
        ranked = sorted(bars, key=lambda bar: -bar.total)
        last = len(bars) - (MOST_BARS - LARGEST - 1)
        rows = [*ranked[:LARGEST], between(ranked[LARGEST:last]), *ranked[last:]]
    for number, row in enumerate(rows):
        y = top + number * ROW
        if isinstance(row, str):
            drawn.append(label(row, f"{BARS_START}%", y + THICK, opacity=QUIET))
        else:
            drawn.append(_bar(row, y, longest))
    return element(
        "svg",
        "".join(drawn),
        xmlns="http://www.w3.org/2000/svg",
        width="100%",
        height=top + len(rows) * ROW,
        role="img",
        aria_label=said,
        font_family="system-ui, sans-serif",
        font_size=FONT_SIZE + 1,
        fill="currentColor",
    )


def _bar(bar: Bar, y: float, longest: int) -> str:
    title = element("title", escape(bar.name))
    name = label(shortened(bar.name), f"{NAMES_END}%", y + THICK - 1, text_anchor="end")
    drawn, x = [element("g", title + name)], BARS_START
    for count, look in zip(bar.counts, LOOKS, strict=False):
        wide = count / longest * (BARS_END - BARS_START)
        if count:
            drawn.append(element("rect", x=f"{x:.2f}%", y=y, width=f"{wide:.2f}%", height=THICK, rx=2, **look))
        x += wide
    drawn.append(label(f"{bar.total:,}", f"{x:.2f}%", y + THICK - 1, dx=GAP, opacity=QUIET))
    return "".join(drawn)


def shortened(name: str, width: float = NAME_WIDTH) -> str:
    """A name with its end cut off where it is wider than `width` pixels."""
    if text_width(name, FONT_SIZE + 1) <= width:
        return name
    while text_width(name + "…", FONT_SIZE + 1) > width:
        name = name[:-1]
    return name.rstrip() + "…"
