"""The result of an experiment as text: a table of its figures, then how it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from resnet_demo.plots.experiments.wording import (
    NONE,
    kind_name,
    number,
    part_name,
    percent,
    variant_name,
    verdict_name,
)
from resnet_demo.terminal import aligned
from resnet_demo.texts import text

Result = Mapping[str, Any]
Table = list[list[str]]


def result_lines(result: Result, language: str) -> Iterator[str]:
    """Everything that is printed of a result."""
    for table in _TABLES[result["experiment"]](result, language):
        yield from aligned(table)
        yield ""
    yield text("lab.measured", language, machine=result["machine"], seconds=result["seconds"])
    yield text("lab.command", language, command=result["command"])


def _header(language: str, *names: str) -> list[str]:
    return [text(f"lab.column.{name}", language) for name in names]


def _blocks(result: Result, language: str) -> Iterator[Table]:
    columns = ("block", "weights", "parameters", "counted_parameters", "multiply_adds", "counted_multiply_adds")
    rows = [[f"{block[name]:,}" for name in columns[1:]] for block in result["blocks"]]
    names = [text(f"lab.block.{block['kind']}", language) for block in result["blocks"]]
    yield [_header(language, *columns), *([name, *row] for name, row in zip(names, rows, strict=True))]
    for block, name in zip(result["blocks"], names, strict=True):
        layers = [
            [
                layer["name"],
                layer["formula"],
                layer["numbers"],
                f"{layer['parameters']:,}",
                f"{layer['multiply_adds']:,}",
            ]
            for layer in block["layers"]
        ]
        yield [[name, *_header(language, "formula", "numbers", "parameters", "multiply_adds")], *layers]


def _family(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "network", "depth", "parameters", "multiply_adds", "accuracy", "source")]
    for one in result["members"]:
        depth = NONE if one["depth"] is None else str(one["depth"])
        figures = (f"{one['parameters']:,}", f"{one['multiply_adds']:,}", f"{one['accuracy']:.2f} %")
        table.append([one["name"], depth, *figures, one["source"]])
    yield table


def _gradients(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "kind", "norms", "init", "first", "last", "correlation", "verdict")]
    for row in result["networks"]:
        table.append(
            [
                kind_name(row["kind"], language),
                text("lab.norms.with" if row["norms"] else "lab.norms.without", language),
                text(f"lab.init.{row['init']}", language),
                number(row["gradient_norms"][0], ".1e"),
                number(row["gradient_norms"][-1], ".1e"),
                number(row["correlations"][0], ".2f"),
                verdict_name(row["verdict"], language),
            ]
        )
    yield table
    terms = ("output", "shortcut", "residual", "cosine", "total")
    rows = [
        [kind_name(row["kind"], language), *(number(row[name], ".3f") for name in terms)] for row in result["terms"]
    ]
    yield [_header(language, "kind", *terms), *rows]


def _degradation(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "kind", "depth", "seed", "epochs", "train_error", "test_error")]
    for curve in result["curves"]:
        errors = [percent(curve[name][-1]) for name in ("train_error", "test_error")]
        table.append(
            [
                kind_name(curve["kind"], language),
                str(curve["depth"]),
                str(curve["seed"]),
                str(len(curve["train_error"])),
                *errors,
            ]
        )
    yield table


def _identity(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "kind", "zero_init", "epoch", "first_ratio", "last_ratio", "exponent", "train_error")]
    for row in result["branches"]:
        ratios = list(row["ratios"].values())
        numbers = [number(ratios[0]), number(ratios[-1]), number(row["exponent"], ".2f")]
        switch = text("lab.switch.on" if row["zero_init"] else "lab.switch.off", language)
        table.append(
            [kind_name(row["kind"], language), switch, str(row["epoch"]), *numbers, percent(row["train_error"])]
        )
    yield table


def _landscape(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "kind", "seed", "train_error", "centre", "edge", "basin", "roughness")]
    for one in result["surfaces"]:
        rows = one["rows"]
        middle = len(rows) // 2
        figures = [
            number(rows[middle][middle]),
            number(max(map(max, rows))),
            percent(one["basin"]),
            percent(one["roughness"]),
        ]
        table.append([kind_name(one["kind"], language), str(one["seed"]), percent(one["train_error"][-1]), *figures])
    yield table


def _paths(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "kind", "seed", "error", "without_one", "without_half", "shuffled")]
    for one in result["networks"]:
        single = [error for name, error in one["without_each"].items() if name]
        half = one["removals"][(len(one["removals"]) - 1) // 2]["errors"]
        figures = (one["without_each"][""], fmean(single), fmean(half), one["shuffles"][-1]["error"])
        table.append([kind_name(one["kind"], language), str(one["seed"]), *map(percent, figures)])
    yield table
    for one in result["networks"]:
        carried = [length["paths"] * length["norm"] for length in one.get("gradients", ())]
        if carried:
            yield [
                _header(language, "length", "paths", "norm", "share"),
                *(
                    [str(row["length"]), f"{row['paths']:,}", number(row["norm"]), percent(own / sum(carried))]
                    for row, own in zip(one["gradients"], carried, strict=True)
                ),
            ]


def _schedules(result: Result, language: str) -> Iterator[Table]:
    weights, targets = result["weights"], result["targets"]
    said = text(
        "lab.smoothed",
        language,
        classes=len(targets),
        right=targets[0],
        other=targets[1],
        decayed=weights["decayed_numbers"],
        tensors=weights["decayed_tensors"],
        others=weights["other_numbers"],
    )
    yield [[said]]
    rows = [
        [
            part_name(one["name"], language),
            *(percent(one[name][-1]) for name in ("train_error", "test_error")),
        ]
        for one in result["trainings"]
    ]
    yield [_header(language, "name", "train_error", "test_error"), *rows]


def _shortcuts(result: Result, language: str) -> Iterator[Table]:
    table = [_header(language, "name", "seed", "train_error", "test_error", "published")]
    for one in result["variants"]:
        errors = [percent(one[name][-1]) for name in ("train_error", "test_error")]
        published = NONE if one["published"] is None else f"{one['published']:.2f} %"
        table.append([variant_name(one["name"], language), str(one["seed"]), *errors, published])
    yield table


_TABLES: Mapping[str, Callable[[Result, str], Iterator[Sequence[Sequence[str]]]]] = {
    "blocks": _blocks,
    "degradation": _degradation,
    "family": _family,
    "gradients": _gradients,
    "identity": _identity,
    "landscape": _landscape,
    "paths": _paths,
    "schedules": _schedules,
    "shortcuts": _shortcuts,
    "twins": _degradation,
}
