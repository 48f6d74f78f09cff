"""The parts of a block for one photo: shortcut, residual, sum and output; and the ratio ‖F(x)‖ / ‖x‖ of each block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from resnet_demo.models.blocks import ResidualBlock
from resnet_demo.models.resnet import Block, ResNet, stage_name
from resnet_demo.plots import colour_maps
from resnet_demo.texts import AppError

Maps = npt.NDArray[np.float32]

PARTS = ("shortcut", "residual", "total", "output")
"""x, F(x), their sum, and the block's output."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of one block for one photo: `values` (4, C, h, w), in the order of `PARTS`."""

    name: str
    values: Maps

    def maps(self, channel: int | None = None) -> Maps:
        """One channel of each part, or the mean of all channels: (4, h, w).

        The first two add up to the third; the fourth is the ReLU of the third in single channels only.
        """
        chosen: Maps = self.values.mean(axis=1) if channel is None else self.values[:, channel]
        return chosen

    def pictures(self, channel: int | None = None) -> colour_maps.Colours:
        """The four maps in colours on one scale, (4, h, w, 3); white is zero."""
        maps = self.maps(channel)
        return colour_maps.diverging(maps, limit=float(np.abs(maps).max()))

    def busiest_channels(self, count: int) -> list[int]:
        """The channels with the largest norm of F(x), the largest first."""
        norms = np.linalg.norm(self.values[PARTS.index("residual")], axis=(1, 2))
        return [int(channel) for channel in np.argsort(-norms, kind="stable")[:count]]


def block_named(network: ResNet, name: str) -> tuple[str, Block]:
    """The name and the block for either of its names (`stage3.1`, `layer3.1`).

    Raises:
        AppError: there is no such block; the message lists the choices.
    """
    network.layer(name)
    name = stage_name(name)
    blocks = network.blocks()
    if name not in blocks:
        inside = [block for block in blocks if block.startswith(f"{name}.")]
        raise AppError("explain.blocks.a_stage", name=name, first=inside[0], last=inside[-1])
    return name, blocks[name]


def residual_block_named(network: ResNet, name: str) -> tuple[str, ResidualBlock]:
    """The same for a block with a shortcut.

    Raises:
        AppError: there is no such block, or it is a plain one.
    """
    name, block = block_named(network, name)
    if not block.has_shortcut:
        raise AppError("explain.blocks.plain", name=name)
    return name, block


def channels_in(block: Block) -> int:
    """The number of input channels of a block."""
    return _convolutions(block)[0].in_channels


def stride(layers: nn.Module) -> int:
    """The factor by which a block, or a single convolution, reduces height and width."""
    return max(conv.stride[0] for conv in _convolutions(layers))


def _convolutions(layers: nn.Module) -> list[nn.Conv2d]:
    """The convolutions in the order of their definition; in every kind of block the first reads the block's input."""
    return [module for module in layers.modules() if isinstance(module, nn.Conv2d)]


@torch.no_grad()
def parts(network: ResNet, image: Tensor, name: str) -> Parts:
    """The four parts of a block for one photo.

    Args:
        network: in evaluation mode, with norms folded or not; it is not changed.
        image: normalised, (1, 3, H, W), on the network's device.
        name: the block's name.

    Raises:
        AppError: there is no such block, or it is a plain one, which has no residual.
    """
    name, block = residual_block_named(network, name)
    names = list(network.blocks())
    x = network.forward_to(["stem", *names][names.index(name)], image)
    residual, shortcut = block.residual(x), block.shortcut(x)
    total = residual + shortcut
    output = block.activation(total.clone())  # of a network with norms folded, a ReLU overwrites what it reads
    values = torch.cat([shortcut, residual, total, output])
    return Parts(name, values.float().cpu().numpy())


@torch.no_grad()
def ratios(network: ResNet, images: Tensor) -> dict[str, float]:
    """‖F(x)‖ / ‖x‖ of every block, averaged over the photos.

    Both norms are over all channels and positions of one photo; x is the shortcut's output: the projected x where the
    shape changes, and (1 - T(x)) x in a Highway network, where F(x) is T(x) H(x). He et al. 2016, figure 7, shows that
    F(x) is small; here it is compared with the x that it is added to. If x is zero, the ratio is infinite.

    Args:
        network: in evaluation mode, with norms folded or not; it is not changed.
        images: normalised, (N, 3, H, W), on the network's device.

    Raises:
        AppError: a plain network, whose blocks have no shortcut.
    """
    measured: dict[str, float] = {}
    x = network.forward_stem(images)
    for name, block in network.blocks().items():
        if not block.has_shortcut:
            raise AppError("explain.blocks.plain", name=name)
        residual, shortcut = block.residual(x), block.shortcut(x)
        measured[name] = (_norms(residual) / _norms(shortcut)).mean().item()
        x = block.activation(residual + shortcut)
    return measured


def _norms(features: Tensor) -> Tensor:
    """(N, C, h, w) -> (N,)."""
    norms: Tensor = torch.linalg.vector_norm(features, dim=(1, 2, 3))
    return norms
