"""Conversion of decoded pixels of any mode to 8-bit RGB, part by part to save memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

PART_PIXELS = 1 << 18
"""Pixels converted at a time: a few megabytes, whatever the size of the picture."""


def as_rgb(image: Image.Image) -> Image.Image:
    """The decoded picture in 8-bit RGB on white; the same object if it is 8-bit RGB already.

    Grey values of 16 or 32 bits, integer or float, are scaled to 8 bits. Only in 16 bits the value of white is known.
    Otherwise it is the smallest of 1, 255 and 65535 that the brightest pixel exceeds by no more than the overshoot of a
    resampling filter, or else the brightest pixel.
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    white = _white(image) if _is_deep(image) else 0.0
    if image.width * image.height <= PART_PIXELS:
        return _converted(image, white)
    rgb = Image.new("RGB", image.size)
    for box in _parts(image.size):
        rgb.paste(_converted(image.crop(box), white), box)
    return rgb


def _parts(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of at most PART_PIXELS that cover a picture: rows, or parts of a row that is longer."""
    width, height = size
    across = min(width, PART_PIXELS)
    down = max(1, PART_PIXELS // across)
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield left, top, min(left + across, width), min(top + down, height)


def _converted(part: Image.Image, white: float) -> Image.Image:
    if _is_deep(part):
        values = _values(part)
        values *= 255 / white
        part = Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
    elif part.has_transparency_data:
        part = part if part.mode == "RGBA" else part.convert("RGBA")
        ground = Image.new("RGB", part.size, "white")
        ground.paste(part, mask=part)
        return ground
    return part.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    return image.mode in {"F", "I"} or image.mode.startswith("I;16")


def _white(image: Image.Image) -> float:
    if image.mode.startswith("I;16"):
        return 65535.0
    peak = max(float(_values(image.crop(box)).max()) for box in _parts(image.size))
    return next((usual for usual in (1.0, 255.0, 65535.0) if peak <= 1.25 * usual), peak)


def _values(image: Image.Image) -> npt.NDArray[np.float32]:
    """The pixel values, with 0 in place of NaN and infinity."""
    return np.nan_to_num(np.array(image, dtype=np.float32), posinf=0, neginf=0)
