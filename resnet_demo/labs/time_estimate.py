"""How long the trainings of an experiment take here, from a step of each network, timed."""

from __future__ import annotations

import time
from collections import Counter

import torch
import torch.nn.functional as F

from resnet_demo.data import drawn_flowers
from resnet_demo.labs import networks
from resnet_demo.labs.configs import Kind, Training
from resnet_demo.labs.pictures import DRAWN

FORWARD_SHARE = 1 / 3
"""Of a step, what a forward pass takes: the backward pass computes two products for each one of it."""
CIFAR_CLASSES = 10
TIMED_STEPS = 2
LEAST_TIMED, MOST_TIMED_PLACES = 2, 32 * 16**2
"""Pictures of a step that is timed, and how many places (pixels) they may have together."""


def training_seconds(config: Training) -> float:
    """Seconds that the trainings of an experiment take, tests after each epoch included; what is measured is not.

    Each network's step is timed once, on noise. Pictures that are not drawn are reckoned as if they had ten classes.

    Raises:
        AppError: there is no network of a depth in the settings.
    """
    classes = len(drawn_flowers.KINDS) if config.pictures == DRAWN else CIFAR_CLASSES
    batches = -(-config.per_class * classes // config.batch_size)
    tests = config.test_per_class * classes / config.batch_size
    steps = config.epochs * (batches + FORWARD_SHARE * tests)
    return sum(
        count * steps * step_seconds(kind, depth, config.batch_size, config.size)
        for (kind, depth), count in Counter(config.trainings()).items()
    )


def step_seconds(kind: Kind, depth: int, batch_size: int, size: int) -> float:
    """Seconds of a forward and a backward pass, the quickest of some after one that is not counted.

    Of a large batch a part is timed, so that nobody waits long for an estimate and it takes little memory.
    """
    timed = min(batch_size, max(LEAST_TIMED, MOST_TIMED_PLACES // size**2))
    network = networks.build(kind, depth, 0).to(memory_format=torch.channels_last)
    images = torch.randn(timed, 3, size, size).contiguous(memory_format=torch.channels_last)
    classes = torch.zeros(timed, dtype=torch.long)
    taken = []
    for _ in range(1 + TIMED_STEPS):
        started = time.perf_counter()
        F.cross_entropy(network(images), classes).backward()  # type: ignore[no-untyped-call]
        taken.append(time.perf_counter() - started)
    return min(taken[1:]) * batch_size / timed
