"""Forecast of a training before it is queued: resolved settings, photos, steps, memory, and the time of each preset.

No weights are opened. Free of torch until something is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_demo.data import file_names
from resnet_demo.data.image_folder import Dataset, split
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training import time_forecast
from resnet_demo.training.config import TRAIN_SETTINGS, ResolvedConfig, TrainConfig
from resnet_demo.training.memory import Workload
from resnet_demo.training.memory_forecast import (
    MemoryForecast,
    device_type,
    forecast_memory,
    starting_point,
    workload_of,
)
from resnet_demo.training.presets import PRESETS


@dataclass(frozen=True)
class Photos:
    """How many photos there are in each part, and to learn each class from; near duplicates not looked for.

    `paths` are those to learn from.
    """

    train: int
    val: int
    test: int
    per_class: Mapping[str, int]
    paths: tuple[Path, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, config: TrainConfig) -> Photos:
        """Those of a data set, split as the settings say.

        Raises:
            AppError: the photos cannot be split.
        """
        parts = split(dataset, config.seed, config.val_share, config.test_share)
        counts = Counter(dataset.photos[index].label for index in parts.train)
        per_class = {name: counts[label] for label, name in enumerate(dataset.classes)}
        paths = tuple(dataset.root / dataset.photos[index].path for index in parts.train)
        return cls(len(parts.train), len(parts.val), len(parts.test), per_class, paths)


@dataclass(frozen=True)
class Forecast:
    """Settings with nothing left open, the photos that they were resolved for, and the memory if it can be told.

    `times` are the seconds of each preset with the other settings as they are, as far as they are known.
    """

    resolved: ResolvedConfig
    photos: Photos
    memory: MemoryForecast | None
    times: Mapping[str, float]

    @property
    def steps_per_epoch(self) -> int:
        """How many batches the photos make."""
        return time_forecast.steps_per_epoch(self.photos.train, self.resolved.batch_size)

    @property
    def suggested(self) -> str | None:
        """The preset to suggest; None as long as not all their times are known."""
        return time_forecast.suggested(self.times, device_type()) if self.times.keys() == PRESETS.keys() else None

    def time_text(self, preset: str, language: str) -> str | None:
        """How long a preset takes here, in words; None as long as that is not known."""
        return time_forecast.duration_text(self.times[preset], language) if preset in self.times else None

    def summary(self, language: str) -> list[tuple[str, str]]:
        """What will be done and how long that takes, as headings and sentences."""
        resolved = self.resolved
        begun = "parent" if resolved.parent else "scratch" if resolved.scratch else "published"
        name = file_names.display_name(Path(resolved.parent).name) if resolved.parent else resolved.network
        taken = self.time_text(resolved.preset, language)
        return _headed(
            {
                "time": text("train.forecast.time", language, time=taken)
                if taken
                else text("train.forecast.time_unknown", language),
                "network": text(f"train.forecast.network.{begun}", language, name=name),
                "depth": TRAIN_SETTINGS["train_depth"].choice_label(resolved.train_depth).say(language),
                "photos": text(
                    "train.forecast.photos",
                    language,
                    train=f"{self.photos.train:,}",
                    val=f"{self.photos.val:,}",
                    test=f"{self.photos.test:,}",
                ),
            },
            language,
        )

    def details(self, language: str) -> list[tuple[str, str]]:
        """The rest, for those who know what it means."""
        resolved = self.resolved
        grows = resolved.first_size < resolved.image_size
        sentences = {
            "work": text(
                "train.forecast.work",
                language,
                epochs=resolved.epochs,
                steps=f"{resolved.epochs * self.steps_per_epoch:,}",
                batch=resolved.batch_size,
            ),
            "size": text(
                "train.forecast.grows" if grows else "train.forecast.size",
                language,
                first=resolved.first_size,
                last=resolved.image_size,
            ),
            "rate": text(
                "train.forecast.rate",
                language,
                optimiser=TRAIN_SETTINGS["optimiser"].choice_label(resolved.optimiser).say(language),
                rate=f"{resolved.learning_rate:g}",
            ),
        }
        if self.memory is not None:
            sentences["memory"] = self.memory.say(language)
        return _headed(sentences, language)


def _headed(sentences: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    return [(text(f"train.forecast.{name}.heading", language), said) for name, said in sentences.items()]


def forecast(
    config: TrainConfig, photos: Photos, settings: Settings, *, decoding: float, idle: bool = True
) -> Forecast:
    """What these settings come to with these photos on this machine; nothing is timed, see `time_presets`.

    Args:
        config: the settings.
        photos: how many there are.
        settings: the data home and the limits.
        decoding: seconds for each photo that is read, see `step_timing.decoding_seconds`.
        idle: that no other training goes on.

    Raises:
        AppError: the settings contradict each other.
    """
    from resnet_demo.training import step_timing

    resolved, workload = _workload(config, photos, settings)
    if workload is None:
        return Forecast(resolved, photos, None, {})
    times = {}
    for name, other in _preset_workloads(config, photos, settings).items():
        found = step_timing.known(other, settings)
        if found is not None:
            times[name] = time_forecast.seconds(other, photos.test, found, decoding)
    return Forecast(resolved, photos, forecast_memory(workload, settings, idle=idle), times)


def time_presets(config: TrainConfig, photos: Photos, settings: Settings) -> None:
    """Time the steps of each preset here, those that are not known yet, for `forecast`; some seconds at most.

    Args:
        config: the other settings.
        photos: how many there are.
        settings: the data home, in which the times are kept.

    Raises:
        AppError: as for `forecast`.
    """
    from resnet_demo.training import step_timing

    for workload in _preset_workloads(config, photos, settings).values():
        step_timing.measure(workload, settings)


def _preset_workloads(config: TrainConfig, photos: Photos, settings: Settings) -> dict[str, Workload]:
    """The workload of each preset with the other settings as they are."""
    made = {name: _workload(replace(config, preset=name), photos, settings)[1] for name in PRESETS}
    return {name: workload for name, workload in made.items() if workload is not None}


def _workload(config: TrainConfig, photos: Photos, settings: Settings) -> tuple[ResolvedConfig, Workload | None]:
    """The resolved settings, and the workload unless the network is not known before it is fetched."""
    variant, start = starting_point(config, settings)
    resolved = config.resolved(photos=photos.train, per_class=photos.per_class, device=device_type(), start=start)
    if variant is None:
        return resolved, None
    return resolved, workload_of(resolved, variant, len(photos.per_class), photos.train, photos.val + photos.test)
