"""SVG as strings: elements, scales and axes. Text and grid follow `currentColor`, so a picture fits light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

FONT_SIZE = 11
GRID_OPACITY = 0.14
QUIET = 0.72
"""Opacity of secondary text; its contrast is still 4.5, as WCAG 2.2 (1.4.3) requires."""
MOST_TICKS = 5
MOST_DECADES = 6
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def element(tag: str, content: str = "", /, **attributes: str | float) -> str:
    """An element around `content`, which is markup; `_` in attribute names becomes `-`."""
    written = "".join(
        f' {name.strip("_").replace("_", "-")}="{escape(_value(value))}"' for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def _value(value: str | float) -> str:
    """A number with at most two decimals."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def label(content: str, x: str | float, y: float, **attributes: str | float) -> str:
    """A text element; the text is escaped here."""
    return element("text", escape(content), x=x, y=y, **attributes)


def picture(width: float, height: float, content: str, alt_text: str, role: str = "img", **more: str | float) -> str:
    """A whole SVG, as wide as its container; `alt_text` describes it to screen readers.

    Its `role` is `group` if it has parts that can be selected, so that screen readers announce them; `more` are further
    attributes.
    """
    attributes: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_value(width)} {_value(height)}",
        "width": "100%",
        "role": role,
        "aria-label": alt_text,
        "font-family": "system-ui, sans-serif",
        "font-size": FONT_SIZE,
        "fill": "currentColor",
    }
    return element("svg", content, **attributes, **more)


def choosable(name: str, title: str, content: str, *, chosen: bool) -> str:
    """A part that can be selected by click and by keyboard; `title` is what it is called, and shown in a tooltip."""
    return element(
        "g",
        element("title", escape(title)) + content,
        data_name=name,
        tabindex="0",
        role="button",
        aria_pressed="true" if chosen else "false",
        aria_label=title,
        cursor="pointer",
    )


@dataclass(frozen=True)
class Scale:
    """A linear scale from numbers between `low` and `high` to positions between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of a number."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


class LogScale:
    """A log scale from norms to heights between `start` and `end`, in whole decades.

    Zero is at `start`, infinity and NaN at `end`.
    """

    def __init__(self, norms: list[float], start: float, end: float) -> None:
        logs = [math.log10(norm) for norm in norms if norm > 0 and math.isfinite(norm)] or [0.0]
        self.low, self.high = math.floor(min(logs)), math.ceil(max(logs))
        self.high += self.low == self.high
        self.start, self.end = start, end
        self.zero = 0 in norms
        self._up = Scale(self.low - self.zero, self.high, start, end)

    def __call__(self, norm: float) -> float:
        """The height of a norm."""
        if not math.isfinite(norm):
            return self.end
        return self._up(math.log10(norm)) if norm > 0 else self.start

    def grid(self) -> list[tuple[float, str]]:
        """Heights and labels of the grid lines: 10⁻², 10⁻¹, …"""
        every = -(-(self.high - self.low) // MOST_DECADES)
        powers = range(self.low, self.high + 1, every)
        lines = [(self._up(power), f"10{str(power).translate(SUPERSCRIPTS)}") for power in powers]
        return [(self.start, "0"), *lines] if self.zero else lines


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
    """The next round number, for the end of an axis that begins at 0."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    step = ticks(0, value)[1]
    return math.ceil(value / step - 1e-9) * step


def grid_line(start: float, end: float, y: float, written: str) -> str:
    """A horizontal grid line with its label."""
    line = element("path", d=f"M{start:.1f} {y:.1f}H{end:.1f}", stroke="currentColor", opacity=GRID_OPACITY)
    return line + label(written, start - 6, y + FONT_SIZE * 0.35, text_anchor="end", opacity=QUIET)


def axes(x: Scale, y: Scale | LogScale, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str]) -> str:
    """Horizontal grid lines for `y_ticks`, and the labels of both axes; ticks map numbers to labels."""
    drawn = [grid_line(x.start, x.end, y(value), written) for value, written in y_ticks.items()]
    for value, written in x_ticks.items():
        drawn.append(label(written, x(value), y.start + FONT_SIZE + 5, text_anchor="middle", opacity=QUIET))
    return "".join(drawn)


def text_width(content: str, size: float = FONT_SIZE) -> float:
    """The approximate width of text: Chinese characters are as wide as high, others a little over half."""
    return size * sum(1.0 if ord(letter) > 0x2E7F else 0.56 for letter in content)
