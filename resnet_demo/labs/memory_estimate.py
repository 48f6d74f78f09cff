"""How much memory the trainings of an experiment take, and the refusal of one that cannot fit. Free of torch."""

from __future__ import annotations

from resnet_demo.labs.configs import LabConfig, Training
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.free_memory import total_bytes
from resnet_demo.training.memory_forecast import max_training_memory

PROCESS_BYTES = 600_000_000
"""Of a process with torch that trains nothing yet."""
WIDTH, STAGES = 16, 3
KEPT_PER_LAYER = 3
"""Kept for the backward pass: what goes into a convolution, its norm and its ReLU."""
FLOAT_BYTES = 4
CLASSES = 10
GIGABYTE = 1_000_000_000


def training_bytes(config: Training) -> int:
    """Bytes that the largest training of an experiment takes, about: its activations, the pictures, the process.

    Each stage has as many layers as the others; twice the channels at a quarter of the places are half the numbers.
    """
    depth: int = max(depth for _, depth in config.trainings())
    places: int = config.batch_size * config.size**2
    activations: float = sum(places * WIDTH * KEPT_PER_LAYER * depth / STAGES / 2**stage for stage in range(STAGES))
    pictures = CLASSES * (config.per_class + config.test_per_class) * config.size**2 * 3
    return PROCESS_BYTES + round(FLOAT_BYTES * (activations + pictures))


def check_memory(config: LabConfig, settings: Settings) -> None:
    """Refuse an experiment whose trainings cannot fit on this machine, or in what a public page gives one.

    Raises:
        AppError: it cannot fit; the sentence says what would.
    """
    if not isinstance(config, Training):
        return
    need, share = training_bytes(config), max_training_memory(settings)
    most = total_bytes() if share is None else share
    if need > most:
        raise AppError("lab.problem.memory", need=f"{need / GIGABYTE:.1f}", most=f"{most / GIGABYTE:.1f}")
