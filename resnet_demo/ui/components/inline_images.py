"""Inline images for the page's HTML (`data:` addresses): no files to delete, and no address that others might guess."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_demo.data import images
from resnet_demo.data.display import thumbnail
from resnet_demo.data.images import Problem

QUALITY = 82

Pixels = npt.NDArray[np.uint8]


def as_uri(image: Image.Image) -> str:
    """A picture as a `data:` address, JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def exact_uri(pixels: Pixels) -> str:
    """Pixels (H, W, 3) as a `data:` address, PNG: each as it is."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def small_uri(path: Path, side: int, max_pixels: int) -> str | None:
    """A photo made no larger than `side` pixels; None where it cannot be read."""
    with images.opened(path, needed=side, max_pixels=max_pixels) as found:
        return None if isinstance(found, Problem) else as_uri(thumbnail(found.image, side))
