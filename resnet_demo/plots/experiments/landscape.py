"""The loss landscape: heat maps side by side, surfaces that turn, and the loss along single weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape

from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.experiments.figure_html import WIDTH, figure
from resnet_demo.plots.experiments.heat_maps import Surface, heat_maps
from resnet_demo.plots.experiments.loss_scale import LossScale, level_colours
from resnet_demo.plots.experiments.measured import Result, Row, finite, grouped, known, numbers, rows, setting
from resnet_demo.plots.experiments.wording import alt, kind_name, left_out, listed, number, percent
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import text

SURFACE_HEIGHT = 250


def figures(result: Result, language: str) -> Iterator[str]:
    """For each seed the heat maps and the surfaces of its networks, then single weights of the first seed's."""
    all_rows = rows(result, "surfaces")
    found = [_surface(row, result, language) for row in all_rows]
    scale = LossScale([surface.rows for surface in found])
    by_seed = grouped(all_rows, "seed")
    for (seed,), same in by_seed.items():
        inside = [_surface(row, result, language) for row in same]
        pairs = [(surface.name, _ends(surface, language)) for surface in inside]
        said = alt(text("plots.lab.landscape.alt", language), pairs, language)
        about = [text("plots.lab.landscape.about", language), *_shares(same, language), *_unknown(inside, language)]
        title = text("plots.lab.landscape.of_seed", language, seed=str(seed)) if len(by_seed) > 1 else ""
        yield figure(heat_maps(inside, scale, text("plots.lab.landscape.loss", language), said), *about, title=title)
        for surface in inside:
            if len(surface.rows) > 1:
                about_it = text("plots.lab.landscape.surface", language)
                yield figure(_turning(surface, scale, language), about_it, title=f"{surface.name} {title}".rstrip())
    yield from _probes(next(iter(by_seed.values()), []), language)


def _surface(row: Row, result: Result, language: str) -> Surface:
    found = row.get("rows")
    losses = [numbers(line) for line in found] if isinstance(found, list | tuple) else []
    points = int(finite(setting(result, "points")) or 0)
    return Surface(
        kind_name(row.get("kind"), language),
        losses,
        max([points, len(losses), *map(len, losses)]),
        finite(setting(result, "reach")) or 1.0,
    )


def _ends(surface: Surface, language: str) -> str:
    centre, edge = number(surface.centre), number(surface.highest)
    return text("plots.lab.landscape.ends", language, centre=centre, edge=edge)


def _shares(same: Sequence[Row], language: str) -> list[str]:
    """How much of each surface is below guessing, and how much of it curves down."""
    said = []
    for measure in ("basin", "roughness"):
        shares = [
            (kind_name(row.get("kind"), language), percent(finite(row[measure]))) for row in same if measure in row
        ]
        if shares:
            said.append(text(f"plots.lab.landscape.{measure}", language, listed=listed(shares, language)))
    return said


def _unknown(surfaces: Sequence[Surface], language: str) -> list[str]:
    losses = [(surface.name, [loss for row in surface.rows for loss in row]) for surface in surfaces]
    names = [
        text("plots.lab.landscape.places", language, kind=name, count=found.count(None), total=len(found))
        for name, found in losses
        if None in found
    ]
    return left_out(names, language)


def _turning(surface: Surface, scale: LossScale, language: str) -> str:
    """What `ui/static/surface.js` draws: `data-surface` has heights from 0 to 1 by row (null: not finite), and colours.

    Without the script there is an empty canvas; all that it shows is in the heat map, too.
    """
    heights = [[None if loss is None else round(scale(loss), 3) for loss in row] for row in surface.rows]
    data = json.dumps({"heights": heights, "points": surface.points, "colours": level_colours()})
    said = text("plots.lab.landscape.surface_alt", language, kind=surface.name, ends=_ends(surface, language))
    return (
        f'<canvas class="surface" width="{WIDTH}" height="{SURFACE_HEIGHT}" role="img" tabindex="0" '
        f'aria-label="{escape(said)}" data-surface="{escape(data)}"></canvas>'
    )


def _probes(same: Sequence[Row], language: str) -> Iterator[str]:
    """A plot for each layer with a line for each kind of network."""
    layers: dict[str, list[tuple[str, Row]]] = {}
    for row in same:
        for probe in rows(row, "probes"):
            layers.setdefault(str(probe.get("layer", "")), []).append((kind_name(row.get("kind"), language), probe))
    for layer, probes in layers.items():
        lines = [Line(name, _multiples(probe), marked=True) for name, probe in probes]
        losses = [loss for line in lines for _, loss in line.points if loss is not None]
        places = [place for line in lines for place, _ in line.points]
        pairs = [(line.name, _least_and_highest(line, language)) for line in lines]
        said = alt(text("plots.lab.landscape.probe_alt", language, layer=layer), pairs, language)
        up = Axis(0, round_up(max(losses, default=1.0)), text("plots.lab.landscape.probe_title", language))
        across = Axis(min(places, default=0), max(places, default=1), text("plots.lab.landscape.probe_axis", language))
        plot = curves(lines, across, up, alt_text=said, width=WIDTH, height=220)
        lost = [line.name for line in lines if any(loss is None for _, loss in line.points)]
        about = text("plots.lab.landscape.probe", language)
        yield figure(plot, about, *left_out(lost, language), title=layer)


def _multiples(probe: Row) -> list[tuple[float, float | None]]:
    """The losses by the weight as a multiple of its trained value."""
    weight, values = finite(probe.get("weight")), numbers(probe.get("values"))
    pairs = zip(values, numbers(probe.get("losses")), strict=False)
    return [(value / weight, loss) for value, loss in pairs if value is not None and weight]


def _least_and_highest(line: Line, language: str) -> str:
    losses = known([loss for _, loss in line.points])
    ends = number(min(losses, default=None)), number(max(losses, default=None))
    return text("plots.lab.from_to", language, first=ends[0], last=ends[1])
