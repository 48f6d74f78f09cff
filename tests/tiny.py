"""Small models and pictures for tests: real networks and real files, quick on any machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models import saved, variants
from resnet_demo.models.model import Model

LABELS = ("daisy", "rose", "tulip", "sunflower", "郁金香 <b>")


def tiny_model(variant: str = "cifar_resnet20", seed: int = 0) -> Model:
    """A network with fresh weights that sees 32 pixels and knows five classes."""
    torch.manual_seed(seed)
    return Model(
        name=f"tiny-{variant}",
        variant=variant,
        network=variants.build(variant, classes=len(LABELS)).eval(),
        labels=LABELS,
        spec=ImageSpec(crop_size=32, resize_size=36),
        licence="none",
        origin="made by a test",
    )


def saved_tiny_model(folder: Path) -> Path:
    """The folder, with a saved model in it that was not there before."""
    saved.write(tiny_model(), folder, card="A model for tests.")
    return folder


def photos(folder: Path, count: int, size: tuple[int, int] = (48, 40)) -> list[Path]:
    """`count` different JPEG files of coloured noise."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
        paths.append(folder / f"{number:04}.jpg")
        Image.fromarray(noise).resize(size).save(paths[-1], quality=90)
    return paths
