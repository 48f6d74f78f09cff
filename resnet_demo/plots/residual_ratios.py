"""‖F(x)‖ / ‖x‖ of each block of a network, as bars."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from resnet_demo.plots.block_axis import bar, block_axis, chosen_band
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, Scale, choosable, element, grid_line, label, picture, round_up, ticks
from resnet_demo.texts import text

LEFT, RIGHT, BELOW = 34, 6, 34


def residual_ratios(
    measured: Mapping[str, float],
    reshaping: Collection[str],
    language: str,
    *,
    selected: str | None = None,
    width: float = 360,
    height: float = 210,
) -> str:
    """Bars from 0, with a line at 1, where F(x) is as large as x.

    Each bar can be selected: it has its block's name as `data-name`. A ratio that is not finite is a full-height bar
    marked ∞.

    Args:
        measured: block's name -> ratio, in the network's order.
        reshaping: the blocks whose shortcut changes the shape; their bars are hollow.
        language: of the labels.
        selected: the block to mark.
    """
    solid, hollow = bar(8, 5, -5, 8, filled=True), bar(8, 5, -5, 8, filled=False)
    entries = [
        (solid, text("plots.residual_ratios.same", language)),
        (hollow, text("plots.residual_ratios.reshaped", language)),
    ]
    shown = entries if set(reshaping) & set(measured) else entries[:1]
    head, top = legend(text("plots.residual_ratios.title", language), shown, 0, width)
    base, top = height - BELOW, top + FONT_SIZE
    axis = block_axis(list(measured), LEFT, width - RIGHT, base, text("plots.stage", language))
    finite = {name: ratio for name, ratio in measured.items() if math.isfinite(ratio)}
    up = Scale(0, round_up(max([*finite.values(), 1.0])), base, top)
    grid = "".join(grid_line(LEFT, width - RIGHT, up(tick), f"{tick:g}") for tick in ticks(0, up.high))
    one = element(
        "path", d=f"M{LEFT} {up(1):.1f}H{width - RIGHT:.1f}", stroke="currentColor", opacity=0.6, stroke_dasharray="3 3"
    )
    bars = []
    for name, ratio in measured.items():
        place = axis.places[name]
        drawn = bar(place, base, up(finite.get(name, up.high)), axis.step * 0.7, filled=name not in reshaping)
        if name not in finite:
            drawn += label("∞", place, top - 2, text_anchor="middle")
        bars.append(choosable(name, f"{name}: {ratio:.2f}", drawn, chosen=name == selected))
    band = chosen_band(axis, selected, top, base)
    content = head + band + grid + "".join(bars) + one + axis.drawn
    return picture(width, height, content, _alt_text(finite, language), role="group")


def _alt_text(finite: Mapping[str, float], language: str) -> str:
    if not finite:
        return text("plots.residual_ratios.title", language)
    least, most = min(finite, key=finite.__getitem__), max(finite, key=finite.__getitem__)
    low, high = f"{finite[least]:.2f}", f"{finite[most]:.2f}"
    return text("plots.residual_ratios.alt", language, low=low, least=least, high=high, most=most)
