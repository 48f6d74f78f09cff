"""Schedules: learning rates by step, smoothed targets, what weight decay leaves alone, and trainings without each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from resnet_demo.plots.bars import bars
from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.experiments.error_curves import ErrorCurves, diverged, epochs_of, error_plot, errors
from resnet_demo.plots.experiments.figure_html import WIDTH, figure, table
from resnet_demo.plots.experiments.measured import Numbers, Result, finite, known, last, numbers, rows, setting
from resnet_demo.plots.experiments.wording import alt, column, enumerated, number, part_name, percent
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import text

MOST_POINTS = 200
"""Of a line; between them a learning rate bends by less than can be seen."""


def figures(result: Result, language: str) -> Iterator[str]:
    """What is drawn first, then what was trained."""
    yield figure(_rates(result, language), text("plots.lab.schedules.rates", language))
    targets = numbers(result.get("targets"))
    if targets:
        yield figure(_targets(targets, language), *_about_targets(result, targets, language))
    weights = result.get("weights")
    if isinstance(weights, Mapping):
        yield figure(_weights(weights, language), text("plots.lab.schedules.weights", language))
    trainings = rows(result, "trainings")
    if trainings:
        epochs = epochs_of(result, "trainings")
        groups = [
            ErrorCurves(part_name(row.get("name"), language), [errors(row, "train_error", epochs)]) for row in trainings
        ]
        lost = [part_name(row.get("name"), language) for row in trainings if diverged(row)]
        said = [text("plots.lab.diverged", language, names=enumerated(lost, language))] if lost else []
        plot = error_plot(groups, epochs, column("train_error", language), language)
        yield figure(plot, text("plots.lab.schedules.trainings", language), *said)
        header = [column(name, language) for name in ("name", "train_error", "test_error")]
        body = [
            [
                part_name(row.get("name"), language),
                *(percent(last(numbers(row.get(name)))) for name in ("train_error", "test_error")),
            ]
            for row in trainings
        ]
        yield figure(table(header, body), text("plots.lab.degradation.table", language))


def _rates(result: Result, language: str) -> str:
    found = result.get("rates")
    rates = {name: numbers(values) for name, values in found.items()} if isinstance(found, Mapping) else {}
    highest = max([value for values in rates.values() for value in known(values)], default=1.0)
    steps = max([2, *map(len, rates.values())])
    lines = [Line(part_name(name, language), _thinned(values)) for name, values in rates.items()]
    said = alt(
        text("plots.lab.schedules.rates_alt", language),
        [(part_name(name, language), _ends(values, language)) for name, values in rates.items()],
        language,
    )
    up = Axis(0, round_up(highest), text("plots.lab.schedules.rate", language))
    across = Axis(0, steps - 1, text("plots.lab.schedules.step", language))
    return curves(lines, across, up, alt_text=said, width=WIDTH, height=230)


def _thinned(values: Numbers) -> list[tuple[float, float | None]]:
    """Some of the steps, the last one always and the highest rate, where the warm-up ends."""
    every = -(-len(values) // MOST_POINTS) or 1
    peak = max(range(len(values)), key=lambda step: values[step] or 0.0, default=0)
    return [
        (step, value)
        for step, value in enumerate(values)
        if step % every == 0 or step == len(values) - 1 or step == peak
    ]


def _ends(values: Numbers, language: str) -> str:
    highest = number(max(known(values), default=None))
    return text("plots.lab.schedules.peak", language, high=highest, end=number(last(values), ".2g"))


def _targets(targets: Numbers, language: str) -> str:
    names = [str(place) for place in range(len(targets))]
    others = known(targets[1:])
    pairs = [
        (text("plots.lab.schedules.right", language), number(targets[0], ".3f")),
        (text("plots.lab.schedules.other", language), number(others[0] if others else None, ".3f")),
    ]
    said = alt(text("plots.lab.schedules.target", language), pairs, language)
    up = Axis(0, 1, text("plots.lab.schedules.target", language), "{:.1f}")
    across, hollow = text("plots.lab.schedules.class", language), range(1, len(targets))
    return bars(targets, names, across, up, hollow=hollow, alt_text=said, width=WIDTH, height=200)


def _about_targets(result: Result, targets: Sequence[float | None], language: str) -> Iterator[str]:
    others = known(targets[1:])
    yield text(
        "plots.lab.schedules.targets",
        language,
        smoothing=number(finite(setting(result, "label_smoothing"))),
        right=number(targets[0], ".3f"),
        other=number(others[0] if others else None, ".3f"),
    )
    best = finite(result.get("best_logits_gap"))
    if best is not None:
        yield text("plots.lab.schedules.gap", language, gap=number(best, ".2f"))
    else:
        yield text("plots.lab.schedules.no_gap", language)


def _weights(weights: Mapping[str, object], language: str) -> str:
    header = ("", text("plots.lab.schedules.tensors", language), text("plots.lab.schedules.numbers", language))
    body = [
        [said, *(number(finite(weights.get(f"{name}_{what}")), ",.0f") for what in ("tensors", "numbers"))]
        for name, said in (
            ("decayed", text("plots.lab.schedules.decayed", language)),
            ("other", text("plots.lab.schedules.left_alone", language)),
        )
    ]
    return table(header, body)
