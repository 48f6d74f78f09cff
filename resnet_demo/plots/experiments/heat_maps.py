"""Loss surfaces from above: heat maps side by side, with one colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_demo.plots.experiments.figure_html import WIDTH
from resnet_demo.plots.experiments.loss_scale import LEVELS, LossScale, level_colours
from resnet_demo.plots.experiments.measured import Numbers
from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label, picture

SIDE, LEFT, TOP, GAP = 154, 20, 20, 22
BAR, BAR_TOP = 10, TOP + SIDE + 44
HEIGHT = BAR_TOP + BAR + 20
BAR_LABELS = 4


@dataclass(frozen=True)
class Surface:
    """Losses row by row, the first row being the lowest; `points` of them in each direction, up to `reach`.

    None is a loss that is not finite: a small cross. Rows that have not been measured yet are missing.
    """

    name: str
    rows: Sequence[Numbers]
    points: int
    reach: float

    @property
    def centre(self) -> float | None:
        """The loss at the trained weights."""
        middle = self.points // 2
        row = self.rows[middle] if middle < len(self.rows) else []
        return row[middle] if middle < len(row) else None

    @property
    def highest(self) -> float | None:
        """The highest loss."""
        return max((loss for row in self.rows for loss in row if loss is not None), default=None)


def heat_maps(surfaces: Sequence[Surface], scale: LossScale, title: str, alt_text: str) -> str:
    """At most two surfaces side by side; `title` is the colour bar's."""
    drawn = "".join(_map(surface, LEFT + place * (SIDE + GAP), scale) for place, surface in enumerate(surfaces[:2]))
    return picture(WIDTH, HEIGHT, drawn + _colour_bar(scale, title), alt_text)


def _map(surface: Surface, left: float, scale: LossScale) -> str:
    cell = SIDE / max(1, surface.points)
    paths = [""] * LEVELS
    for row, losses in enumerate(surface.rows[: surface.points]):
        top = TOP + SIDE - cell * (row + 1)
        for first, last, level in _runs(losses[: surface.points], scale):
            # A little over its end, so that no gap shows between cells.
            wide = cell * (last - first)
            paths[level] += f"M{left + cell * first:.1f} {top:.1f}h{wide:.1f}v{cell + 0.3:.1f}h{-wide:.1f}z"
    crosses = "".join(
        f"M{left + cell * (column + 0.3):.1f} {TOP + SIDE - cell * (row + 0.7):.1f}"
        f"l{cell * 0.4:.1f} {cell * 0.4:.1f}m0 {-cell * 0.4:.1f}l{-cell * 0.4:.1f} {cell * 0.4:.1f}"
        for row, losses in enumerate(surface.rows)
        for column, loss in enumerate(losses)
        if loss is None
    )
    filled = "".join(element("path", d=path, fill=level_colours()[level]) for level, path in enumerate(paths) if path)
    frame = element("rect", x=left, y=TOP, width=SIDE, height=SIDE, fill="none", stroke="currentColor", opacity=0.4)
    middle, base = left + SIDE / 2, TOP + SIDE
    cross = f"M{middle - 5:.1f} {TOP + SIDE / 2:.1f}h10M{middle:.1f} {TOP + SIDE / 2 - 5:.1f}v10"
    words = label(surface.name, left, FONT_SIZE, font_weight=600)
    for place, written in ((left, -surface.reach), (middle, 0.0), (left + SIDE, surface.reach)):
        words += label(_signed(written), place, base + FONT_SIZE + 4, text_anchor="middle", opacity=QUIET)
    lost = element("path", d=crosses, stroke="currentColor", fill="none") if crosses else ""
    return filled + lost + frame + _mark(cross) + words


def _mark(path: str) -> str:
    """A cross that is seen on dark colours as on light ones."""
    wide = element("path", d=path, stroke="#000", stroke_width=3.2, fill="none")
    return wide + element("path", d=path, stroke="#fff", stroke_width=1.4, fill="none")


def _runs(losses: Numbers, scale: LossScale) -> list[tuple[int, int, int]]:
    """Neighbours of one colour as one: the first place, the place behind the last, and the level."""
    runs: list[tuple[int, int, int]] = []
    for place, loss in enumerate(losses):
        if loss is None:
            continue
        level = scale.level(loss)
        if runs and runs[-1][1:] == (place, level):
            runs[-1] = (runs[-1][0], place + 1, level)
        else:
            runs.append((place, place + 1, level))
    return runs


def _colour_bar(scale: LossScale, title: str) -> str:
    wide = 2 * SIDE + GAP
    step = wide / LEVELS
    boxes = "".join(
        element("rect", x=LEFT + step * level, y=BAR_TOP, width=step + 0.4, height=BAR, fill=colour)
        for level, colour in enumerate(level_colours())
    )
    words = label(title, LEFT, BAR_TOP - 6, opacity=QUIET)
    for number in range(BAR_LABELS):
        share = number / (BAR_LABELS - 1)
        anchor = "start" if number == 0 else "end" if number == BAR_LABELS - 1 else "middle"
        written = f"{scale.loss(share):.2g}"
        words += label(written, LEFT + share * wide, BAR_TOP + BAR + FONT_SIZE + 4, text_anchor=anchor, opacity=QUIET)
    return boxes + words


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")
