"""Twins: a plain network and the residual one that differs from it by its shortcuts alone, on one's own pictures."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_demo.labs import configs, degradation
from resnet_demo.labs.context import Figures, LabContext
from resnet_demo.labs.lab_training import pictures_and_recipe


def run(config: configs.Twins, context: LabContext) -> Iterator[Figures]:
    """The experiment `twins`: both trained from scratch and from the same weights, one after the other."""
    pictures, recipe = pictures_and_recipe(config, context)
    for curves in degradation.compare(
        pictures, (config.depth,), (config.seed,), recipe, context.folder, context.stopped
    ):
        yield {"pictures": pictures.facts(), "curves": [curve.as_dict() for curve in curves]}
