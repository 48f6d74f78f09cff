"""Forecast of a training for the page: the photos in hand, counted, and what it says as HTML."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import Dataset, open_dataset
from resnet_demo.settings import Settings
from resnet_demo.training import training_forecast
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.presets import USUAL_SIZE
from resnet_demo.training.training_forecast import Forecast, Photos
from resnet_demo.ui.components.term import term
from resnet_demo.ui.visitor_context import current_language, say

CACHE_SECONDS = 30
"""For so long a folder is taken to hold what it held: while somebody types, it is not read again for every letter."""


TERMS = {"depth": "trained_layers", "work": "step"}
"""The terms that explain lines of the forecast, by their headings' names."""


def forecast(config: TrainConfig, settings: Settings, *, idle: bool = True) -> Forecast:
    """What these settings come to with these photos on this machine; `idle` says that no other training goes on.

    Raises:
        AppError: the photos cannot be used, or the settings contradict each other.
    """
    photos = photos_of(config, settings)
    decoding = _decoding_seconds(photos.paths, settings)
    return training_forecast.forecast(config, photos, settings, decoding=decoding, idle=idle)


def photos_of(config: TrainConfig, settings: Settings) -> Photos:
    """The photos of the folder that the settings name, counted lately.

    Raises:
        AppError: they cannot be used.
    """
    shares = (config.seed, config.val_share, config.test_share)
    return _counted(config.data, config.reading, settings, *shares, _now())


def as_html(told: Forecast) -> str:
    """The forecast as a list for the page, its details folded."""
    language = current_language()
    return (
        f"<h3>{escape(say('train.forecast.title'))}</h3>{_rows(told.summary(language))}"
        f"<details><summary>{escape(say('train.forecast.details'))}</summary>{_rows(told.details(language))}</details>"
    )


def _rows(told: Sequence[tuple[str, str]]) -> str:
    terms = {say(f"train.forecast.{row}.heading"): name for row, name in TERMS.items()}
    rows = "".join(
        f"<dt>{term(terms[heading], heading) if heading in terms else escape(heading)}</dt><dd>{escape(said)}</dd>"
        for heading, said in told
    )
    return f"<dl>{rows}</dl>"


def _now() -> int:
    return int(time.monotonic() // CACHE_SECONDS)


@lru_cache(maxsize=2)
def _opened(folder: str, reading: Reading, settings: Settings, _time: int) -> Dataset:
    return open_dataset(Path(folder), settings.home, max_pixels=settings.max_pixels, reading=reading)


@lru_cache(maxsize=16)
def _counted(
    folder: str, reading: Reading, settings: Settings, seed: int, val: float, test: float, time: int
) -> Photos:
    config = TrainConfig(folder, seed=seed, val_share=val, test_share=test)
    return Photos.of(_opened(folder, reading, settings, time), config)


@lru_cache(maxsize=16)
def _decoding_seconds(paths: Sequence[Path], settings: Settings) -> float:
    from resnet_demo.training import step_timing  # brings torch

    return step_timing.decoding_seconds(paths, USUAL_SIZE, settings)
