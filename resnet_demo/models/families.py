"""The register of families of networks: how those of each are built, and what is true of all of them.

Imports no torch until a network is built, so that the page and the command line can list the networks before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_demo.models.resnet import MakeBlock, ResNet
    from resnet_demo.models.variants import Variant

Build = Callable[["Variant", int], "ResNet"]
"""(variant, classes) -> the network with fresh weights."""


@dataclass(frozen=True)
class Family:
    """One family; `in_timm`: timm has its networks under the same names, with the same keys and outputs."""

    build: Build
    in_timm: bool = False


def _imagenet(blocks: Callable[[Variant], MakeBlock], *, preactivation: bool = False) -> Build:
    def build(variant: Variant, classes: int) -> ResNet:
        from resnet_demo.models.resnet import imagenet_resnet

        return imagenet_resnet(variant.depth, blocks(variant), classes, preactivation=preactivation)

    return build


def _cifar(blocks: Callable[[Variant], MakeBlock], *, preactivation: bool = False) -> Build:
    def build(variant: Variant, classes: int) -> ResNet:
        from resnet_demo.models.cifar import cifar_resnet

        return cifar_resnet(variant.depth, blocks(variant), classes, preactivation=preactivation)

    return build


def _basic_or_bottleneck(variant: Variant) -> MakeBlock:
    from resnet_demo.models.blocks import BasicBlock, Bottleneck

    return BasicBlock if variant.depth < 50 else Bottleneck


def _stride_on_1x1(variant: Variant) -> MakeBlock:  # noqa: ARG001
    from resnet_demo.models.blocks import Bottleneck

    return partial(Bottleneck, stride_on="1x1")


def _grouped(variant: Variant) -> MakeBlock:
    from resnet_demo.models.blocks import Bottleneck

    return partial(Bottleneck, groups=variant.groups, width_per_group=variant.width_per_group)


def _preactivation(variant: Variant) -> MakeBlock:
    from resnet_demo.models.blocks import PreActivationBasic, PreActivationBottleneck

    return PreActivationBasic if variant.depth < 50 else PreActivationBottleneck


def _res2net(variant: Variant) -> MakeBlock:
    from resnet_demo.models.blocks import Res2NetBlock

    return partial(Res2NetBlock, width_per_group=variant.width_per_group, scale=variant.scale)


def _highway(variant: Variant) -> MakeBlock:  # noqa: ARG001
    from resnet_demo.models.blocks import HighwayBlock

    return HighwayBlock


def _plain(variant: Variant) -> MakeBlock:  # noqa: ARG001
    from resnet_demo.models.blocks import PlainBlock

    return PlainBlock


def _padded(variant: Variant) -> MakeBlock:  # noqa: ARG001
    from resnet_demo.models.blocks import BasicBlock, PaddedShortcut

    return partial(BasicBlock, shape_change=PaddedShortcut)


def _padded_preactivation(variant: Variant) -> MakeBlock:  # noqa: ARG001
    from resnet_demo.models.blocks import PaddedShortcut, PreActivationBasic

    return partial(PreActivationBasic, shape_change=PaddedShortcut)


FAMILIES = {
    "resnet": Family(_imagenet(_basic_or_bottleneck), in_timm=True),
    "resnet_stride1x1": Family(_imagenet(_stride_on_1x1)),
    "resnext": Family(_imagenet(_grouped), in_timm=True),
    "wide_resnet": Family(_imagenet(_grouped), in_timm=True),
    "preact_resnet": Family(_imagenet(_preactivation, preactivation=True)),
    "res2net": Family(_imagenet(_res2net), in_timm=True),
    "highway": Family(_imagenet(_highway)),
    "plain": Family(_imagenet(_plain)),
    "cifar_resnet": Family(_cifar(_padded)),
    "cifar_plain": Family(_cifar(_plain)),
    "cifar_highway": Family(_cifar(_highway)),
    "cifar_preact_resnet": Family(_cifar(_padded_preactivation, preactivation=True)),
}
"""Every family by its name, which the rows of `variants` use."""
