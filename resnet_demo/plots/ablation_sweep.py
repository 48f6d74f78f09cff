"""Ablation sweep: the accuracy without each block, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_demo.plots.block_axis import bar, block_axis, chosen_band
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, Scale, choosable, element, grid_line, picture, ticks
from resnet_demo.texts import text

LEFT, RIGHT, BELOW = 34, 6, 34


def ablation_sweep(
    blocks: Sequence[str],
    without: Mapping[str, float],
    whole: float,
    language: str,
    *,
    selected: str | None = None,
    width: float = 360,
    height: float = 210,
) -> str:
    """Bars from 0 to 100 %, and a line at the accuracy of the full network.

    Each bar has its block's name as `data-name`; a block that cannot be removed has no bar.

    Args:
        blocks: the names of all blocks, in order.
        without: block's name -> accuracy without it, 0 to 1.
        whole: accuracy of the full network.
        language: of the labels.
        selected: the block to mark.
    """
    entries = [(_line(0, 16, 0), text("plots.ablation_sweep.whole", language, percent=f"{100 * whole:.1f}"))]
    head, top = legend(text("plots.ablation_sweep.title", language), entries, 0, width)
    base, top = height - BELOW, top + FONT_SIZE
    axis = block_axis(blocks, LEFT, width - RIGHT, base, text("plots.stage", language))
    up = Scale(0, 100, base, top)
    grid = "".join(grid_line(LEFT, width - RIGHT, up(tick), f"{tick:g}") for tick in ticks(0, 100))
    bars = [
        choosable(
            name,
            f"{name}: {100 * share:.1f} %",
            # From the top to the base, so that a low bar can be clicked, too.
            element("rect", x=axis.places[name] - axis.step / 2, y=top, width=axis.step, height=base - top, opacity=0)
            + bar(axis.places[name], base, up(100 * share), axis.step * 0.7),
            chosen=name == selected,
        )
        for name, share in without.items()
    ]
    band = chosen_band(axis, selected, top, base)
    line = _line(LEFT, width - RIGHT, up(100 * whole))
    content = head + band + grid + "".join(bars) + line + axis.drawn
    return picture(width, height, content, _alt_text(without, whole, language), role="group")


def _line(start: float, end: float, y: float) -> str:
    path = f"M{start:.1f} {y:.1f}H{end:.1f}"
    return element("path", d=path, stroke="currentColor", opacity=0.7, stroke_dasharray="3 3")


def _alt_text(without: Mapping[str, float], whole: float, language: str) -> str:
    if not without:
        return text("plots.ablation_sweep.title", language)
    worst = min(without, key=without.__getitem__)
    shares = {"whole": f"{100 * whole:.1f}", "least": f"{100 * without[worst]:.1f}"}
    return text("plots.ablation_sweep.alt", language, block=worst, **shares)
