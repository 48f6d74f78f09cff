"""A small data set drawn by code and runs made from it: real folders, quick to learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnet_demo.settings import Settings
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import facts_of
from resnet_demo.training.events import Event
from resnet_demo.training.run import Run

CLASSES = {"red": (200, 60, 50), "grün": (60, 190, 60), "blue <b>": (60, 70, 200)}


def draw_photos(folder: Path, per_class: int = 16, size: tuple[int, int] = (40, 36), first: int = 0) -> Path:
    """A class folder for each colour, with photos of it under noise that no two have in common, from the `first` on."""
    for label, (name, colour) in enumerate(CLASSES.items()):
        (folder / name).mkdir(parents=True)
        for number in range(first, first + per_class):
            draw = np.random.default_rng([label, number])
            noise = draw.normal(0, 60, (size[1] // 4, size[0] // 4, 3))
            pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize(size).save(folder / name / f"{number:03}.png")
    return folder


def settings_in(folder: Path) -> Settings:
    """Settings whose data home is in `folder`."""
    return Settings(home=folder / "home")


SMALL = TrainConfig(
    "photos",
    variant="cifar_resnet20",
    scratch=True,
    epochs=3,
    batch_size=8,
    image_size=32,
    seed=1,
    ema=0.0,
    mixup=0.0,
    precision="float32",
)


def make_run(folder: Path, name: str = "run", **overrides: Any) -> Run:
    """A run over drawn photos in `folder`, queued; `overrides` are settings other than those of `SMALL`."""
    photos = folder / "photos"
    if not photos.exists():
        draw_photos(photos)
    config = replace(SMALL, data=str(photos), **overrides)
    return Run.create(folder / "home", config, facts_of(config, settings_in(folder)), folder=folder / name)


def events_of(run: Run, kind: str) -> list[Event]:
    """The run's events of one kind."""
    return [event for event in run.events.all() if event["kind"] == kind]
