"""The pictures that the experiments train on: CIFAR-10, a folder or archive with class folders, or drawn flowers."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from resnet_demo.data import archive, drawn_flowers, images
from resnet_demo.data.file_names import display_name
from resnet_demo.data.image_folder import open_dataset, split
from resnet_demo.data.images import Problem
from resnet_demo.data.preprocessing import ImageSpec, fit, normalise
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import AppError

DRAWN, CIFAR10 = "drawn", "cifar10"
TEST_SHARE = 0.2
"""Of pictures that no folder sets apart for the test."""
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
"""Of CIFAR-10's training pictures, by channel; used for all pictures here."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Small pictures with classes: `train` and `test` are normalised, (N, 3, S, S), their classes (N,)."""

    source: str
    classes: tuple[str, ...]
    train: Tensor
    train_classes: Tensor
    test: Tensor
    test_classes: Tensor

    @property
    def size(self) -> int:
        """Pixels a side."""
        return self.train.shape[-1]

    def facts(self) -> dict[str, Any]:
        """What a result says of them."""
        counts = {"train": len(self.train), "test": len(self.test)}
        return {"source": self.source, "classes": len(self.classes), **counts, "size": self.size}


def open_pictures(source: str, settings: Settings, *, size: int, per_class: int, test_per_class: int) -> Pictures:
    """Pictures of `size` pixels a side, at most so many of each class to train and to test on.

    Of each class the first ones are taken, by name or in CIFAR-10's own order; the rest is left alone.

    Args:
        source: `drawn`; `cifar10`, which torchvision downloads into the data home; or a folder or archive with a
            folder for each class, which may lie in folders `train` and `test`.

    Raises:
        AppError: there is no such folder, it holds no photos in classes, or CIFAR-10 cannot be downloaded.
    """
    if source == DRAWN:
        return _drawn(size, per_class, test_per_class)
    spec = ImageSpec(crop_size=size, resize_size=size, mean=MEAN, std=STD)
    if source == CIFAR10:
        return _cifar10(settings, spec, per_class, test_per_class)
    path = expanded(Path(source))
    if not path.exists():
        raise AppError("lab.problem.no_pictures", path=display_name(source))
    if path.is_dir():
        return _from_folder(path, settings, spec, per_class, test_per_class)
    with tempfile.TemporaryDirectory() as unpacked:
        archive.unpack(path, Path(unpacked))
        return _from_folder(Path(unpacked), settings, spec, per_class, test_per_class, name=path.name)


def _drawn(size: int, per_class: int, test_per_class: int) -> Pictures:
    """Flowers of `data.drawn_flowers`: the first numbers of each kind for training, the next for the test."""

    def draw(numbers: Iterable[int]) -> tuple[list[Pixels], list[int]]:
        pairs = [(kind, number) for number in numbers for kind in range(len(drawn_flowers.KINDS))]
        drawn = [np.asarray(drawn_flowers.draw(drawn_flowers.KINDS[kind], number, size)) for kind, number in pairs]
        return drawn, [kind for kind, _ in pairs]

    parts = draw(range(per_class)), draw(range(per_class, per_class + test_per_class))
    return _pictures(DRAWN, drawn_flowers.KINDS, *parts)


def _cifar10(settings: Settings, spec: ImageSpec, per_class: int, test_per_class: int) -> Pictures:
    from torchvision import datasets

    root = settings.home / "downloads" / "cifar10"
    try:
        parts = [datasets.CIFAR10(root, train=train, download=True) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        raise AppError("lab.problem.cifar10", reason=str(error)) from error
    chosen = []
    for dataset, most in zip(parts, (per_class, test_per_class), strict=True):
        kept = _first_of_each(dataset.targets, most)
        pixels = [fit(Image.fromarray(dataset.data[index]), spec, "crop") for index in kept]
        chosen.append((pixels, [dataset.targets[index] for index in kept]))
    return _pictures(CIFAR10, tuple(parts[0].classes), *chosen)


def _from_folder(
    folder: Path, settings: Settings, spec: ImageSpec, per_class: int, test_per_class: int, name: str | None = None
) -> Pictures:
    dataset = open_dataset(folder, settings.home, max_pixels=settings.max_pixels)
    parts = split(dataset, seed=0, val=0, test=TEST_SHARE)
    chosen = []
    for indices, most in ((parts.train, per_class), (parts.test, test_per_class)):
        kept = _first_of_each([dataset.photos[index].label for index in indices], most)
        photos = [dataset.photos[indices[index]] for index in kept]
        read = [(images.load(dataset.root / photo.path, needed=spec.crop_size), photo.label) for photo in photos]
        good = [(picture, label) for picture, label in read if not isinstance(picture, Problem)]
        pixels = [fit(picture.image, spec, "crop", picture.size) for picture, _ in good]
        chosen.append((pixels, [label for _, label in good]))
    return _pictures(name or dataset.name, dataset.classes, *chosen)


def _first_of_each(classes: Iterable[int], most: int) -> list[int]:
    """The positions of the first `most` of each class, in order."""
    seen: defaultdict[int, int] = defaultdict(int)
    kept = []
    for position, label in enumerate(classes):
        seen[label] += 1
        if seen[label] <= most:
            kept.append(position)
    return kept


def _pictures(
    source: str, classes: tuple[str, ...], train: tuple[list[Pixels], list[int]], test: tuple[list[Pixels], list[int]]
) -> Pictures:
    (train_pixels, train_classes), (test_pixels, test_classes) = train, test
    return Pictures(
        source, classes, _normalised(train_pixels), torch.tensor(train_classes),
        _normalised(test_pixels), torch.tensor(test_classes),
    )  # fmt: skip


def _normalised(pixels: list[Pixels]) -> Tensor:
    return normalise(torch.from_numpy(np.stack(pixels)), ImageSpec(mean=MEAN, std=STD))
