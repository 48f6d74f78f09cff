"""What a block adds: what came by the shortcut, what the residual branch computed, their sum, what is left of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from resnet_demo.models.blocks import (
    HighwayBlock,
    PaddedShortcut,
    PlainBlock,
    PreActivationBlock,
    Res2NetBlock,
    ResidualBlock,
)
from resnet_demo.models.resnet import Block, ResNet, stage_name
from resnet_demo.plots import colours
from resnet_demo.texts import AppError, Message

Maps = npt.NDArray[np.float32]

PARTS = ("shortcut", "residual", "total", "output")
"""x, F(x), their sum, and what leaves the block."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What one block made of one photo: `values` (4, C, h, w), the four `PARTS` in their order."""

    name: str
    values: Maps

    def maps(self, channel: int | None = None) -> Maps:
        """One channel of each part, or the mean of all channels: (4, h, w).

        The first two add up to the third either way; the fourth is the third's ReLU in single channels only.
        """
        chosen: Maps = self.values.mean(axis=1) if channel is None else self.values[:, channel]
        return chosen

    def pictures(self, channel: int | None = None) -> colours.Colours:
        """The four maps on one scale, (4, h, w, 3): white is zero in each, and the same red the same number."""
        maps = self.maps(channel)
        return colours.signed(maps, limit=float(np.abs(maps).max()))

    def busiest_channels(self, count: int) -> list[int]:
        """The channels to which the residual branch adds most, by the norm of F(x), the first the most."""
        norms = np.linalg.norm(self.values[PARTS.index("residual")], axis=(1, 2))
        return [int(channel) for channel in np.argsort(-norms, kind="stable")[:count]]


def block_named(network: ResNet, name: str) -> tuple[str, Block]:
    """A block by either of its names (`stage3.1`, `layer3.1`), with the first.

    Raises:
        AppError: there is none of that name; the sentence gives the choices.
    """
    network.layer(name)
    name = stage_name(name)
    blocks = network.blocks()
    if name not in blocks:
        inside = [block for block in blocks if block.startswith(f"{name}.")]
        raise AppError("explain.blocks.a_stage", name=name, first=inside[0], last=inside[-1])
    return name, blocks[name]


def residual_block_named(network: ResNet, name: str) -> tuple[str, ResidualBlock]:
    """The same for a block that adds something to a shortcut.

    Raises:
        AppError: there is none of that name, or it is a plain one.
    """
    name, block = block_named(network, name)
    if isinstance(block, PlainBlock):
        raise AppError("explain.blocks.plain", name=name)
    return name, block


def channels_in(block: Block) -> int:
    """How many channels a block reads."""
    return _convolutions(block)[0].in_channels


def stride(layers: nn.Module) -> int:
    """What the convolutions of a block, or one alone, divide height and width by."""
    return max(conv.stride[0] for conv in _convolutions(layers))


def _convolutions(layers: nn.Module) -> list[nn.Conv2d]:
    """In the order they were made; the first of a block reads its input, in every kind of block."""
    return [module for module in layers.modules() if isinstance(module, nn.Conv2d)]


@torch.no_grad()
def parts(network: ResNet, image: Tensor, name: str) -> Parts:
    """The four parts of a block for one photo.

    Args:
        network: in evaluation mode, with norms folded or not; it is left as it was.
        image: normalised, (1, 3, H, W), on the network's device.
        name: the block's.

    Raises:
        AppError: no such block, or one of a plain network, which adds nothing.
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
    """‖F(x)‖ / ‖x‖ of every block: how much it changes of what passes by, in the mean of the photos.

    Both norms are over all channels and places of one photo; x is what the shortcut brings, so where the shape
    changes the projected x, and in a Highway network (1 - T(x)) x beside T(x) H(x). He et al. 2016, figure 7, shows how
    small F(x) is; this is F(x) beside what it is added to. Where the shortcut brings nothing, the ratio is infinite.

    Args:
        network: in evaluation mode, with norms folded or not; it is left as it was.
        images: normalised, (N, 3, H, W), on the network's device.

    Raises:
        AppError: a plain network, whose blocks add to nothing.
    """
    measured: dict[str, float] = {}
    x = network.forward_stem(images)
    for name, block in network.blocks().items():
        if isinstance(block, PlainBlock):
            raise AppError("explain.blocks.plain", name=name)
        residual, shortcut = block.residual(x), block.shortcut(x)
        measured[name] = (_norms(residual) / _norms(shortcut)).mean().item()
        x = block.activation(residual + shortcut)
    return measured


def _norms(features: Tensor) -> Tensor:
    """(N, C, h, w) -> (N,)."""
    norms: Tensor = torch.linalg.vector_norm(features, dim=(1, 2, 3))
    return norms


def meaning(block: Block) -> tuple[Message, ...]:
    """What x, F(x) and their sum are in a block of this kind, sentence by sentence."""
    if isinstance(block, PlainBlock):
        return (Message("explain.blocks.means.plain"),)
    said = [_shortcut_meaning(block)]
    if isinstance(block, HighwayBlock):
        return (*said, Message("explain.blocks.means.gated"))
    if isinstance(block, PreActivationBlock):
        split = "before" if block.activates_before_split else "inside"
        return (*said, Message(f"explain.blocks.means.activated_{split}"), Message("explain.blocks.means.bare_sum"))
    if isinstance(block, Res2NetBlock):
        said.append(Message("explain.blocks.means.ladder"))
    return (*said, Message("explain.blocks.means.relu"))


def _shortcut_meaning(block: ResidualBlock) -> Message:
    if block.downsample is None:
        return Message("explain.blocks.means.same")
    if isinstance(block.downsample, PaddedShortcut):
        return Message("explain.blocks.means.padded")
    return Message("explain.blocks.means.projected")
