"""Progressive resizing: the picture size of each epoch, and the work that it takes. Free of torch."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

from resnet_demo.training.presets import SIZE_STEP

RESIZING_SHARE = 0.8
"""Of the epochs, those in which pictures grow."""


def picture_size(epoch: int, epochs: int, first: int, last: int) -> int:
    """Pixels a side in an epoch (from 0): grows from `first` to `last`, which it has reached before the last fifth."""
    share = min(1.0, epoch / max((epochs - 1) * RESIZING_SHARE, 1e-9)) if epochs > 1 else 1.0
    return last if share == 1.0 else first + round((last - first) * share) // SIZE_STEP * SIZE_STEP


def full_size_steps(steps: float, per_epoch: float, epochs: int, first: int, last: int) -> float:
    """What the first `steps` of a training cost, counted in steps at full size: the work goes with the pixels."""
    before = _full_size_epochs(epochs, first, last)
    whole, rest = divmod(steps, per_epoch)
    done = int(min(whole, epochs))
    later = whole - done  # epochs that were added have full size
    return per_epoch * (before[done] + later) + rest * (before[done + 1] - before[done] if done < epochs else 1.0)


@lru_cache(maxsize=64)
def _full_size_epochs(epochs: int, first: int, last: int) -> tuple[float, ...]:
    """What the first 0, 1, … `epochs` epochs cost, counted in epochs at full size."""
    shares = ((picture_size(epoch, epochs, first, last) / last) ** 2 for epoch in range(epochs))
    return tuple(accumulate(shares, initial=0.0))
