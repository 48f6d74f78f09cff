"""The learning-rate range test (Smith 2017, section 3.3): raise the rate step by step, see where learning is best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from resnet_demo.training.feed import Batch
from resnet_demo.training.learner import Learner

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 60
SMOOTHING = 0.8
DIVERGED = 4.0
"""The test ends where the loss is this many times the lowest."""
SAFETY = 0.1
"""At the rate with the lowest loss the next steps would climb already: this share of it learns fast and holds."""


def rates(steps: int = STEPS) -> list[float]:
    """From `LOWEST` to `HIGHEST`, each the same number of times the one before."""
    return [LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1)) for step in range(steps)]


def measure(learner: Learner, batches: Iterable[Batch]) -> list[tuple[float, float]]:
    """Learning rates and the mean losses met at them, up to where that is no number; the learner is as before.

    A loss is that of the whole batch, over all processes: so they all find the same.
    """
    files = learner.state()
    before = {name: {key: tensor.clone() for key, tensor in tensors.items()} for name, tensors in files.items()}
    steps, scaler, found = learner.steps, learner.scaler.state_dict(), []
    for rate, batch in zip(rates(), batches, strict=False):
        loss = float(learner.ranks.added(learner.step(batch, rate))) / batch.photos
        if not math.isfinite(loss):
            break
        found.append((rate, loss))
    learner.load_state(before)
    learner.scaler.load_state_dict(scaler)
    learner.steps = steps
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
