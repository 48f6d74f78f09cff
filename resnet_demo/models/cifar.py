"""The paper's small networks for 32 x 32 images: He et al. 2016, section 4.2, tables 6 and 7."""

from __future__ import annotations

from resnet_demo.models.resnet import MakeBlock, PreActivationResNet, ResNet

WIDTHS = (16, 32, 64)


def blocks_per_stage(depth: int) -> list[int]:
    """How many blocks each of the three stages has, of 6n + 2 layers."""
    return [(depth - 2) // 6] * 3


def cifar_resnet(depth: int, make_block: MakeBlock, classes: int, *, preactivation: bool) -> ResNet:
    """6n + 2 layers: a 3x3, three stages of n blocks of two layers, a linear one; with fresh weights."""
    kind = PreActivationResNet if preactivation else ResNet
    return kind(make_block, blocks_per_stage(depth), WIDTHS, classes=classes, small_images=True)
