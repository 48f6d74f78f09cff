"""How long a training takes on this machine, from the seconds of its steps (`step_timing`). Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from resnet_demo.texts import text
from resnet_demo.training.memory import EVAL_BATCH, Workload
from resnet_demo.training.presets import PRESETS, RANGE_TEST_STEPS
from resnet_demo.training.progressive_resizing import full_size_steps

START_SECONDS = 8.0
"""What a worker needs to load torch, check the photos and open the weights."""
SUGGESTED_SECONDS, SUGGESTED_SECONDS_GPU = 150.0, 600.0
"""The preset that is suggested is the best of those that take no longer than this; a GPU is worth more patience."""


@dataclass(frozen=True)
class StepTimes:
    """Seconds that parts of a training take on a machine.

    `photo` is for each photo of a step at full size, or with cached features for each view that they are computed of;
    `step` for each step whatever its photos, with cached features for all of it; `evaluation` for each photo that is
    evaluated.
    """

    photo: float
    step: float
    evaluation: float


def seconds(workload: Workload, test: int, times: StepTimes, decoding: float) -> float:
    """How long a training takes from its start to its end.

    Args:
        workload: its settings and photos.
        test: how many of the `others` are test photos.
        times: of its steps.
        decoding: seconds for each photo that is read.
    """
    config, validation = workload.config, workload.others - test
    before = START_SECONDS + decoding * (workload.photos + workload.others)
    steps = steps_per_epoch(workload.photos, config.batch_size)
    tried = RANGE_TEST_STEPS if config.range_test else 0
    if workload.caches_features:
        cached = workload.photos * config.views + validation
        batches = (steps + math.ceil(validation / EVAL_BATCH)) * config.epochs + tried
        learning = times.photo * cached + times.step * batches
    else:
        work = full_size_steps(steps * config.epochs, steps, config.epochs, config.first_size, config.image_size)
        learning = times.photo * workload.photos / steps * (work + tried) + times.step * (steps * config.epochs + tried)
        learning += times.evaluation * validation * config.epochs
    return before + learning + times.evaluation * test


def steps_per_epoch(photos: int, batch_size: int) -> int:
    """How many batches the photos make, as `batch_loader.BatchLoader` makes them."""
    return max(1, min(math.ceil(photos / batch_size), photos // 2))


def suggested(times: Mapping[str, float], device: str) -> str:
    """The preset to suggest, of those whose seconds are known: the best that is soon over, or else the shortest."""
    limit = SUGGESTED_SECONDS if device == "cpu" else SUGGESTED_SECONDS_GPU
    soon = [name for name in PRESETS if name in times and times[name] <= limit]
    return soon[-1] if soon else min(times, key=lambda name: times[name])


def duration_text(taken: float, language: str) -> str:
    """A time as people say it: about so many minutes or hours."""
    minutes = round(taken / 60)
    if minutes < 1:
        return text("train.time.less", language)
    if minutes < 100:
        return text("train.time.minutes", language, minutes=minutes)
    return text("train.time.hours", language, hours=f"{taken / 3600:.1f}".removesuffix(".0"))
