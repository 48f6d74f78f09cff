"""Degradation, and twins: training errors first, since a deeper plain network is worse at these already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resnet_demo.plots.experiments.error_curves import ErrorCurves, diverged, epochs_of, error_plot, errors, gap
from resnet_demo.plots.experiments.figure_html import figure, table
from resnet_demo.plots.experiments.measured import Result, Row, grouped, last, numbers, rows
from resnet_demo.plots.experiments.wording import NONE, column, enumerated, kind_name, listed, percent, points
from resnet_demo.texts import text

FIGURES = ("train_error", "test_error")


def figures(result: Result, language: str) -> Iterator[str]:
    """Training error, test error, and the last errors of each training as a table."""
    curves, epochs = rows(result, "curves"), epochs_of(result, "curves")
    seeds = [text("plots.lab.seeds", language)] if _several_seeds(curves) else []
    for name in FIGURES:
        groups = _groups(curves, name, epochs, language)
        about = [*_gaps(groups, language), *_diverged(curves, language)] if name == "train_error" else []
        plot = error_plot(list(groups.values()), epochs, column(name, language), language)
        yield figure(plot, text(f"plots.lab.degradation.{name}", language), *seeds, *about)
    yield figure(_table(curves, language), text("plots.lab.degradation.table", language))


def _groups(curves: Sequence[Row], figure_name: str, epochs: int, language: str) -> dict[object, ErrorCurves]:
    """The curves of each kind and depth, all depths of a kind one after the other."""
    found = grouped(curves, "kind", "depth")
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    ordered = sorted(found, key=lambda pair: kinds.index(pair[0]))
    return {
        pair: ErrorCurves(
            text("plots.lab.network", language, kind=kind_name(pair[0], language), depth=str(pair[1])),
            [errors(row, figure_name, epochs) for row in found[pair]],
        )
        for pair in ordered
    }


def _several_seeds(curves: Sequence[Row]) -> bool:
    return any(len(same) > 1 for same in grouped(curves, "kind", "depth").values())


def _gaps(groups: dict[object, ErrorCurves], language: str) -> list[str]:
    """By how many points the deepest network of each kind is worse than the shallowest, or the twins differ."""
    pairs = [pair for pair in groups if isinstance(pair, tuple)]
    differences = []
    for kind in dict.fromkeys(kind for kind, _ in pairs):
        depths = [pair for pair in pairs if pair[0] == kind]
        difference = gap(groups, depths[0], depths[-1])
        if len(depths) > 1 and difference is not None:
            differences.append((kind_name(kind, language), points(difference)))
    return [text("plots.lab.degradation.gap", language, listed=listed(differences, language))] if differences else []


def _diverged(curves: Sequence[Row], language: str) -> list[str]:
    names = [
        text(
            "plots.lab.degradation.one",
            language,
            kind=kind_name(row.get("kind"), language),
            depth=str(row.get("depth")),
            seed=str(row.get("seed")),
        )
        for row in curves
        if diverged(row)
    ]
    return [text("plots.lab.diverged", language, names=enumerated(names, language))] if names else []


def _table(curves: Sequence[Row], language: str) -> str:
    header = [column(name, language) for name in ("kind", "depth", "seed", "epochs", *FIGURES)]
    body = [
        [
            kind_name(row.get("kind"), language),
            *(str(row.get(name, NONE)) for name in ("depth", "seed")),
            str(len(numbers(row.get("train_error")))),
            *(percent(last(numbers(row.get(name)))) for name in FIGURES),
        ]
        for same in grouped(curves, "kind", "depth").values()
        for row in same
    ]
    return table(header, body)
