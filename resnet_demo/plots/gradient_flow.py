"""Gradient norms at each block on a log scale: shortcut, residual branch and total."""

from __future__ import annotations

import math
from collections.abc import Mapping

from resnet_demo.plots.block_axis import BlockAxis, block_axis, chosen_band, grid_line
from resnet_demo.plots.curves import COLOURS, DASHES, SHAPES
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, Scale, choosable, element, picture
from resnet_demo.texts import text

LEFT, RIGHT, BELOW = 34, 6, 34
MOST_DECADES = 6
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Norms = Mapping[str, float]


def gradient_flow(
    total: Norms,
    residual: Norms,
    shortcut: Norms,
    language: str,
    *,
    selected: str | None = None,
    width: float = 360,
    height: float = 230,
) -> str:
    """Lines over the blocks that differ in marker, dashes and colour; the gradient flows from right to left.

    A norm of exactly zero, which has no logarithm, is drawn on a separate line below the others. Each marker has its
    block's name as `data-name`.

    Args:
        total, residual, shortcut: block's name -> norm, in the network's order, as `explain.gradient_flow` measures
            them. Without `shortcut` (a plain network) the total is the layers' and is not drawn again.
        language: of the labels.
        selected: the block to mark.
    """
    lines = {"shortcut": shortcut, "residual": residual} if shortcut else {"layers": residual}
    entries = [
        (_path("M0 0H16", number) + _mark(number, 8, 0), text(f"plots.gradient_flow.{line}", language))
        for number, line in enumerate(lines)
    ]
    if shortcut:
        entries.append((_path("M0 0H16"), text("plots.gradient_flow.total", language)))
    head, top = legend(text("plots.gradient_flow.title", language), entries, 0, width)
    axis = block_axis(list(total), LEFT, width - RIGHT, height - BELOW, text("plots.stage", language))
    scale = LogScale([*total.values(), *residual.values(), *shortcut.values()], height - BELOW, top + FONT_SIZE)
    drawn = chosen_band(axis, selected, scale.top, scale.base)
    drawn += "".join(grid_line(LEFT, width - RIGHT, place, written) for place, written in scale.grid())
    if shortcut:
        drawn += _path(_way(total, axis, scale))
    for number, norms in enumerate(lines.values()):
        drawn += _path(_way(norms, axis, scale), number) + _marks(norms, number, axis, scale, selected)
    return picture(width, height, head + drawn + axis.drawn, _alt_text(total, language), role="group")


class LogScale:
    """A log scale from norms to heights between `base` and `top`, in whole decades.

    Zero is at `base`, infinity and NaN at `top`.
    """

    def __init__(self, norms: list[float], base: float, top: float) -> None:
        logs = [math.log10(norm) for norm in norms if norm > 0 and math.isfinite(norm)] or [0.0]
        self.low, self.high = math.floor(min(logs)), math.ceil(max(logs))
        self.high += self.low == self.high
        self.base, self.top = base, top
        self.zero = 0 in norms
        self._up = Scale(self.low - self.zero, self.high, base, top)

    def __call__(self, norm: float) -> float:
        """The height of a norm."""
        if not math.isfinite(norm):
            return self.top
        return self._up(math.log10(norm)) if norm > 0 else self.base

    def grid(self) -> list[tuple[float, str]]:
        """Heights and labels of the grid lines: 10⁻², 10⁻¹, …"""
        every = -(-(self.high - self.low) // MOST_DECADES)
        powers = range(self.low, self.high + 1, every)
        lines = [(self._up(power), f"10{str(power).translate(SUPERSCRIPTS)}") for power in powers]
        return [(self.base, "0"), *lines] if self.zero else lines


def _way(norms: Norms, axis: BlockAxis, scale: LogScale) -> str:
    return "M" + "L".join(f"{axis.places[name]:.1f} {scale(norm):.1f}" for name, norm in norms.items())


def _path(way: str, number: int | None = None) -> str:
    """A line in the style `number`; without one, in the pale style of the total."""
    if number is None:
        return element("path", d=way, fill="none", stroke="currentColor", opacity=0.45)
    dashes = DASHES[number]
    return element("path", d=way, fill="none", stroke=COLOURS[number], stroke_width=1.6, stroke_dasharray=dashes)


def _marks(norms: Norms, number: int, axis: BlockAxis, scale: LogScale, selected: str | None) -> str:
    size = min(1.0, max(0.6, axis.step / 8))
    return "".join(
        choosable(
            name, f"{name}: {norm:.2g}", _mark(number, axis.places[name], scale(norm), size), chosen=name == selected
        )
        for name, norm in norms.items()
    )


def _mark(number: int, x: float, y: float, size: float = 1.0) -> str:
    place = f"translate({x:.1f} {y:.1f}) scale({size:.2f})"
    return element("path", d=SHAPES[number], transform=place, fill=COLOURS[number])


def _alt_text(total: Norms, language: str) -> str:
    first, last = next(iter(total)), next(reversed(list(total)))
    at_first, at_last = f"{total[first]:.2g}", f"{total[last]:.2g}"
    return text("plots.gradient_flow.alt", language, first=first, at_first=at_first, last=last, at_last=at_last)
