"""Ablation: a network without some of its blocks, and its accuracy without each.

Veit et al. 2016, section 4.1: without a single block, a residual network hardly loses accuracy, while a plain one
collapses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.explain.block_parts import block_named, channels_in, stride
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError, Field, Message


def why_not_removable(network: ResNet, name: str) -> Message | None:
    """Why a block cannot be removed; None if it can.

    Raises:
        AppError: there is no block of that name.
    """
    name, block = block_named(network, name)
    fields: dict[str, Field] = {"name": name, "into": channels_in(block), "out": block.out_channels}
    if stride(block) > 1:
        return Message("explain.ablation.halves", fields)
    if channels_in(block) != block.out_channels:
        return Message("explain.ablation.other_channels", fields)
    return None


def removable_blocks(network: ResNet) -> tuple[str, ...]:
    """The names of the blocks that can be removed, in order."""
    return tuple(name for name in network.blocks() if why_not_removable(network, name) is None)


@torch.no_grad()
def run_without(network: ResNet, images: Tensor, removed: Collection[str] = ()) -> Tensor:
    """The logits (N, classes) without some blocks; with all blocks, exactly `network(images)`.

    A removed block passes its input x on unchanged. One exception: the first block of a pre-activation network, whose
    norm and ReLU come before the shortcut branches off, keeps these two.

    Args:
        network: in evaluation mode, with norms folded or not; it is not changed.
        images: normalised, (N, 3, H, W), on the network's device.
        removed: names of the blocks to leave out.

    Raises:
        AppError: a block does not exist or cannot be removed; the message says why.
    """
    names = set()
    for given in removed:
        reason = why_not_removable(network, given)
        if reason is not None:
            raise AppError(reason.key, **reason.fields)
        names.add(block_named(network, given)[0])
    x = network.forward_stem(images)
    for name, block in network.blocks().items():
        x = block.bypass(x) if name in names else block(x)
    return network.forward_head(x)


@dataclass(frozen=True)
class AblationSweep:
    """Accuracies (0 to 1) on `photos` photos: of the full network (`whole`), and without each single block."""

    photos: int
    whole: float
    without: Mapping[str, float]


def ablation_sweep(network: ResNet, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[AblationSweep]:
    """The accuracies without each block, after each batch of photos (Veit et al. 2016, figure 3).

    Activations before a removed block are computed only once.

    Args:
        network: in evaluation mode, with norms folded or not; it is not changed.
        batches: normalised pictures (N, 3, H, W) and their class indices (N,), on the network's device.
    """
    names = removable_blocks(network)
    photos, whole = 0, 0
    without = dict.fromkeys(names, 0)
    for images, classes in batches:
        photos += len(classes)
        right = _count_right(network, images, classes, names)
        whole += right.pop("")
        for name, count in right.items():
            without[name] += count
        yield AblationSweep(photos, whole / photos, {name: count / photos for name, count in without.items()})


@torch.no_grad()
def _count_right(network: ResNet, images: Tensor, classes: Tensor, names: Collection[str]) -> dict[str, int]:
    """The number of correct predictions without each of `names`; under the empty name, of the full network."""
    counts = {}
    x = network.forward_stem(images)
    for name, block in network.blocks().items():
        if name in names:
            counts[name] = _right(network.forward_from(name, block.bypass(x)), classes)
        x = block(x)
    return {**counts, "": _right(network.forward_head(x), classes)}


def _right(logits: Tensor, classes: Tensor) -> int:
    return int((logits.argmax(dim=1) == classes).sum())
