"""Gradients: norms by block in networks with norms and without, their likeness, and the terms at one block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.experiments.figure_html import WIDTH, figure, table
from resnet_demo.plots.experiments.measured import Numbers, Result, Row, finite, known, numbers, rows
from resnet_demo.plots.experiments.wording import (
    NONE,
    alt,
    column,
    kind_name,
    left_out,
    number,
    rounded,
    verdict_name,
)
from resnet_demo.texts import text

KINDS = ("plain", "highway", "residual", "preactivation")
"""In the order of their styles."""
PANELS = tuple(product((True, False), ("kaiming", "naive")))
"""Norms or none, and the initialisation."""
TERMS = ("output", "shortcut", "residual", "cosine", "total")


def figures(result: Result, language: str) -> Iterator[str]:
    """A panel for each of `PANELS`, verdicts, likeness of gradients, and the terms at a block."""
    networks = rows(result, "networks")
    for norms, init in PANELS:
        inside = [row for row in networks if bool(row.get("norms")) == norms and row.get("init") == init]
        yield figure(_norm_plot(inside, language), *_unknown(inside, language), title=_panel(norms, init, language))
    yield figure(_verdicts(networks, language), text("plots.lab.gradients.verdicts", language))
    for norms in (True, False):
        inside = [row for row in networks if bool(row.get("norms")) == norms and row.get("init") == "kaiming"]
        about = text("plots.lab.gradients.correlation", language)
        yield figure(_likeness(inside, language), about, title=_panel(norms, "kaiming", language))
    terms = rows(result, "terms")
    if terms:
        block = str(terms[0].get("block", ""))
        yield figure(_terms(terms, language), text("plots.lab.gradients.derivation", language, block=block))


def _panel(norms: bool, init: str, language: str) -> str:
    said = text("lab.norms.with" if norms else "lab.norms.without", language)
    start = text("lab.init.kaiming" if init == "kaiming" else "lab.init.naive", language)
    return text("plots.lab.gradients.panel", language, norms=said, init=start)


def _lines(inside: Sequence[Row], figure_name: str, language: str) -> list[Line]:
    """A line for each kind, always in its own style, the first point at 1."""
    return [
        Line(
            kind_name(row.get("kind"), language),
            list(enumerate(numbers(row.get(figure_name)), start=1)),
            marked=True,
            style=KINDS.index(row["kind"]) if row.get("kind") in KINDS else len(KINDS),
        )
        for row in inside
    ]


def _ends(values: Numbers, language: str) -> str:
    first, last = (rounded(values[0]), rounded(values[-1])) if values else (NONE, NONE)
    return text("plots.lab.from_to", language, first=first, last=last)


def _norm_plot(inside: Sequence[Row], language: str) -> str:
    lines = _lines(inside, "gradient_norms", language)
    values = [value for row in inside for value in known(numbers(row.get("gradient_norms")))] or [1.0]
    blocks = max([2, *(len(line.points) for line in lines)])
    said = alt(
        text("plots.lab.gradients.norm_alt", language),
        [(kind_name(row.get("kind"), language), _ends(numbers(row.get("gradient_norms")), language)) for row in inside],
        language,
    )
    up = Axis(min(values), max(values), text("plots.gradient_flow.title", language), log=True)
    across = Axis(1, blocks, text("plots.lab.block", language))
    return curves(lines, across, up, alt_text=said, width=WIDTH, height=240)


def _unknown(inside: Sequence[Row], language: str) -> list[str]:
    """What is left out of the lines, by kind and count."""
    norms = [(kind_name(row.get("kind"), language), numbers(row.get("gradient_norms"))) for row in inside]
    names = [
        text("plots.lab.gradients.blocks", language, kind=kind, count=found.count(None), total=len(found))
        for kind, found in norms
        if None in found
    ]
    return left_out(names, language)


def _verdicts(networks: Sequence[Row], language: str) -> str:
    """Panels by kinds: what became of the gradient, and the first block's over the last one's."""
    cells = {(row.get("kind"), bool(row.get("norms")), row.get("init")): row for row in networks}
    kinds = list(dict.fromkeys(row.get("kind") for row in networks))
    body = [
        [_panel(*panel, language), *(_verdict(cells.get((kind, *panel)), language) for kind in kinds)]
        for panel in PANELS
    ]
    return table([column("norms", language), *(kind_name(kind, language) for kind in kinds)], body)


def _verdict(row: Row | None, language: str) -> str:
    if row is None:
        return NONE
    named = verdict_name(row.get("verdict"), language)
    return text("plots.lab.item", language, name=named, value=rounded(finite(row.get("first_to_last"))))


def _likeness(inside: Sequence[Row], language: str) -> str:
    lines = _lines(inside, "correlations", language)
    values = [value for row in inside for value in known(numbers(row.get("correlations")))]
    lags = max([2, *(len(line.points) for line in lines)])
    said = alt(
        text("plots.lab.gradients.correlation_alt", language),
        [(kind_name(row.get("kind"), language), _ends(numbers(row.get("correlations")), language)) for row in inside],
        language,
    )
    low = min([0.0, *(-0.2 * -(-abs(value) // 0.2) for value in values if value < 0)])
    up = Axis(low, 1, text("plots.lab.gradients.cosine", language), "{:.1f}")
    across = Axis(1, lags, text("plots.lab.gradients.lag", language))
    return curves(lines, across, up, alt_text=said, width=WIDTH, height=220)


def _terms(terms: Sequence[Row], language: str) -> str:
    body = [
        [kind_name(row.get("kind"), language), *(number(finite(row.get(name)), ".3f") for name in TERMS)]
        for row in terms
    ]
    return table([column(name, language) for name in ("kind", *TERMS)], body)
