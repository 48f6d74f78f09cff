"""The learning-rate range test (Smith 2017, section 3.3): raise the rate step by step, see where learning is best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.decoded_photos import Report, unreported
from resnet_demo.training.presets import RANGE_TEST_STEPS
from resnet_demo.training.retried_step import RetriedStep

LOWEST, HIGHEST = 1e-6, 1.0
SMOOTHING = 0.8
DIVERGED = 4.0
"""The test ends where the loss is this many times the lowest."""
SAFETY = 0.1
"""At the rate with the lowest loss the next steps would climb already: this share of it learns fast and holds."""


def rates(steps: int = RANGE_TEST_STEPS) -> list[float]:
    """From `LOWEST` to `HIGHEST`, each the same number of times the one before."""
    return [LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1)) for step in range(steps)]


def measure(
    train_step: RetriedStep, batches: Iterable[Batch], report: Report = unreported
) -> list[tuple[float, float]]:
    """Learning rates and the mean losses met at them, up to the first that is not finite; the state is restored.

    A loss is that of the whole batch, over all processes: so they all find the same. `report` is told the steps done.
    """
    train_state = train_step.train_state
    files = train_state.state_dict()
    before = {name: {key: tensor.clone() for key, tensor in tensors.items()} for name, tensors in files.items()}
    steps, scaler, found = train_state.steps, train_state.scaler.state_dict(), []
    for rate, batch in zip(rates(), batches, strict=False):
        loss = float(train_state.distributed.all_sum(train_step(batch, rate))) / batch.photos
        if not math.isfinite(loss):
            break
        found.append((rate, loss))
        report(len(found))
    train_state.load_state_dict(before)
    train_state.scaler.load_state_dict(scaler)
    train_state.steps = steps
    return found


def suggest(found: Sequence[tuple[float, float]]) -> float:
    """A highest learning rate for a schedule, in two digits, from what `measure` found.

    Losses are smoothed by a moving average that begins without a bias (Kingma and Ba 2015, section 3).
    """
    mean, lowest, best = 0.0, math.inf, LOWEST
    for step, (rate, loss) in enumerate(found, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth = mean / (1 - SMOOTHING**step)
        if smooth > DIVERGED * lowest:
            break
        if smooth < lowest:
            lowest, best = smooth, rate
    return float(f"{best * SAFETY:.2g}")
