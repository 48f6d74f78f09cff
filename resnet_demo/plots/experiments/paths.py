"""Paths: errors as blocks are left out and shuffled, and which lengths of paths there are and carry the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import comb

from resnet_demo.plots.bars import bars
from resnet_demo.plots.block_axis import bar
from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.experiments.figure_html import WIDTH, figure
from resnet_demo.plots.experiments.measured import Result, Row, finite, grouped, known, mean, numbers, rows
from resnet_demo.plots.experiments.wording import alt, kind_name, left_out, number, percent
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import text

KINDS = ("residual", "plain")
"""In the order of their styles."""
Points = list[tuple[float, float | None]]
"""Errors in percent over blocks, numbers of blocks or rank correlations."""


def figures(result: Result, language: str) -> Iterator[str]:
    """Blocks left out, one and several; blocks shuffled; paths of each length and what they carry."""
    networks = rows(result, "networks")
    names = _blocks(networks)
    count = int(finite(result.get("blocks")) or 0)
    most = max([len(rows(row, "removals")) for row in networks], default=0)
    for name, points, across in (
        ("each", _without_each(names), _block_axis(names, language)),
        ("some", _without_some, Axis(0, max(2, most), text("plots.lab.paths.removed", language))),
        ("shuffled", _shuffled, _tau_axis(networks, language)),
    ):
        seeds = [text("plots.lab.seeds", language)] if _several(networks) and name != "shuffled" else []
        plot = _error_plot(networks, points, across, name, language)
        yield figure(plot, text(f"plots.lab.paths.{name}", language), *seeds)
    counts = _counts(result, count)
    if counts:
        yield figure(_count_bars(counts, result, language), *_about_counts(counts, result, language))
    yield from _shares(networks, max(count + 1, len(counts)), language)


def _several(networks: Sequence[Row]) -> bool:
    return any(len(same) > 1 for same in grouped(networks, "kind").values())


def _blocks(networks: Sequence[Row]) -> list[str]:
    """The blocks that were left out, one at a time, in order."""
    found = (row.get("without_each") for row in networks)
    return list(dict.fromkeys(str(name) for one in found if isinstance(one, Mapping) for name in one if name))


def _block_axis(names: Sequence[str], language: str) -> Axis:
    starts: dict[str, tuple[float, str]] = {}
    for place, name in enumerate(names, start=1):
        starts.setdefault(name.partition(".")[0], (place, name))
    title = text("plots.lab.paths.block", language)
    return Axis(0, max(2, len(names)), title, ticks=dict(starts.values()))


def _tau_axis(networks: Sequence[Row], language: str) -> Axis:
    """From 1, the trained order, falling to the least that was measured."""
    taus = known([finite(one.get("tau")) for row in networks for one in rows(row, "shuffles")])
    low = min([0.8, *taus])
    step = 0.1 if low > 0.4 else 0.5
    ticks = {round(1 - step * number, 1): f"{1 - step * number:.1f}" for number in range(int((1 - low) / step) + 1)}
    return Axis(1, low, text("plots.lab.paths.tau", language), ticks=ticks)


def _whole(row: Row) -> float | None:
    """The error of the whole network, in percent."""
    found = row.get("without_each")
    return _percent(finite(found.get(""))) if isinstance(found, Mapping) else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _without_each(names: Sequence[str]) -> Callable[[Row], Points]:
    places: dict[str, float] = {name: place for place, name in enumerate(names, start=1)}

    def points(row: Row) -> Points:
        found = row.get("without_each")
        each = found if isinstance(found, Mapping) else {}
        return [(places[name], _percent(finite(error))) for name, error in each.items() if name in places]

    return points


def _without_some(row: Row) -> Points:
    """From none left out to all; means over the draws."""
    means: Points = [
        (finite(one.get("removed")) or 0.0, _percent(mean(numbers(one.get("errors"))))) for one in rows(row, "removals")
    ]
    return [(0.0, _whole(row)), *means] if means else []


def _shuffled(row: Row) -> Points:
    """From the trained order to the one that is least like it."""
    found = [
        (tau, _percent(finite(one.get("error"))))
        for one in rows(row, "shuffles")
        if (tau := finite(one.get("tau"))) is not None
    ]
    return sorted(found, key=lambda point: -point[0])


def _error_plot(
    networks: Sequence[Row], points: Callable[[Row], Points], across: Axis, name: str, language: str
) -> str:
    """The mean over the seeds of each kind and thin lines for them; of orders, which differ, marks alone."""
    lines, pairs = [], []
    values: list[float] = []
    for (kind,), same in grouped(networks, "kind").items():
        style = KINDS.index(kind) if kind in KINDS else len(KINDS)
        seeds = [found for row in same if (found := points(row))]
        means = _mean(seeds)
        named, values = kind_name(kind, language), values + known([error for seed in seeds for _, error in seed])
        if name == "shuffled" or len(seeds) == 1:
            lines += [
                Line("" if place else named, seed, marked=True, style=style, joined=name != "shuffled")
                for place, seed in enumerate(seeds or [[]])
            ]
        else:
            lines += [Line("", seed, style=style, thin=True) for seed in seeds]
            lines.append(Line(named, means, marked=True, style=style))
        pairs.append((named, _said(seeds, means, name, language)))
    title = text("lab.column.error", language)
    up = Axis(0, round_up(max(values, default=100.0)), title, "{:g} %")
    said = alt(text(f"plots.lab.paths.{name}_alt", language), pairs, language)
    return curves(lines, across, up, alt_text=said, width=WIDTH, height=230)


def _mean(seeds: Sequence[Points]) -> Points:
    """Over the seeds, wherever all that have come as far have a number."""
    longest = max(map(len, seeds), default=0)
    whole = [seed for seed in seeds if len(seed) == longest]
    return [(place[0][0], mean([error for _, error in place])) for place in zip(*whole, strict=True)]


def _said(seeds: Sequence[Points], means: Points, name: str, language: str) -> str:
    """The mean error without one block, or the first error and the last."""
    if name == "each":
        error = mean([error for _, error in means])
        return percent(None if error is None else error / 100)
    first, last = (mean([seed[place][1] for seed in seeds]) for place in (0, -1))
    ends = [percent(None if end is None else end / 100) for end in (first, last)]
    return text("plots.lab.from_to", language, first=ends[0], last=ends[1])


def _counts(result: Result, blocks: int) -> list[int]:
    """Paths of each length, as measured or, since it is arithmetic, from the number of blocks."""
    found = [int(count) for count in known(numbers(result.get("path_counts")))]
    return found or ([comb(blocks, length) for length in range(blocks + 1)] if 0 < blocks <= 200 else [])


def _usual(result: Result) -> tuple[int, int] | None:
    found = known(numbers(result.get("usual_lengths")))
    return (int(found[0]), int(found[1])) if len(found) == 2 else None


def _count_bars(counts: Sequence[int], result: Result, language: str) -> str:
    """Each length's share of all paths, so that 2⁵⁴ paths can be drawn as well as 2¹⁵."""
    total, usual = sum(counts), _usual(result)
    shares = [100 * count / total for count in counts]
    hollow = [length for length in range(len(counts)) if usual and not usual[0] <= length <= usual[1]]
    up = Axis(0, round_up(max(shares)), text("plots.lab.paths.counts", language), "{:g} %")
    said = alt(
        text("plots.lab.paths.counts", language),
        [
            (text("plots.lab.paths.of_length", language, length=length), f"{shares[length]:.1f} %")
            for length in _largest(shares)
        ],
        language,
    )
    names = [str(length) for length in range(len(counts))]
    return bars(shares, names, text("plots.lab.paths.length", language), up, hollow=hollow, alt_text=said, width=WIDTH)


def _largest(shares: Sequence[float]) -> list[int]:
    """The lengths with the three largest shares, in order."""
    return sorted(sorted(range(len(shares)), key=lambda length: -shares[length])[:3])


def _about_counts(counts: Sequence[int], result: Result, language: str) -> Iterator[str]:
    yield text("plots.lab.paths.binomial", language, blocks=len(counts) - 1, paths=number(float(sum(counts)), ",.0f"))
    if usual := _usual(result):
        yield text("plots.lab.paths.usual", language, low=usual[0], high=usual[1])


def _shares(networks: Sequence[Row], lengths: int, language: str) -> Iterator[str]:
    """Each length's share of all gradient: its paths times what one of them carries, a mean over the seeds.

    Only of those whose paths of all lengths have been measured, since a share is of the whole.
    """
    measured = [one for row in networks if len(one := rows(row, "gradients")) == lengths]
    seeds = [carried for one in measured if (carried := _carried(one))]
    if not seeds:
        return
    shares = [100 * (mean(place) or 0.0) for place in zip(*seeds, strict=True)]
    dots = [[100 * share for share in place] for place in zip(*seeds, strict=True)] if len(seeds) > 1 else []
    up = Axis(
        0,
        round_up(max([*shares, *(dot for place in dots for dot in place)])),
        text("lab.column.share", language),
        "{:g} %",
    )
    said = alt(
        text("lab.column.share", language),
        [
            (text("plots.lab.paths.of_length", language, length=length), f"{shares[length]:.1f} %")
            for length in _largest(shares)
        ],
        language,
    )
    below = text("plots.lab.paths.length", language)
    icon = [(bar(8, 5, -5, 8), text("plots.lab.paths.mean", language))] if dots else []
    plot = bars(
        shares,
        [str(length) for length in range(lengths)],
        below,
        up,
        dots=dots,
        legends=icon,
        alt_text=said,
        width=WIDTH,
    )
    half = _half(shares)
    lost = sorted({length for one in measured for length, row in enumerate(one) if finite(row.get("norm")) is None})
    yield figure(
        plot,
        text("plots.lab.paths.carried", language, length=half),
        *left_out([str(length) for length in lost], language),
    )


def _carried(gradients: Sequence[Row]) -> list[float]:
    """Shares of the sum, from 0 to 1; a norm that is not finite counts as none. Empty where nothing is carried."""
    products = [(finite(one.get("paths")) or 0.0) * (finite(one.get("norm")) or 0.0) for one in gradients]
    total = sum(products)
    return [product / total for product in products] if total > 0 else []


def _half(shares: Sequence[float]) -> int:
    """The least length up to which paths carry half of the gradient."""
    carried = 0.0
    for length, share in enumerate(shares):
        carried += share
        if carried >= 50 * (1 - 1e-9):
            return length
    return len(shares) - 1
