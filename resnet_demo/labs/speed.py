"""How fast networks answer on this machine: images per second at batch 1, with weights that mean nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from resnet_demo.labs.family import build

SECONDS, FEWEST, WARM_UP = 1.5, 3, 2
"""How long one network is timed, at least how many images, and how many before that do not count."""


@dataclass(frozen=True)
class Speed:
    """Images per second of a network at batch 1 on the processor, of how many images, with how many threads."""

    name: str
    images_per_second: float
    images: int
    threads: int


def nothing() -> None:
    """For measurements that nobody ends early."""


def measure(name: str, size: int = 224, seconds: float = SECONDS, go_on: Callable[[], None] = nothing) -> Speed:
    """Time a network of `family.NAMES` in float32 on the processor, one image of `size` pixels a side at a time.

    Args:
        go_on: called between images; what it raises ends the measurement.

    Raises:
        AppError: no such network.
    """
    network = _filled(name)
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    images = 0
    with torch.inference_mode():
        for _ in range(WARM_UP):
            network(image)
            go_on()
        started = time.perf_counter()
        while images < FEWEST or time.perf_counter() - started < seconds:
            network(image)
            images += 1
            go_on()
        taken = time.perf_counter() - started
    return Speed(name, images / taken, images, torch.get_num_threads())


def _filled(name: str) -> nn.Module:
    """The network with small random weights, without the seconds that a proper initialisation takes."""
    with torch.device("meta"):
        network = build(name).eval()
    network = network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.uniform_(parameter, -0.02, 0.02, generator=generator)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return network
