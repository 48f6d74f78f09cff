"""One colour scale for several loss surfaces: equal factors of the loss are equal steps of colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from resnet_demo.plots.colour_maps import sequential
from resnet_demo.plots.experiments.measured import Numbers, known

LEVELS = 20
"""Of colour; few enough that their borders are seen, as contours are."""


class LossScale:
    """From losses to shares of a log scale, 0 for the least of them and 1 for the highest."""

    def __init__(self, surfaces: Sequence[Sequence[Numbers]]) -> None:
        found = [loss for surface in surfaces for row in surface for loss in known(row) if loss > 0]
        self.low, self.high = min(found, default=1.0), max(found, default=1.0)

    def __call__(self, loss: float) -> float:
        """The share of a loss; one of zero, which has no logarithm, counts as the least."""
        whole = math.log(self.high) - math.log(self.low)
        share = (math.log(max(loss, self.low)) - math.log(self.low)) / whole if whole > 0 else 0.0
        return min(share, 1.0)

    def level(self, loss: float) -> int:
        """The number of its colour."""
        return min(int(self(loss) * LEVELS), LEVELS - 1)

    def loss(self, share: float) -> float:
        """The loss at a share."""
        return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))


@cache
def level_colours() -> tuple[str, ...]:
    """`#rrggbb` of each level, from dark to light."""
    shares = (np.arange(LEVELS) + 0.5) / LEVELS
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in sequential(shares, 1.0).tolist())
