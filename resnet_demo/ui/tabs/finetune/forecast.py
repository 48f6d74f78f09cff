"""What a training would do before it is begun: its settings with nothing left open, its photos and its steps."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from resnet_demo.data.image_folder import Dataset, open_dataset, split
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training import foreseen
from resnet_demo.training.config import Settled, TrainConfig
from resnet_demo.training.foreseen import MemoryForecast
from resnet_demo.ui.tabs.finetune.knobs import shown

LOOK_SECONDS = 30
"""For so long a folder is taken to hold what it held: while somebody types, it is not read again for every letter."""


@dataclass(frozen=True)
class Photos:
    """How many photos there are in each part, and to learn each class from; near duplicates not looked for."""

    train: int
    val: int
    test: int
    per_class: Mapping[str, int]


@dataclass(frozen=True)
class Forecast:
    """Settings with nothing left open, the photos that they were settled for, and the memory if it can be told."""

    settled: Settled
    photos: Photos
    memory: MemoryForecast | None

    @property
    def steps_per_epoch(self) -> int:
        """How many batches the photos make."""
        return math.ceil(self.photos.train / self.settled.batch_size)

    def say(self, language: str) -> list[tuple[str, str]]:
        """What will be done, as headings and sentences."""
        settled = self.settled
        begun = "parent" if settled.parent else "scratch" if settled.scratch else "published"
        network = settled.parent or settled.network
        grows = settled.first_size < settled.image_size
        sentences = {
            "network": text(f"train.forecast.network.{begun}", language, name=network),
            "depth": shown("train_depth", settled.train_depth, language),
            "photos": text(
                "train.forecast.photos",
                language,
                train=f"{self.photos.train:,}",
                val=f"{self.photos.val:,}",
                test=f"{self.photos.test:,}",
            ),
            "work": text(
                "train.forecast.work",
                language,
                epochs=settled.epochs,
                steps=f"{settled.epochs * self.steps_per_epoch:,}",
                batch=settled.batch_size,
            ),
            "size": text(
                "train.forecast.grows" if grows else "train.forecast.size",
                language,
                first=settled.first_size,
                last=settled.image_size,
            ),
            "rate": text(
                "train.forecast.rate",
                language,
                optimiser=shown("optimiser", settled.optimiser, language),
                rate=f"{settled.learning_rate:g}",
            ),
        }
        if self.memory is not None:
            sentences["memory"] = self.memory.say(language)
        return [(text(f"train.forecast.{name}.heading", language), said) for name, said in sentences.items()]


def forecast(config: TrainConfig, settings: Settings, *, idle: bool = True) -> Forecast:
    """What these settings come to with these photos on this machine; `idle` says that no other training goes on.

    Raises:
        AppError: the photos cannot be used, or the settings contradict each other.
    """
    from resnet_demo.engines import pick_device  # brings torch

    photos = _counted(config.data, settings, config.seed, config.val_share, config.test_share, _now())
    variant, start = foreseen.beginning(config, settings)
    settled = config.resolved(photos=photos.train, per_class=photos.per_class, device=pick_device().type, start=start)
    memory = None
    if variant is not None:
        others = photos.val + photos.test
        work = foreseen.work_of(settled, variant, len(photos.per_class), photos.train, others)
        memory = foreseen.memory(work, settings, idle=idle)
    return Forecast(settled, photos, memory)


def as_html(told: Forecast, language: str) -> str:
    """The forecast as a list for the page."""
    rows = "".join(f"<dt>{escape(heading)}</dt><dd>{escape(said)}</dd>" for heading, said in told.say(language))
    return f"<h3>{escape(text('train.forecast.title', language))}</h3><dl>{rows}</dl>"


def _now() -> int:
    return int(time.monotonic() // LOOK_SECONDS)


@lru_cache(maxsize=2)
def _opened(folder: str, settings: Settings, _time: int) -> Dataset:
    return open_dataset(Path(folder), settings.home, max_pixels=settings.max_pixels)


@lru_cache(maxsize=16)
def _counted(folder: str, settings: Settings, seed: int, val: float, test: float, time: int) -> Photos:
    dataset = _opened(folder, settings, time)
    parts = split(dataset, seed, val, test)
    counts = Counter(dataset.photos[index].label for index in parts.train)
    per_class = {name: counts[label] for label, name in enumerate(dataset.classes)}
    return Photos(len(parts.train), len(parts.val), len(parts.test), per_class)
