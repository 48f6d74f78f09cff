"""The figures in an experiment's result, which may have ended anywhere: rows, finite numbers, means over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

Result = Mapping[str, Any]
Row = Mapping[str, Any]
Numbers = list[float | None]


def rows(result: Result, name: str) -> list[Row]:
    """The rows under a name, none where there is no list yet."""
    found = result.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def finite(value: object) -> float | None:
    """The number, or None where it is none or not finite."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def numbers(values: object) -> Numbers:
    """A list of numbers, None for each that is not finite; empty where there is no list yet."""
    return [finite(value) for value in values] if isinstance(values, list | tuple) else []


def known(values: Sequence[float | None]) -> list[float]:
    """Those that are not None."""
    return [value for value in values if value is not None]


def last(values: Sequence[float | None]) -> float | None:
    """The last number of a list, None without one."""
    return values[-1] if values else None


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are not None; None without any."""
    found = known(values)
    return fmean(found) if found else None


def mean_curve(curves: Sequence[Sequence[float | None]]) -> Numbers:
    """Place by place the mean of the curves that have come farthest, so that one which still grows bends nothing.

    None at a place where one of them has no number.
    """
    longest = max(map(len, curves), default=0)
    whole = [curve for curve in curves if len(curve) == longest]
    return [None if None in place else mean(place) for place in zip(*whole, strict=True)]


def grouped(all_rows: Sequence[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by their values under these names, in order of the first of each."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in all_rows:
        found.setdefault(tuple(row.get(name) for name in names), []).append(row)
    return found


def setting(result: Result, name: str) -> Any:
    """The setting that was measured with; None where the result does not say."""
    settings = result.get("settings")
    return settings.get(name) if isinstance(settings, Mapping) else None


def epoch_count(result: Result, so_far: int) -> int:
    """How many epochs the trainings have by the settings, and no fewer than there have been; at least 1."""
    return max(int(finite(setting(result, "epochs")) or 0), so_far, 1)
