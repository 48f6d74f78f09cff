"""Identity: how large the residual branch is beside the shortcut, before training and after it, and its exponent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.experiments.figure_html import WIDTH, figure
from resnet_demo.plots.experiments.measured import Numbers, Result, Row, epoch_count, finite, known, rows
from resnet_demo.plots.experiments.wording import NONE, alt, left_out, number
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import text

THEORY = -0.5
"""De and Smith 2020: the branch counts less by the root of the number of blocks before it."""


def figures(result: Result, language: str) -> Iterator[str]:
    """The ratios of each block, with branches as they are initialised and beginning at zero; then the exponents."""
    branches = rows(result, "branches")
    ratios = [value for row in branches for value in known(list(_ratios(row).values()))]
    high = round_up(max([*ratios, 1.0]))
    for zero_init in (False, True):
        inside = [row for row in branches if bool(row.get("zero_init")) == zero_init]
        yield figure(
            _ratio_plot(inside, high, language),
            text("plots.lab.identity.ratio", language),
            *_unknown(inside, language),
            title=text("plots.lab.identity.on" if zero_init else "plots.lab.identity.off", language),
        )
    epochs = epoch_count(result, max((int(finite(row.get("epoch")) or 0) for row in branches), default=0))
    yield figure(_exponent_plot(branches, epochs, language), text("plots.lab.identity.exponent", language))


def _ratios(row: Row) -> dict[str, float | None]:
    """The ratio of each block by its name."""
    found = row.get("ratios")
    return {str(name): finite(ratio) for name, ratio in found.items()} if isinstance(found, Mapping) else {}


def _shown(inside: Sequence[Row]) -> list[Row]:
    """The first epoch that was measured and the last."""
    return [inside[0], inside[-1]] if len(inside) > 1 else list(inside)


def _epoch(row: Row, language: str) -> str:
    epoch = int(finite(row.get("epoch")) or 0)
    return (
        text("plots.lab.identity.epoch", language, epoch=epoch) if epoch else text("plots.lab.identity.init", language)
    )


def _ratio_plot(inside: Sequence[Row], high: float, language: str) -> str:
    shown = _shown(inside)
    names = list(_ratios(shown[-1])) if shown else []
    lines = [Line(_epoch(row, language), list(enumerate(_ratios(row).values(), start=1)), marked=True) for row in shown]
    said = alt(
        text("plots.residual_ratios.title", language),
        [(_epoch(row, language), _range(list(_ratios(row).values()), language)) for row in shown],
        language,
    )
    across = Axis(1, max(2, len(names)), text("plots.lab.block", language), ticks=_stage_starts(names))
    up = Axis(0, high, text("plots.residual_ratios.title", language))
    return curves(lines, across, up, alt_text=said, width=WIDTH, height=230)


def _stage_starts(names: Sequence[str]) -> dict[float, str]:
    """The place and name of each stage's first block."""
    starts: dict[str, tuple[float, str]] = {}
    for place, name in enumerate(names, start=1):
        starts.setdefault(name.partition(".")[0], (place, name))
    return dict(starts.values())


def _range(ratios: Numbers, language: str) -> str:
    found = known(ratios)
    if not found:
        return NONE
    return text("plots.lab.from_to", language, first=number(min(found), ".2f"), last=number(max(found), ".2f"))


def _unknown(inside: Sequence[Row], language: str) -> list[str]:
    shown = _shown(inside)
    names = [name for row in shown for name, ratio in _ratios(row).items() if ratio is None]
    return left_out(list(dict.fromkeys(names)), language)


def _exponent_plot(branches: Sequence[Row], epochs: int, language: str) -> str:
    lines, pairs = [], []
    for style, zero_init in enumerate((False, True)):
        inside = [row for row in branches if bool(row.get("zero_init")) == zero_init]
        found = [(float(finite(row.get("epoch")) or 0), finite(row.get("exponent"))) for row in inside]
        name = text("plots.lab.identity.on" if zero_init else "plots.lab.identity.off", language)
        lines.append(Line(name, found, marked=True, style=style))
        pairs.append((name, number(found[-1][1] if found else None, ".2f")))
    values = [value for line in lines for _, value in line.points if value is not None]
    lines.append(Line(text("plots.lab.identity.theory", language), [(0, THEORY), (epochs, THEORY)], style=2))
    up = Axis(min([-1.0, *values]), max([0.0, *values]), text("plots.lab.identity.exponent_title", language), "{:.1f}")
    said = alt(text("plots.lab.identity.exponent_alt", language), pairs, language)
    across = Axis(0, epochs, text("plots.lab.epoch", language))
    return curves(lines, across, up, alt_text=said, width=WIDTH, height=240)
