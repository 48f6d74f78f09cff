"""`python -m tests.bench.train --synthetic`: what photos cost beside the network that learns from them.

Photos per second of whole epochs of a training, and of the same loop with one batch of noise that is on the device
already. Both in one process, in turn, after a few steps of each that warm up; medians are told. Reading the photos,
once for the whole training, is in neither; drawing their views is in the first.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from resnet_demo.settings import Settings
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import facts_of
from resnet_demo.training.distributed import distributed_context
from resnet_demo.training.retried_step import RetriedStep
from resnet_demo.training.run import Run
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.training_setup import prepare

RATE = 1e-4
WARM_UP = 3


@dataclass(frozen=True)
class Feeding:
    """Photos of an epoch, and how many a second are learned from: real ones, and noise that lies ready."""

    device: str
    photos: int
    fed: float
    still: float


def feeding(config: TrainConfig, folder: Path, rounds: int) -> Feeding:
    """Measure a training of these settings, whose run is made in `folder`, on this machine's device."""
    settings = Settings(home=folder / "home")
    run = Run.create(settings.home, config, facts_of(config, settings), folder=folder / "run")
    with distributed_context() as distributed:
        setup = prepare(run, settings, distributed, RunLogger(run, distributed))
        train_step, loader, size = setup.train_step, setup.loader, setup.plan.config.image_size
        first = next(loader.epoch(0, size))
        noise = replace(first, inputs=torch.randn_like(first.inputs))
        for batch in [*itertools.islice(loader.epoch(0, size), WARM_UP), *itertools.repeat(noise, WARM_UP)]:
            train_step(batch, RATE)
        fed, still = [], []
        for epoch in range(rounds):
            fed.append(photos_per_second(train_step, loader.epoch(epoch, size)))
            still.append(photos_per_second(train_step, itertools.repeat(noise, loader.steps)))
        return Feeding(distributed.device.type, len(loader.rows), statistics.median(fed), statistics.median(still))


def photos_per_second(train_step: RetriedStep, batches: Iterable[Batch]) -> float:
    device = train_step.train_state.distributed.device
    wait_for(device)
    started, photos = time.perf_counter(), 0
    for batch in batches:
        train_step(batch, RATE)
        photos += batch.photos
    wait_for(device)
    return photos / (time.perf_counter() - started)


def wait_for(device: torch.device) -> None:
    """A GPU works on while the processor has gone ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def show(network: str, found: Feeding) -> None:
    print(f"{network} on {found.device}, whole network, epochs of {found.photos} photos")
    print(f"photos {found.fed:.1f}/s, noise on the device {found.still:.1f}/s: {found.fed / found.still:.2f}")
