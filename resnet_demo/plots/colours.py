"""Numbers as colours: from none to much, and from below zero to above."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Colours = npt.NDArray[np.uint8]


def amounts(values: Numbers, most: float) -> Colours:
    """(…) from 0 to `most` -> (…, 3): black, violet, orange, pale yellow; in grey they still rise."""
    return _look_up(values / (most or 1.0), "inferno")


def signed(values: Numbers, limit: float) -> Colours:
    """(…) from -`limit` to `limit` -> (…, 3): blue below zero, white at it, red above."""
    return _look_up(values / (limit or 1.0) / 2 + 0.5, "RdBu_r")


def paint(values: Numbers, limit: float) -> Colours:
    """(…) -> (…, 3): `signed` where any of the values is below zero, else `amounts`."""
    return signed(values, limit) if (values < 0).any() else amounts(values, limit)


def _look_up(shares: Numbers, name: str) -> Colours:
    """Numbers from 0 to 1 as matplotlib's colours; what lies outside gets the end's colour, NaN the lower one's."""
    places = np.nan_to_num(shares, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255
    return _table(name)[places.round().astype(np.uint8)]


@cache
def _table(name: str) -> Colours:
    """256 colours (256, 3)."""
    from matplotlib import colormaps  # here: it takes a third of a second

    return colormaps[name](np.arange(256), bytes=True)[:, :3]
