"""Pictures drawn by code for tests of data sets: each number another picture, and no two alike."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def draw(number: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Blurred patches of colour, (width, height) pixels."""
    patches = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def jpeg(number: int, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """The bytes of a JPEG file."""
    return encoded(draw(number, size), "JPEG", **options)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    """Lay files below `root`, and give it back."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def flowers(each: int = 4, classes: tuple[str, ...] = ("daisy", "tulips")) -> dict[str, bytes]:
    """A small data set: `each` photos a class."""
    return {
        f"{name}/{number}.jpg": jpeg(1_000 * label + number)
        for label, name in enumerate(classes)
        for number in range(each)
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, as `write` takes them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
