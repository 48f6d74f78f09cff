"""Classes that look like each other's mirror image, such as arrows to the left and to the right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_demo.data.image_folder import Dataset
from resnet_demo.data.images import Picture, opened
from resnet_demo.settings import Settings

PER_CLASS = 40
MOST_PHOTOS = 1_000
FEWEST = 4
"""Photos of a class: with fewer nothing can be told."""
MOST_PAIRS = 2_000
SHARE = 0.8
"""Of the photos of two classes: so many look like their own class, and mirrored like the other one."""

_SIDE = 32
_BINS = 16

Features = npt.NDArray[np.float32]
"""(N, D): the nearer, the more alike."""


def mirror_twins(dataset: Dataset, *, max_pixels: int = Settings.max_pixels) -> list[tuple[str, str]]:
    """The pairs of classes that are each other's mirror image, judged by some photos of each at 32x32 pixels.

    Of such a pair the nearest other photo is of the same class for most photos, and of the other class once they are
    mirrored. What "near" means is asked twice: by the pixels, for photos in which all is in its place, and by the
    directions of edges, for those in which it is not.

    Args:
        dataset: of which at most `PER_CLASS` photos of a class are decoded, and `MOST_PHOTOS` in all.
        max_pixels: as for `images.load`.
    """
    pictures = {label: found for label, found in _thumbnails(dataset, max_pixels) if len(found) >= FEWEST}
    pairs = list(combinations(sorted(pictures), 2))[:MOST_PAIRS]
    twins: set[tuple[int, int]] = set()
    for features in (_pixels, _edges):
        plain = {label: features(found) for label, found in pictures.items()}
        mirrored = {label: features(found[:, :, ::-1]) for label, found in pictures.items()}
        twins |= {pair for pair in pairs if _are_twins(plain, mirrored, pair)}
    return [(dataset.classes[a], dataset.classes[b]) for a, b in sorted(twins)]


def _are_twins(plain: Mapping[int, Features], mirrored: Mapping[int, Features], pair: tuple[int, int]) -> bool:
    own, other = [], []
    for a, b in (pair, pair[::-1]):
        own.append(_distances(plain[a], plain[a], apart=True) < _distances(plain[a], plain[b]))
        other.append(_distances(mirrored[a], plain[b]) < _distances(mirrored[a], plain[a]))
    return all(float(found.mean()) >= SHARE for found in (*own, *other))


def _distances(these: Features, those: Features, *, apart: bool = False) -> Features:
    """From each of `these` to the nearest of `those`, (N,); `apart` where these are the same, and none is its own."""
    squares = (these**2).sum(axis=1)[:, None] + (those**2).sum(axis=1)[None] - 2 * these @ those.T
    if apart:
        np.fill_diagonal(squares, np.inf)
    nearest: Features = squares.min(axis=1)
    return nearest


def _thumbnails(dataset: Dataset, max_pixels: int) -> Iterator[tuple[int, Features]]:
    """Each class with some of its photos, spread over all of them, in grey and squashed: (N, 32, 32)."""
    members: dict[int, list[str]] = defaultdict(list)
    for photo in dataset.photos:
        members[photo.label].append(photo.path)
    most = min(PER_CLASS, MOST_PHOTOS // max(len(members), 1))
    for label, paths in members.items():
        step = max(1, len(paths) / max(most, 1))
        chosen = [paths[int(number * step)] for number in range(min(most, len(paths)))]
        found = []
        for path in chosen if most >= FEWEST else ():
            with opened(dataset.root / path, needed=_SIDE, max_pixels=max_pixels) as picture:
                if isinstance(picture, Picture):
                    small = picture.image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
                    found.append(np.asarray(small, np.float32))
        yield label, np.array(found, np.float32).reshape(-1, _SIDE, _SIDE)


def _pixels(pictures: Features) -> Features:
    """The pixels, without what light and contrast make of them."""
    return _normalised(pictures.reshape(len(pictures), -1))


def _edges(pictures: Features) -> Features:
    """How strong edges of each direction are, in the picture as a whole (Dalal and Triggs 2005, with one cell)."""
    down, across = np.gradient(pictures, axis=(1, 2))
    bins = ((np.arctan2(down, across) / (2 * np.pi) + 0.5) * _BINS).astype(np.int64) % _BINS
    strength = np.hypot(down, across)
    counts = [(strength * (bins == number)).sum(axis=(1, 2)) for number in range(_BINS)]
    return _normalised(np.sqrt(np.stack(counts, axis=1)))


def _normalised(rows: Features) -> Features:
    rows = rows - rows.mean(axis=1, keepdims=True)
    found: Features = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)).astype(np.float32)
    return found
