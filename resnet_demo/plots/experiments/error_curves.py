"""Errors by epoch of several trainings, those of one name with other seeds drawn as thin lines beside their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.experiments.figure_html import WIDTH
from resnet_demo.plots.experiments.measured import (
    Numbers,
    Result,
    Row,
    epoch_count,
    known,
    last,
    mean_curve,
    numbers,
    rows,
)
from resnet_demo.plots.experiments.wording import alt, percent
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import text


@dataclass(frozen=True)
class ErrorCurves:
    """The errors of one name, a curve for each seed; shares from 0 to 1."""

    name: str
    of_seeds: Sequence[Numbers]

    @property
    def mean(self) -> Numbers:
        """Over the seeds that have come farthest."""
        return mean_curve(self.of_seeds)


def errors(row: Row, figure: str, epochs: int) -> Numbers:
    """A training's errors; one that has diverged keeps its last error to the end."""
    found = numbers(row.get(figure))
    return found + [last(found)] * (epochs - len(found)) if found and diverged(row) else found


def diverged(row: Row) -> bool:
    """Whether its loss was no finite number any more in its last epoch."""
    losses = numbers(row.get("train_loss"))
    return bool(losses) and losses[-1] is None


def epochs_of(result: Result, name: str) -> int:
    """How many epochs its trainings have, or so far."""
    longest = max((len(numbers(row.get("train_error"))) for row in rows(result, name)), default=0)
    return epoch_count(result, longest)


def error_plot(groups: Sequence[ErrorCurves], epochs: int, title: str, language: str) -> str:
    """One marked line for each name, in its place's style; beside it its seeds, if there are several."""
    values = [value for group in groups for curve in group.of_seeds for value in known(curve)]
    lines = []
    for style, group in enumerate(groups):
        if len(group.of_seeds) > 1:
            lines += [Line("", _by_epoch(curve), style=style, thin=True) for curve in group.of_seeds]
        lines.append(Line(group.name, _by_epoch(group.mean), marked=True, style=style))
    said = alt(
        text("plots.lab.last_epoch", language, title=title),
        [(group.name, percent(last(group.mean))) for group in groups],
        language,
    )
    up = Axis(0, round_up(100 * max(values, default=1.0)), title, "{:g} %")
    return curves(lines, Axis(0, epochs, text("plots.lab.epoch", language)), up, alt_text=said, width=WIDTH, height=240)


def _by_epoch(curve: Sequence[float | None]) -> list[tuple[float, float | None]]:
    return [(epoch, None if share is None else 100 * share) for epoch, share in enumerate(curve, start=1)]


def gap(groups: Mapping[object, ErrorCurves], first: object, second: object) -> float | None:
    """By how much the second's last mean error exceeds the first's; None until both have come as far."""
    near, far = groups[first].mean, groups[second].mean
    ends = last(near), last(far)
    return None if len(near) != len(far) or ends[0] is None or ends[1] is None else ends[1] - ends[0]
