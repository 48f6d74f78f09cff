"""Gradient norms at each block on a log scale: shortcut, residual branch and total."""

from __future__ import annotations

from collections.abc import Mapping

from resnet_demo.plots.block_axis import BlockAxis, block_axis, chosen_band
from resnet_demo.plots.curves import COLOURS, DASHES, SHAPES
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, LogScale, choosable, element, grid_line, picture
from resnet_demo.texts import text

LEFT, RIGHT, BELOW = 34, 6, 34

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
    drawn = chosen_band(axis, selected, scale.end, scale.start)
    drawn += "".join(grid_line(LEFT, width - RIGHT, place, written) for place, written in scale.grid())
    if shortcut:
        drawn += _path(_way(total, axis, scale))
    for number, norms in enumerate(lines.values()):
        drawn += _path(_way(norms, axis, scale), number) + _marks(norms, number, axis, scale, selected)
    return picture(width, height, head + drawn + axis.drawn, _alt_text(total, language), role="group")


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
