"""SVG as strings: elements, scales and axes. Text and grid follow `currentColor`, so a picture fits light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

FONT_SIZE = 11
GRID_OPACITY = 0.14
QUIET = 0.72
"""Opacity of words that stand back: still 4.5 times as dark as the paper, as WCAG 2.2 (1.4.3) asks for."""
MOST_TICKS = 5


def element(tag: str, content: str = "", /, **attributes: str | float) -> str:
    """An element around `content`, which is markup already; in names of attributes `_` stands for `-`."""
    written = "".join(
        f' {name.strip("_").replace("_", "-")}="{escape(_value(value))}"' for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def _value(value: str | float) -> str:
    """A number in as few digits as a picture needs."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def label(content: str, x: str | float, y: float, **attributes: str | float) -> str:
    """Words at a place, any words: they are escaped here."""
    return element("text", escape(content), x=x, y=y, **attributes)


def picture(width: float, height: float, content: str, said: str, role: str = "img", **more: str | float) -> str:
    """A whole picture as wide as its surroundings, and what it says to those who do not see it.

    Its `role` is `group` where parts of it can be chosen: whoever hears the picture must hear them too; `more` are
    further attributes.
    """
    attributes: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_value(width)} {_value(height)}",
        "width": "100%",
        "role": role,
        "aria-label": said,
        "font-family": "system-ui, sans-serif",
        "font-size": FONT_SIZE,
        "fill": "currentColor",
    }
    return element("svg", content, **attributes, **more)


@dataclass(frozen=True)
class Scale:
    """From numbers between `low` and `high` to places between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a number."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


def ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Round numbers from `low` to `high`, at most `most`: multiples of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (magnitude * factor for factor in (1, 2, 5, 10, 20, 50)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [number * step for number in range(first, last + 1)]
    raise AssertionError(low, high)


def round_up(value: float) -> float:
    """A round number that is no smaller, for the end of an axis that begins at 0."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    step = ticks(0, value)[1]
    return math.ceil(value / step - 1e-9) * step


def axes(x: Scale, y: Scale, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str]) -> str:
    """Grid lines across for each number of `y_ticks`, and both rows of numbers, as they are to be written."""
    drawn = []
    for value, written in y_ticks.items():
        place = y(value)
        drawn.append(
            element("path", d=f"M{x.start:.1f} {place:.1f}H{x.end:.1f}", stroke="currentColor", opacity=GRID_OPACITY)
        )
        drawn.append(label(written, x.start - 6, place + FONT_SIZE * 0.35, text_anchor="end", opacity=QUIET))
    for value, written in x_ticks.items():
        drawn.append(label(written, x(value), y.start + FONT_SIZE + 5, text_anchor="middle", opacity=QUIET))
    return "".join(drawn)


def text_width(content: str, size: float = FONT_SIZE) -> float:
    """About how wide words are in a plain font: Chinese letters are as wide as high, others a little over half."""
    return size * sum(1.0 if ord(letter) > 0x2E7F else 0.56 for letter in content)
