"""Feature maps: what each channel of a stage or block makes of a photo, which of them count, and the stem's filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from resnet_demo.explain.activations import Pass
from resnet_demo.explain.targets import Target
from resnet_demo.models.resnet import ResNet, stage_name
from resnet_demo.plots import colours

Maps = npt.NDArray[np.float32]
Order = Literal["strongest", "varied", "target"]
"""Ways to rank channels: by mean size, by how much they vary from place to place, by what they do for a target."""
GREY = 128


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The channels of a layer for one photo: `values` (C, h, w).

    `contributions` (C,) are gradient times activation, summed over places, for what was asked about, a class's logit
    say: to first order what it would lose without the channel (Molchanov et al. 2017, section 2.2; here with the sign).
    None where nothing was asked.
    """

    layer: str
    values: Maps
    contributions: Maps | None = None

    def scores(self, order: Order) -> Maps:
        """What channels are ranked by, (C,): mean of |value|, standard deviation, or contribution."""
        if order == "target":
            if self.contributions is None:
                raise ValueError("these maps were made without a target")
            return self.contributions
        sizes = np.abs(self.values).mean(axis=(1, 2)) if order == "strongest" else self.values.std(axis=(1, 2))
        return np.asarray(sizes, dtype=np.float32)

    def best(self, order: Order, count: int) -> list[int]:
        """The channels that come first, at most `count`; a contribution against counts like one in favour."""
        return [int(channel) for channel in np.argsort(-np.abs(self.scores(order)), kind="stable")[:count]]


def feature_maps(network: ResNet, image: Tensor, layer: str, target: Target | None = None) -> FeatureMaps:
    """The channels that leave the stem, a stage or a block, and what they contribute to what is asked about.

    Args:
        network: in evaluation mode, with norms folded or not; it is left as it was.
        image: normalised, (1, 3, H, W), on the network's device.
        layer: `stage3`, `stage3.1`, torchvision's `layer3.1`, or `stem`.
        target: what `contributions` are to, such as a class; they cost one gradient, computed down to the layer only.

    Raises:
        AppError: there is no such layer; the sentence gives the choices.
    """
    if target is None:
        with torch.no_grad():
            return FeatureMaps(stage_name(layer), _numbers(network.forward_to(layer, image)[0]))
    run = Pass(network, image, layer, [target], differentiable=True)
    (gradient,) = run.gradients()
    contributions = (gradient * run.activations).sum(dim=(0, 2, 3))
    return FeatureMaps(stage_name(layer), _numbers(run.activations[0]), _numbers(contributions))


def _numbers(values: Tensor) -> Maps:
    return np.asarray(values.float().cpu().numpy(), dtype=np.float32)


def tiles(maps: Maps) -> colours.Colours:
    """Maps (n, h, w) -> pictures (n, h, w, 3), each on a scale of its own, for its pattern.

    Black is zero; where any of the maps goes below zero, white is.
    """
    most = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return colours.paint(maps / np.where(most > 0, most, 1), 1.0)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Many tiles as one picture (H, W, 3), row by row; every `cell` pixels begins another tile."""

    picture: colours.Colours
    cell: int
    columns: int
    count: int

    def tile_at(self, x: int, y: int) -> int | None:
        """Which tile is at a pixel of the picture; None where there is none."""
        number = y // self.cell * self.columns + x // self.cell
        inside = 0 <= x < self.columns * self.cell and 0 <= number < self.count
        return number if inside else None


def sheet(pictures: colours.Colours, columns: int, side: int) -> Sheet:
    """Tiles (n, h, w, 3) -> one picture of them, each enlarged by a whole number to at least `side` pixels.

    Tiles are a grey pixel apart.
    """
    count, height, width, _ = pictures.shape
    times = max(1, -(-side // max(height, width)))
    cell = max(height, width) * times + 1
    rows = -(-count // columns)
    cells = np.full((rows * columns, cell, cell, 3), GREY, dtype=np.uint8)
    cells[:count, : height * times, : width * times] = pictures.repeat(times, axis=1).repeat(times, axis=2)
    picture = cells.reshape(rows, columns, cell, cell, 3).swapaxes(1, 2).reshape(rows * cell, columns * cell, 3)
    return Sheet(picture, cell, columns, count)


def stem_filters(network: ResNet) -> colours.Colours:
    """The first convolution's filters as pictures (C, k, k, 3): red, green and blue are the weights of that colour.

    Mid-grey is zero; each filter has a scale of its own, from minus its largest weight to plus it.
    They are to be read before norms are folded, which may turn a filter's sign.
    """
    weights = network.conv1.weight.detach().permute(0, 2, 3, 1).float().cpu().numpy()
    most = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    shares = weights / np.where(most > 0, most, 1) / 2 + 0.5
    return (shares * 255).round().astype(np.uint8)
