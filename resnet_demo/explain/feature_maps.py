"""Feature maps: the channels of a stage or block for one photo, ranked, and the filters of the stem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from resnet_demo.explain.activations import ForwardPass
from resnet_demo.explain.targets import Target
from resnet_demo.models.resnet import ResNet, stage_name
from resnet_demo.plots import colour_maps

Maps = npt.NDArray[np.float32]
Order = Literal["strongest", "varied", "target"]
"""Rankings of channels: by mean absolute activation, by standard deviation, by contribution to a target."""
GREY = 128


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The channels of a layer for one photo: `values` (C, h, w).

    `contributions` (C,) are gradient times activation, summed over positions, for a target such as a class's logit: to
    first order the target's drop without the channel (Molchanov et al. 2017, section 2.2; here with the sign). None
    without a target.
    """

    layer: str
    values: Maps
    contributions: Maps | None = None

    def scores(self, order: Order) -> Maps:
        """The values that channels are ranked by, (C,): mean of |value|, standard deviation, or contribution."""
        if order == "target":
            if self.contributions is None:
                raise ValueError("these maps were made without a target")
            return self.contributions
        sizes = np.abs(self.values).mean(axis=(1, 2)) if order == "strongest" else self.values.std(axis=(1, 2))
        return np.asarray(sizes, dtype=np.float32)

    def best(self, order: Order, count: int) -> list[int]:
        """At most `count` channels, the highest-ranked first; contributions are ranked by absolute value."""
        return [int(channel) for channel in np.argsort(-np.abs(self.scores(order)), kind="stable")[:count]]


def feature_maps(network: ResNet, image: Tensor, layer: str, target: Target | None = None) -> FeatureMaps:
    """The output channels of the stem, a stage or a block, and their contributions to a target.

    Args:
        network: in evaluation mode, with norms folded or not; it is not changed.
        image: normalised, (1, 3, H, W), on the network's device.
        layer: `stage3`, `stage3.1`, torchvision's `layer3.1`, or `stem`.
        target: what `contributions` refer to, such as a class; they take one backward pass, down to the layer only.

    Raises:
        AppError: there is no such layer; the message lists the choices.
    """
    if target is None:
        with torch.no_grad():
            return FeatureMaps(stage_name(layer), _numbers(network.forward_to(layer, image)[0]))
    run = ForwardPass(network, image, layer, [target], differentiable=True)
    (gradient,) = run.gradients()
    contributions = (gradient * run.activations).sum(dim=(0, 2, 3))
    return FeatureMaps(stage_name(layer), _numbers(run.activations[0]), _numbers(contributions))


def _numbers(values: Tensor) -> Maps:
    return np.asarray(values.float().cpu().numpy(), dtype=np.float32)


def tiles(maps: Maps) -> colour_maps.Colours:
    """Maps (n, h, w) -> pictures (n, h, w, 3), each on its own scale.

    Zero is black or, if any of the maps has negative values, white.
    """
    most = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return colour_maps.paint(maps / np.where(most > 0, most, 1), 1.0)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Many tiles as one picture (H, W, 3), row by row, so many in a row."""

    picture: colour_maps.Colours
    columns: int


def sheet(pictures: colour_maps.Colours, columns: int) -> Sheet:
    """Tiles (n, h, w, 3) -> one picture; a grey line of one pixel separates the tiles."""
    count, height, width, _ = pictures.shape
    cell = max(height, width) + 1
    rows = -(-count // columns)
    cells = np.full((rows * columns, cell, cell, 3), GREY, dtype=np.uint8)
    cells[:count, :height, :width] = pictures
    picture = cells.reshape(rows, columns, cell, cell, 3).swapaxes(1, 2).reshape(rows * cell, columns * cell, 3)
    return Sheet(picture, columns)


def stem_filters(network: ResNet) -> colour_maps.Colours:
    """The first convolution's filters as pictures (C, k, k, 3): red, green and blue are the weights of these channels.

    Mid-grey is zero; each filter has its own scale, from minus to plus its largest absolute weight. The network's norms
    must not be folded, which may change the sign of a filter.
    """
    weights = network.conv1.weight.detach().permute(0, 2, 3, 1).float().cpu().numpy()
    most = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    shares = weights / np.where(most > 0, most, 1) / 2 + 0.5
    return (shares * 255).round().astype(np.uint8)
