"""What a picture of a network shows, read from the network itself: its stages, blocks, shortcuts and sizes."""

from __future__ import annotations

from torch import nn

from resnet_demo.explain.blocks import stride
from resnet_demo.models.blocks import PlainBlock
from resnet_demo.models.resnet import Block, ResNet
from resnet_demo.plots.network import BlockShape, Outline, Shortcut


def outline(network: ResNet, name: str, side: int) -> Outline:
    """The network called `name` as it is for pictures of `side` x `side` pixels; nothing is run."""
    # Every layer pads its input, so a stride of s makes n pixels ceil(n / s).
    now = -(-side // (stride(network.conv1) * (2 if isinstance(network.maxpool, nn.MaxPool2d) else 1)))
    stem = (network.conv1.out_channels, now)
    stages: dict[str, list[BlockShape]] = {stage: [] for stage in network.stage_names}
    for block_name, block in network.blocks().items():
        now = -(-now // stride(block))
        stages[block_name.partition(".")[0]].append(BlockShape(block_name, block.out_channels, now, _shortcut(block)))
    return Outline(name, side, stem, stages, network.fc.out_features)


def _shortcut(block: Block) -> Shortcut:
    if isinstance(block, PlainBlock):
        return "none"
    return "same" if block.downsample is None else "reshaped"
