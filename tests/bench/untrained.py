"""Networks with fresh weights: they are as fast as trained ones."""

from __future__ import annotations

from pathlib import Path

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models import saved, variants
from resnet_demo.models.model import Model


def untrained(variant: str, folder: Path) -> Path:
    """The folder of a saved model that sees 224 pixels and knows 1,000 classes."""
    made = Model(
        name=variant,
        variant=variant,
        network=variants.build(variant, classes=1000).eval(),
        labels=tuple(f"class {number}" for number in range(1000)),
        spec=ImageSpec(),
        licence="none",
        origin="made by a test",
    )
    saved.write(made, folder, card="For tests.")
    return folder
