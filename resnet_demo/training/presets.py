"""The register of presets: what each chooses for the settings that were not given. Free of torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet_demo.training.config import TrainConfig

DEPTHS = ("head", 1, 2, 3, 4, "all")

USUAL_SIZE = 224
SIZE_STEP = 16
SMALLEST_SIZE = 32
USUAL_BATCH = 32
MIN_STEPS = 8
"""An epoch of fewer steps than this takes smaller batches, as long as they have `MIN_BATCH` photos."""
MIN_BATCH = 8
RANGE_TEST_STEPS = 60
"""At most, before the training."""


@dataclass(frozen=True)
class Start:
    """What a training starts from: fresh weights or not, and the pictures that the network is used to."""

    scratch: bool
    input_size: int = USUAL_SIZE
    crop_mode: str = "crop"


@dataclass(frozen=True)
class PresetValues:
    """A preset's choices: sizes are for a network that is used to 224 pixels, `photos_seen` is epochs times photos."""

    train_depth: str | int
    photos_seen: int
    epochs: tuple[int, int]
    image_size: int
    first_size: int
    augment: float
    mixup: float = 0.0
    cutmix: float = 0.0
    ema: float = 0.0
    views: int = 0


@dataclass(frozen=True)
class Preset:
    """One preset; its texts are `train.setting.preset.<name>` and, for the list of runs, `train.list.preset.<name>`."""

    fine_tuning: PresetValues
    from_scratch: PresetValues

    def values(self, scratch: bool) -> PresetValues:
        """What it chooses for a training from fresh weights, or for any other."""
        return self.from_scratch if scratch else self.fine_tuning


PRESETS = {
    "quick": Preset(
        PresetValues("head", 40_000, (20, 100), 160, 160, augment=0.0, views=1),
        PresetValues("all", 30_000, (10, 60), 96, 64, augment=0.5, ema=0.99),
    ),
    "balanced": Preset(
        PresetValues(3, 5_000, (3, 30), 160, 128, augment=0.4),
        PresetValues("all", 90_000, (20, 200), 128, 64, augment=0.6, mixup=0.2, ema=0.998),
    ),
    "best": Preset(
        PresetValues("all", 20_000, (10, 80), 224, 160, augment=0.6, mixup=0.2, ema=0.998),
        PresetValues("all", 250_000, (50, 500), 160, 64, augment=0.8, mixup=0.2, cutmix=1.0, ema=0.999),
    ),
}
"""Every preset by its name, the quickest first: of those that take little time the last is suggested.

The choices of `--preset` and of the page come from here."""

# Highest learning rate for batches of 32: fine-tuning the head alone, deeper, from scratch.
RATES = {"adamw": (4e-3, 5e-4, 2e-3), "adam": (4e-3, 5e-4, 2e-3), "sgd": (0.1, 0.01, 0.05)}
# AdamW's decay is not scaled by the gradient's size as the others' is (Loshchilov and Hutter 2019): it takes more.
WEIGHT_DECAYS = {"adamw": (0.01, 0.02, 0.05), "adam": (0.0, 1e-5, 1e-5), "sgd": (0.0, 1e-4, 5e-4)}


def chosen_by_preset(config: TrainConfig, *, photos: int, device: str, start: Start, processes: int) -> dict[str, Any]:
    """A value for every setting that `config` leaves open, but for those that only the classes decide."""
    preset = PRESETS[config.preset].values(start.scratch)
    if config.optimiser == "lbfgs":
        return _for_one_fit(config, preset, photos, device, start, processes)
    depth = preset.train_depth if config.train_depth is None else config.train_depth
    kind = 2 if start.scratch else 0 if depth == "head" else 1
    batch_size = config.batch_size or _batch_size(photos, device, processes)
    image_size, first_size = _sizes(config, preset, start.input_size)
    least, most = preset.epochs
    views = config.views if config.views is not None else preset.views if depth == "head" else 0
    if depth != "all" and views:  # what frozen stages make of a photo is kept in one size
        first_size = config.first_size or image_size
    return {
        "train_depth": depth,
        "framing": start.crop_mode,
        "epochs": min(max(math.ceil(preset.photos_seen / max(photos, 1)), least), most),
        "batch_size": batch_size,
        "image_size": image_size,
        "first_size": first_size,
        "views": views,
        "learning_rate": _scaled(RATES[config.optimiser][kind], config.optimiser, batch_size),
        "depth_factor": 0.7 if kind == 1 else 1.0,
        "weight_decay": WEIGHT_DECAYS[config.optimiser][kind],
        "augment": preset.augment,
        "mixup": 0.0 if views else preset.mixup,
        "cutmix": 0.0 if views else preset.cutmix,
        "ema": preset.ema,
    }


def _for_one_fit(
    config: TrainConfig, preset: PresetValues, photos: int, device: str, start: Start, processes: int
) -> dict[str, Any]:
    """The same for the head alone, fitted once to the features of one view of each photo."""
    size = config.image_size or _sizes(config, preset, start.input_size)[0]
    nothing = dict.fromkeys(("weight_decay", "augment", "mixup", "cutmix", "ema"), 0.0)
    return {
        "train_depth": "head",
        "framing": start.crop_mode,
        "epochs": 1,
        "batch_size": config.batch_size or _batch_size(photos, device, processes),
        "image_size": size,
        "first_size": size,
        "views": 1,
        "learning_rate": 1.0,
        "depth_factor": 1.0,
        **nothing,
    }


def _batch_size(photos: int, device: str, processes: int) -> int:
    """What usually suits the devices, together; smaller where there are few photos."""
    usual = processes * (USUAL_BATCH if device == "cpu" else 2 * USUAL_BATCH)
    fitting = 2 ** math.floor(math.log2(max(photos, 1) / MIN_STEPS)) if photos > MIN_STEPS else 1
    return max(MIN_BATCH, min(usual, fitting))


def _scaled(rate: float, optimiser: str, batch_size: int) -> float:
    """With the batch for SGD (Goyal et al. 2017), with its root for Adam (Malladi et al. 2022); two digits."""
    times = batch_size / USUAL_BATCH
    return float(f"{rate * (times if optimiser == 'sgd' else math.sqrt(times)):.2g}")


def _sizes(config: TrainConfig, preset: PresetValues, input_size: int) -> tuple[int, int]:
    """Picture sizes at the end and at the beginning, at the scale that the network is used to."""

    def at_scale(size: int) -> int:
        return max(SMALLEST_SIZE, round(size * input_size / USUAL_SIZE / SIZE_STEP) * SIZE_STEP)

    last = config.image_size or max(at_scale(preset.image_size), config.first_size or 0)
    return last, config.first_size or min(at_scale(preset.first_size), last)
