"""Blocks switched off: a network in which some blocks let through what came in, and what that costs.

Veit et al. 2016, section 4.1: with single blocks taken out, a residual network answers nearly as before, a plain one
no longer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.explain.blocks import block_named, channels_in, stride
from resnet_demo.models.blocks import PreActivationBlock
from resnet_demo.models.resnet import Block, ResNet
from resnet_demo.texts import AppError, Field, Message


def why_not(network: ResNet, name: str) -> Message | None:
    """Why a block cannot be switched off; None where it can.

    Raises:
        AppError: there is no block of that name.
    """
    name, block = block_named(network, name)
    fields: dict[str, Field] = {"name": name, "into": channels_in(block), "out": block.out_channels}
    if stride(block) > 1:
        return Message("explain.switching.halves", fields)
    if channels_in(block) != block.out_channels:
        return Message("explain.switching.other_channels", fields)
    return None


def switchable(network: ResNet) -> tuple[str, ...]:
    """The blocks that can be switched off, in order."""
    return tuple(name for name in network.blocks() if why_not(network, name) is None)


@torch.no_grad()
def run(network: ResNet, images: Tensor, off: Collection[str] = ()) -> Tensor:
    """The logits (N, classes) with some blocks switched off; with none, exactly `network(images)`.

    A block that is off adds nothing: x goes on as it came, as if a Highway block's gate were shut or a plain block's
    layers were not there. The one block of a pre-activation network that has norm and ReLU before its split and keeps
    the shape, the first, leaves these two in place.

    Args:
        network: in evaluation mode, with norms folded or not; it is left as it was.
        images: normalised, (N, 3, H, W), on the network's device.
        off: names of blocks.

    Raises:
        AppError: one of them does not exist, or cannot be switched off; the sentence says why.
    """
    names = set()
    for given in off:
        reason = why_not(network, given)
        if reason is not None:
            raise AppError(reason.key, **reason.fields)
        names.add(block_named(network, given)[0])
    x = network.forward_stem(images)
    for name, block in network.blocks().items():
        x = _carried(block, x) if name in names else block(x)
    return network.forward_head(x)


def _carried(block: Block, x: Tensor) -> Tensor:
    """What a block that is off lets through."""
    return block.shortcut(x) if isinstance(block, PreActivationBlock) else x


@dataclass(frozen=True)
class Removals:
    """Accuracies (0 to 1) after so many photos: of the whole network, and with each single block switched off."""

    photos: int
    whole: float
    without: Mapping[str, float]


def accuracy_without_each(network: ResNet, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Removals]:
    """The accuracies so far, after each batch; the last are those of all photos (Veit et al. 2016, figure 3).

    What comes before a block is computed once for all.

    Args:
        network: in evaluation mode, with norms folded or not; it is left as it was.
        batches: normalised pictures (N, 3, H, W) and their classes (N,), on the network's device.
    """
    names = switchable(network)
    photos, whole = 0, 0
    without = dict.fromkeys(names, 0)
    for images, classes in batches:
        photos += len(classes)
        right = _count_right(network, images, classes, names)
        whole += right.pop("")
        for name, count in right.items():
            without[name] += count
        yield Removals(photos, whole / photos, {name: count / photos for name, count in without.items()})


@torch.no_grad()
def _count_right(network: ResNet, images: Tensor, classes: Tensor, names: Collection[str]) -> dict[str, int]:
    """How many photos are named rightly without each of `names`; under the empty name, by the whole network."""
    counts = {}
    x = network.forward_stem(images)
    for name, block in network.blocks().items():
        if name in names:
            counts[name] = _right(network.forward_from(name, _carried(block, x)), classes)
        x = block(x)
    return {**counts, "": _right(network.forward_head(x), classes)}


def _right(logits: Tensor, classes: Tensor) -> int:
    return int((logits.argmax(dim=1) == classes).sum())
