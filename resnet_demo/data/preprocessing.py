"""Preprocessing: what input a network expects, and the one place outside training that resizes and crops for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_demo.texts import AppError

if TYPE_CHECKING:
    import torch

CropMode = Literal["crop", "whole"]
"""The network's input: what it was trained on, mostly the centre crop; or the whole picture squashed to a square."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_TIMM_DEFAULTS: Mapping[str, Any] = {
    "input_size": (3, 224, 224),
    "crop_pct": 0.875,
    "crop_mode": "center",
    "interpolation": "bicubic",
    "mean": IMAGENET_MEAN,
    "std": IMAGENET_STD,
}
"""Defaults of timm's `resolve_data_config`."""

_TIMM_CROP_MODES: Mapping[CropMode, str] = {"crop": "center", "whole": "squash"}
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_MAX_SIZE = 1024
"""Pixels a side: the limit for a model's file, so that it cannot exhaust the memory."""


@dataclass(frozen=True)
class ImageSpec:
    """The preprocessing that a network was trained with.

    The shorter side is resized to `resize_size` pixels, then the centre crop of `crop_size` x `crop_size` is taken;
    `mean` and `std` are those of red, green and blue, between 0 and 1. With the `crop_mode` "whole" there is no crop:
    the whole picture is squashed to `crop_size` x `crop_size`, which `resize_size` is then, too.

    Raises:
        AppError: an invalid value; a saved model's file may hold anything.
    """

    crop_size: int = 224
    resize_size: int = 256
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    crop_mode: CropMode = "crop"

    def __post_init__(self) -> None:
        _require(_side(self.crop_size), "crop_size", self.crop_size)
        _require(_side(self.resize_size) and self.resize_size >= self.crop_size, "resize_size", self.resize_size)
        _require(_three(self.mean, -10, 10), "mean", self.mean)
        _require(_three(self.std, 1e-6, 10), "std", self.std)
        _require(self.interpolation in tuple(_FILTERS), "interpolation", self.interpolation)
        without_crop = self.crop_mode == "whole" and self.resize_size == self.crop_size
        _require(self.crop_mode == "crop" or without_crop, "crop_mode", self.crop_mode)

    def to_json(self) -> dict[str, Any]:
        """Every entry by name, as JSON has it, but for the usual `crop_mode`, which earlier versions do not know."""
        entries = asdict(self)
        if self.crop_mode == "crop":
            del entries["crop_mode"]
        return entries

    def to_timm(self) -> dict[str, Any]:
        """The entries of timm's `pretrained_cfg`."""
        crop_pct = self.crop_size / self.resize_size
        if math.floor(self.crop_size / crop_pct) < self.resize_size:
            crop_pct = math.nextafter(crop_pct, 0.0)  # timm rounds the quotient down
        return {
            "input_size": [3, self.crop_size, self.crop_size],
            "crop_pct": crop_pct,
            "crop_mode": _TIMM_CROP_MODES[self.crop_mode],
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_timm(cls, pretrained_cfg: Mapping[str, Any]) -> ImageSpec:
        """Read timm's `pretrained_cfg` as timm does by default.

        Raises:
            AppError: an entry is invalid or not supported (anything but three channels, a square, and a centre crop or
                the whole picture squashed).
        """
        entries = {**_TIMM_DEFAULTS, **{name: value for name, value in pretrained_cfg.items() if value}}
        size, crop_pct, crop_mode = entries["input_size"], entries["crop_pct"], entries["crop_mode"]
        square = isinstance(size, list | tuple) and len(size) == 3 and size[0] == 3 and size[1] == size[2]
        _require(square and _side(size[1]), "input_size", size)
        _require(_number(crop_pct) and 1 / _MAX_SIZE <= crop_pct <= 1, "crop_pct", crop_pct)
        ours = next((name for name, timms in _TIMM_CROP_MODES.items() if timms == crop_mode), None)
        _require(ours is not None and (ours == "crop" or crop_pct == 1), "crop_mode", crop_mode)
        mean, std = entries["mean"], entries["std"]
        return cls(
            crop_size=size[1],
            resize_size=math.floor(size[1] / crop_pct),
            mean=tuple(mean) if isinstance(mean, list) else mean,
            std=tuple(std) if isinstance(std, list) else std,
            interpolation=entries["interpolation"],
            crop_mode=ours or "crop",
        )


def _require(condition: bool, name: str, value: object) -> None:
    if not condition:
        raise AppError("preprocessing.bad_spec", name=name, value=repr(value)[:80])


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_SIZE


def _three(values: object, low: float, high: float) -> bool:
    """Whether these are three numbers between `low` and `high`; NaN is not."""
    if not isinstance(values, tuple) or len(values) != 3:
        return False
    return all(_number(value) and low <= value <= high for value in values)


def seen_box(size: tuple[int, int], spec: ImageSpec, crop_mode: CropMode) -> tuple[float, float, float, float]:
    """The box of the network's input: (left, top, right, bottom) in pixels of the upright original.

    `size` is (width, height). The crop is the one that torchvision's Resize and CenterCrop take, with their
    rounding of the resized sides and of the margins.
    """
    width, height = size
    if "whole" in (crop_mode, spec.crop_mode):
        return 0.0, 0.0, float(width), float(height)
    shorter = min(width, height)
    left, right = _seen_span(width, shorter, spec)
    top, bottom = _seen_span(height, shorter, spec)
    return left, top, right, bottom


def _seen_span(length: int, shorter: int, spec: ImageSpec) -> tuple[float, float]:
    """Start and end of the crop along a side of `length` pixels."""
    resized = int(spec.resize_size * length / shorter)
    start = round((resized - spec.crop_size) / 2)
    return start * length / resized, (start + spec.crop_size) * length / resized


def fit(
    image: Image.Image, spec: ImageSpec, crop_mode: CropMode, size: tuple[int, int] | None = None
) -> npt.NDArray[np.uint8]:
    """Resize and crop an 8-bit RGB picture: the centre crop (crop_size, crop_size, 3), or the whole picture.

    A network that was trained on whole pictures is given these in any case. The whole picture is squashed to
    (resize_size, resize_size, 3), so that objects are about as large as in the
    crop: at crop_size, four fewer of 60 ImageNet photos were classified correctly.

    Only the pixels of the result are computed, however long the picture is. They equal those of torchvision's
    Resize (antialiased) and CenterCrop up to rounding: a few differ by one level, very few by two.

    Args:
        image: the picture, upright.
        spec: the network's preprocessing.
        crop_mode: the centre crop or the whole picture.
        size: (width, height) of the original if `image` was decoded at a half, a quarter or an eighth of
            its scale: the crop is then placed as on the original, to a fraction of a pixel.
    """
    size = size or image.size
    scale = round(max(size) / max(image.size))
    left, top, right, bottom = (edge / scale for edge in seen_box(size, spec, crop_mode))
    side = spec.resize_size if "whole" in (crop_mode, spec.crop_mode) else spec.crop_size
    return np.array(image.resize((side, side), _FILTERS[spec.interpolation], (left, top, right, bottom)))


def normalise(pixels: torch.Tensor, spec: ImageSpec, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Pictures (N, H, W, 3), uint8 -> (N, 3, H, W), channels-last in memory, on the same device.

    Each channel has its mean subtracted and is divided by its standard deviation, in float32; `dtype` is that of
    the result, float32 if absent.
    """
    import torch

    n, height, width, channels = pixels.shape
    # As rows of numbers: five times as fast on a CPU as the same sum over groups of three.
    mean = (torch.tensor(spec.mean, device=pixels.device) * 255).repeat(width)
    std = (torch.tensor(spec.std, device=pixels.device) * 255).repeat(width)
    rows = pixels.reshape(n, height, width * channels).to(torch.float32).sub_(mean).div_(std)
    return rows.view(n, height, width, channels).permute(0, 3, 1, 2).to(dtype or torch.float32)
