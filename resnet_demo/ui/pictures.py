"""Small pictures inside the page's HTML: nothing on the disk to clear away, and no address that others might guess."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from resnet_demo.data import images
from resnet_demo.data.display import thumbnail
from resnet_demo.data.images import Problem

QUALITY = 82


def as_uri(image: Image.Image) -> str:
    """A picture as a `data:` address, JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def small_uri(path: Path, side: int, max_pixels: int) -> str | None:
    """A photo made no larger than `side` pixels; None where it cannot be read."""
    picture = images.load(path, needed=side, max_pixels=max_pixels)
    return None if isinstance(picture, Problem) else as_uri(thumbnail(picture.image, side))
