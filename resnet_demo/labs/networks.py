"""The networks that the experiments compare: four kinds of blocks at any depth, with norms or without.

All are the paper's small networks (He et al. 2016, section 4.2), 6n + 2 layers deep, so that a kind differs from
another in its blocks alone.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from resnet_demo.labs.configs import Kind
from resnet_demo.models import variants
from resnet_demo.models.families import FAMILIES
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError

Init = Literal["kaiming", "naive"]

FAMILY_OF: dict[Kind, str] = {
    "plain": "cifar_plain",
    "highway": "cifar_highway",
    "residual": "cifar_resnet",
    "preactivation": "cifar_preact_resnet",
}
KINDS: tuple[Kind, ...] = tuple(FAMILY_OF)
INITS: tuple[Init, ...] = ("kaiming", "naive")
NAIVE_STD = 0.01
"""Of all weights, whatever their layer's width: Krizhevsky et al. 2012, section 5."""


def build(
    kind: Kind, depth: int, seed: int, classes: int = 10, *, norms: bool = True, init: Init = "kaiming"
) -> ResNet:
    """A network of `depth` layers for small pictures, in training mode; the same one for the same arguments.

    Args:
        kind: what its blocks are.
        depth: 6n + 2 layers.
        seed: of its weights.
        classes: how many logits.
        norms: whether it has its batch norms; without them nothing stands in their place, not even a bias.
        init: `kaiming`, normal numbers of variance 2 / fan-out (He et al. 2015b, eqn. 14), or `naive`, normal numbers
            of one standard deviation, `NAIVE_STD`, in all layers. A Highway network's gates keep their bias.

    Raises:
        AppError: there is no network of this depth; the message gives the nearest.
    """
    check_depth(depth)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        family = FAMILY_OF[kind]
        variant = replace(variants.get("cifar_resnet20"), name=f"{family}{depth}", family=family, depth=depth)
        network = FAMILIES[family].build(variant, classes)
        if init == "naive":
            for module in network.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    nn.init.normal_(module.weight, std=NAIVE_STD)
    if not norms:
        remove_norms(network)
    return network


def check_depth(depth: int) -> None:
    """Refuse a depth that no network has.

    Raises:
        AppError: it is not 6n + 2; the message gives the nearest.
    """
    if depth < 8 or depth % 6 != 2:
        nearest = max(8, round((depth - 2) / 6) * 6 + 2)
        raise AppError("lab.problem.depth", depth=depth, nearest=nearest)


def remove_norms(module: nn.Module) -> None:
    """Let every batch norm pass on what it is given."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        else:
            remove_norms(child)


@torch.no_grad()
def with_statistics_of(network: ResNet, images: Tensor) -> ResNet:
    """A copy to evaluate, whose norms have the statistics of these pictures (N, 3, H, W) alone."""
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    network.train()(images)
    return network.eval()
