"""A horizontal axis with one place per block of a network, and gaps and numbers for the stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_demo.plots.curves import COLOURS
from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label

STAGE_GAP = 0.8
"""The gap between two stages, in block widths."""


@dataclass(frozen=True)
class BlockAxis:
    """The x position of each block, the width of a block, and the axis as SVG."""

    places: dict[str, float]
    step: float
    drawn: str


def block_axis(names: Sequence[str], start: float, end: float, base: float, title: str) -> BlockAxis:
    """Place blocks (`stage1.0`, …) evenly from `start` to `end`; stage numbers and `title` go below `base`."""
    stages = [name.partition(".")[0] for name in names]
    gaps = [index + STAGE_GAP * len(set(stages[: index + 1])) for index in range(len(names))]
    step = (end - start) / (gaps[-1] - gaps[0] + 1)
    places = {name: start + step * (gap - gaps[0] + 0.5) for name, gap in zip(names, gaps, strict=True)}
    drawn = []
    for stage in dict.fromkeys(stages):
        inside = [places[name] for name, its_stage in zip(names, stages, strict=True) if its_stage == stage]
        left, right = inside[0] - step / 2, inside[-1] + step / 2
        drawn.append(element("path", d=f"M{left:.1f} {base:.1f}H{right:.1f}", stroke="currentColor", opacity=0.5))
        number = stage.removeprefix("stage")
        drawn.append(label(number, (left + right) / 2, base + FONT_SIZE + 4, text_anchor="middle", opacity=QUIET))
    drawn.append(label(title, (start + end) / 2, base + 2 * FONT_SIZE + 8, text_anchor="middle", opacity=QUIET))
    return BlockAxis(places, step, "".join(drawn))


def chosen_band(axis: BlockAxis, name: str | None, top: float, base: float) -> str:
    """A band behind the selected block; empty without one."""
    if name not in axis.places:
        return ""
    wide = max(axis.step, 4.0)
    left = axis.places[name] - wide / 2
    return element("rect", x=left, y=top, width=wide, height=base - top, fill="currentColor", opacity=0.12)


def bar(middle: float, base: float, top: float, wide: float, *, filled: bool = True) -> str:
    """A bar from `base` up to `top`, solid or hollow."""
    box = {"x": middle - wide / 2, "y": top, "width": wide, "height": base - top}
    return element("rect", **box, fill=COLOURS[0], fill_opacity=1 if filled else 0.15, stroke=COLOURS[0])
