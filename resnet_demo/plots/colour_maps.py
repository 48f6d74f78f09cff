"""Colour maps: a sequential and a diverging one."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Colours = npt.NDArray[np.uint8]


def sequential(values: Numbers, most: float) -> Colours:
    """(…) from 0 to `most` -> (…, 3): matplotlib's inferno, whose brightness rises from black to pale yellow."""
    return _look_up(values / (most or 1.0), "inferno")


def diverging(values: Numbers, limit: float) -> Colours:
    """(…) from -`limit` to `limit` -> (…, 3): blue below zero, white at it, red above."""
    return _look_up(values / (limit or 1.0) / 2 + 0.5, "RdBu_r")


def paint(values: Numbers, limit: float) -> Colours:
    """(…) -> (…, 3): `diverging` where any of the values is below zero, else `sequential`."""
    return diverging(values, limit) if (values < 0).any() else sequential(values, limit)


def _look_up(shares: Numbers, name: str) -> Colours:
    """Numbers from 0 to 1 as colours of a matplotlib colour map; values outside are clipped, NaN becomes 0."""
    places = np.nan_to_num(shares, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255
    return _table(name)[places.round().astype(np.uint8)]


@cache
def _table(name: str) -> Colours:
    """The colour map's 256 colours, (256, 3)."""
    from matplotlib import colormaps  # here: it takes a third of a second

    return colormaps[name](np.arange(256), bytes=True)[:, :3]
