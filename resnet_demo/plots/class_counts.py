"""Photos per class as bars, divided by split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label, text_width

COLOUR = "#0d9488"
STYLES: tuple[dict[str, str | float], ...] = (
    {"fill": COLOUR},
    {"fill": COLOUR, "opacity": 0.45},
    {"fill": "none", "stroke": COLOUR, "stroke_width": 1.4},
)
"""Bar styles of the first, second and third split: solid, pale, hollow, so that they differ without colours too."""

MOST_BARS = 40
LARGEST = 20
"""With more than `MOST_BARS` classes, this many of the largest are drawn; the other bars are the smallest."""

ROW, THICK, GAP = 22, 12, 6
NARROW = 320
"""The minimum width in pixels."""
NAMES_END, BARS_START, BARS_END = 34.0, 36.0, 88.0
"""Percent of the width, so that letters keep their size on a narrow screen."""
NAME_WIDTH = 118


@dataclass(frozen=True)
class Bar:
    """A class with its number of photos in each split."""

    name: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Its photos in all splits."""
        return sum(self.counts)


def class_counts(
    bars: Sequence[Bar], parts: Sequence[str], *, alt_text: str, between: Callable[[Sequence[Bar]], str]
) -> str:
    """One row per class; with more than `MOST_BARS`, the largest, a line of text, and the smallest.

    Args:
        parts: names of the splits, at most three; several of them get a legend.
        alt_text: a description for screen readers.
        between: makes the text for the classes that are not drawn.
    """
    squares = (element("rect", x=2, y=-THICK / 2, width=THICK, height=THICK, rx=2, **style) for style in STYLES)
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
        aria_label=alt_text,
        font_family="system-ui, sans-serif",
        font_size=FONT_SIZE + 1,
        fill="currentColor",
    )


def _bar(bar: Bar, y: float, longest: int) -> str:
    title = element("title", escape(bar.name))
    name = label(shortened(bar.name), f"{NAMES_END}%", y + THICK - 1, text_anchor="end")
    drawn, x = [element("g", title + name)], BARS_START
    for count, style in zip(bar.counts, STYLES, strict=False):
        wide = count / longest * (BARS_END - BARS_START)
        if count:
            drawn.append(element("rect", x=f"{x:.2f}%", y=y, width=f"{wide:.2f}%", height=THICK, rx=2, **style))
        x += wide
    drawn.append(label(f"{bar.total:,}", f"{x:.2f}%", y + THICK - 1, dx=GAP, opacity=QUIET))
    return "".join(drawn)


def shortened(name: str, width: float = NAME_WIDTH) -> str:
    """A name, truncated to `width` pixels."""
    if text_width(name, FONT_SIZE + 1) <= width:
        return name
    while text_width(name + "…", FONT_SIZE + 1) > width:
        name = name[:-1]
    return name.rstrip() + "…"
