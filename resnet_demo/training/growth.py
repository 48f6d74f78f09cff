"""Pictures that grow from epoch to epoch: how large they are, and how much work that makes. Free of torch."""

from __future__ import annotations

from resnet_demo.training.presets import SIZE_STEP

GROWTH_SHARE = 0.8
"""Of the epochs, those in which pictures grow."""


def picture_size(epoch: int, epochs: int, first: int, last: int) -> int:
    """Pixels a side in an epoch (from 0): grows from `first` to `last`, which it has reached before the last fifth."""
    share = min(1.0, epoch / max((epochs - 1) * GROWTH_SHARE, 1e-9)) if epochs > 1 else 1.0
    return last if share == 1.0 else first + round((last - first) * share) // SIZE_STEP * SIZE_STEP


def work(steps: float, per_epoch: float, epochs: int, first: int, last: int) -> float:
    """What the first `steps` of a training cost, counted in steps at full size: the work goes with the pixels."""
    shares = [(picture_size(epoch, epochs, first, last) / last) ** 2 for epoch in range(epochs)]
    whole, rest = divmod(steps, per_epoch)
    done = int(min(whole, epochs))
    later = whole - done  # epochs that were added have full size
    return per_epoch * (sum(shares[:done]) + later) + rest * (shares[done] if done < epochs else 1.0)
