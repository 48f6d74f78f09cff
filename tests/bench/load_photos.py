"""What visitors bring: photos whose right answers are known and tell them apart, and decompression bombs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import Settings
from tests.conftest import SHARED

FLOWERS = SHARED / "data" / "flower_photos"
APART = 2.0
"""Percentage points by which the answers to any two photos differ in some class."""
CLOSE = 0.6
"""And by which an answer may differ from the right one: it is rounded to 0.1, and an engine may work in 16 bits."""


@dataclass(frozen=True)
class KnownPhoto:
    """A photo's file, and what the model says of it: percent by class."""

    file: str
    percent: dict[str, float]


def known_photos(folder: Path, wanted: int, side: int | None = None) -> list[KnownPhoto]:
    """Photos and their right answers, found here and not by the page: flowers, or drawn ones where there are none.

    Args:
        folder: where drawn photos go.
        wanted: how many at the most; there are fewer if too many look alike to the model.
        side: take drawn photos whatever there is, this many pixels wide and high.
    """
    files = _of_shared(6 * wanted) if FLOWERS.is_dir() and side is None else _drawn(folder, 6 * wanted, side or 400)
    settings = Settings(home=folder / "home")
    classifier = Classifier(open_model(settings.default_model, settings), settings)
    found: list[KnownPhoto] = []
    for file, prediction in zip(files, classifier.classify(files), strict=True):
        percent = {guess.label: 100 * guess.probability for guess in prediction.guesses}
        if percent and all(_furthest(percent, other.percent) > APART for other in found):
            found.append(KnownPhoto(str(file), percent))
    return found[:wanted]


def matches(said: dict[str, float], photo: KnownPhoto) -> bool:
    """Whether an answer, in percent by class, is the right one for this photo."""
    return bool(said) and _furthest(said, photo.percent) <= CLOSE and _best(said) == _best(photo.percent)


def write(photos: Sequence[KnownPhoto], file: Path) -> None:
    """Keep them for another process."""
    file.write_text(json.dumps([asdict(photo) for photo in photos]), encoding="utf-8")


def read(file: Path) -> list[KnownPhoto]:
    """What `write` kept."""
    return [KnownPhoto(**one) for one in json.loads(file.read_text(encoding="utf-8"))]


def bombs(side: int) -> Iterator[tuple[str, bytes]]:
    """Pictures of `side` times `side` pixels in files of some kilobytes, with their names."""
    yield "bomb.webp", _encoded(Image.new("RGB", (side, side), "teal"), "WEBP", lossless=True, method=0)
    yield "bomb.avif", _encoded(Image.new("RGB", (side, side), "teal"), "AVIF", speed=10)
    yield "bomb.tiff", _encoded(Image.new("F", (side, side), 0.5), "TIFF", compression="zstd")


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _of_shared(count: int) -> list[Path]:
    """Photos of all classes, in turn."""
    kinds = [sorted(folder.iterdir()) for folder in sorted(FLOWERS.iterdir()) if folder.is_dir()]
    return [photo for photos in zip(*kinds, strict=False) for photo in photos][:count]


def _drawn(folder: Path, count: int, side: int) -> list[Path]:
    """Rings of petals on a ground, in colours of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        rng = np.random.default_rng(number)
        ground, petal, middle = (tuple(map(int, rng.integers(0, 255, 3))) for _ in range(3))
        picture = Image.new("RGB", (side, side), ground)
        pen = ImageDraw.Draw(picture)
        petals, reach, width = int(rng.integers(3, 24)), rng.uniform(0.2, 0.45) * side, rng.uniform(0.03, 0.15) * side
        for turn in np.linspace(0, 2 * np.pi, petals, endpoint=False):
            x, y = side / 2 + reach * np.cos(turn), side / 2 + reach * np.sin(turn)
            pen.line([(side / 2, side / 2), (x, y)], petal, round(width))
        core = rng.uniform(0.03, 0.2) * side
        pen.ellipse([side / 2 - core, side / 2 - core, side / 2 + core, side / 2 + core], middle)
        files.append(folder / f"{number:04}.jpg")
        picture.save(files[-1], quality=90)
    return files


def _furthest(one: dict[str, float], other: dict[str, float]) -> float:
    return max(abs(one.get(label, 0.0) - other.get(label, 0.0)) for label in {*one, *other})


def _best(percent: dict[str, float]) -> str:
    return max(percent, key=lambda label: percent[label])
