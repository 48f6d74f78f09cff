"""The paper's small networks for 32 x 32 images: He et al. 2016, section 4.2, tables 6 and 7."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resnet_demo.models.blocks import BasicBlock, PaddedShortcut, PlainBlock, PreActivationBasic
from resnet_demo.models.resnet import PreActivationResNet, ResNet

if TYPE_CHECKING:
    from resnet_demo.models.variants import Variant

WIDTHS = (16, 32, 64)


def cifar_resnet(variant: Variant, classes: int, zero_init_residual: bool) -> ResNet:
    """6n + 2 layers: a 3x3, three stages of n blocks of two layers, a linear one; with fresh weights."""
    depths = [(variant.depth - 2) // 6] * 3
    if variant.family == "cifar_preact_resnet":
        return PreActivationResNet(
            partial(PreActivationBasic, shape_change=PaddedShortcut),
            depths,
            WIDTHS,
            classes=classes,
            zero_init_residual=zero_init_residual,
            small_images=True,
        )
    plain = variant.family == "cifar_plain"
    return ResNet(
        PlainBlock if plain else partial(BasicBlock, shape_change=PaddedShortcut),
        depths,
        WIDTHS,
        classes=classes,
        zero_init_residual=zero_init_residual,
        small_images=True,
    )
