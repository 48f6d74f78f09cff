"""The architecture of a network as data for its diagram: stages, blocks, shortcuts and sizes."""

from __future__ import annotations

from torch import nn

from resnet_demo.explain.block_parts import stride
from resnet_demo.models.resnet import Block, ResNet
from resnet_demo.plots.network import Architecture, BlockShape, Shortcut


def architecture(network: ResNet, name: str, side: int) -> Architecture:
    """The architecture of the network called `name` for `side` x `side` pixels; computed without running it."""
    # Every layer pads its input, so a stride of s makes n pixels ceil(n / s).
    now = -(-side // (stride(network.conv1) * (2 if isinstance(network.maxpool, nn.MaxPool2d) else 1)))
    stem = (network.conv1.out_channels, now)
    stages: dict[str, list[BlockShape]] = {stage: [] for stage in network.stage_names}
    for block_name, block in network.blocks().items():
        now = -(-now // stride(block))
        stages[block_name.partition(".")[0]].append(BlockShape(block_name, block.out_channels, now, _shortcut(block)))
    return Architecture(name, side, stem, stages, network.fc.out_features)


def _shortcut(block: Block) -> Shortcut:
    if not block.has_shortcut:
        return "none"
    return "same" if block.shortcut_kind == "same" else "reshaped"
