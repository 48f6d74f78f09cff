"""Small trainings for tests: real photos drawn by code, a real network, real worker processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import State

CLASSES = ("red", "green", "blue")
SECONDS = 120


def coloured_photos(folder: Path, count: int = 8) -> Path:
    """A data set of noise in three colours, `count` photos each."""
    for channel, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng([channel, number]).integers(0, 120, (36, 40, 3), dtype=np.uint8)
            noise[..., channel] += 120
            Image.fromarray(noise).save(folder / name / f"{number}.jpg")
    return folder


def small_config(data: Path, epochs: int = 2, **settings: Any) -> TrainConfig:
    """A training of some milliseconds an epoch."""
    small = {"variant": "cifar_resnet20", "scratch": True, "image_size": 32, "first_size": 32, "batch_size": 8}
    return TrainConfig(**{"data": str(data), "epochs": epochs, "precision": "float32", **small, **settings})


def wait_for(run: Run, *states: State) -> State:
    """Wait until a run is in one of these states."""
    deadline = time.monotonic() + SECONDS
    while (state := run.state()) not in states:
        assert time.monotonic() < deadline, f"{state}: {run.log.path.read_text(encoding='utf-8')[-2000:]}"
        time.sleep(0.02)
    return state


def wait_for_event(run: Run, kind: str, least: int = 1) -> None:
    """Wait until there are so many events of a kind."""
    deadline = time.monotonic() + SECONDS
    while sum(event["kind"] == kind for event in run.events.all()) < least:
        assert time.monotonic() < deadline, f"{run.state()}: {run.log.path.read_text(encoding='utf-8')[-2000:]}"
        time.sleep(0.02)
