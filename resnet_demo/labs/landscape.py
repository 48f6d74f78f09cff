"""The loss landscape: the loss over two random directions from a trained network, and along single weights.

Li et al. 2018, section 4: each direction is normalised filter by filter, so that networks can be compared whose weights
are of different sizes.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.labs import configs, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.context import Figures, LabContext, LabStopped
from resnet_demo.labs.lab_training import pictures_and_recipe, train
from resnet_demo.models.resnet import ResNet

Direction = dict[str, Tensor]
"""A change of each parameter, by its name."""
KINDS: tuple[Kind, ...] = ("plain", "residual")
MEASURED_ON = 250
"""Training pictures: Li et al. draw the loss that training sees."""
PROBE_REACH = 4.0


def filter_normalised(network: ResNet, seed: int) -> Direction:
    """A random direction d with ‖d_ij‖ = ‖θ_ij‖ for each filter j of each layer i (Li et al. 2018, section 4).

    A filter is what makes one channel of a convolution's output, or one logit. Norms and biases do not move.

    Args:
        network: not changed.
    """
    random = torch.Generator().manual_seed(seed)
    direction = {}
    for name, parameter in network.named_parameters():
        if parameter.dim() < 2:
            direction[name] = torch.zeros_like(parameter)
            continue
        drawn = torch.randn(parameter.shape, generator=random).to(parameter.dtype).flatten(1)
        own = parameter.detach().flatten(1).norm(dim=1, keepdim=True)
        direction[name] = (drawn / drawn.norm(dim=1, keepdim=True) * own).view_as(parameter)
    return direction


@torch.no_grad()
def moved(network: ResNet, steps: Sequence[tuple[float, Direction]]) -> ResNet:
    """A copy of a network, so far along each direction."""
    network = copy.deepcopy(network)
    for name, parameter in network.named_parameters():
        for far, direction in steps:
            parameter.add_(direction[name], alpha=far)
    return network


@torch.no_grad()
def loss(network: ResNet, images: Tensor, classes: Tensor) -> float:
    """The mean cross-entropy on pictures (N, 3, H, W) of classes (N,), of a network in evaluation mode."""
    logits: Tensor = network(images)
    return F.cross_entropy(logits, classes).item()


def places(points: int, reach: float) -> list[float]:
    """So many places from -reach to reach, an odd number, so that the network itself is one of them."""
    half = points // 2
    return [reach * place / half for place in range(-half, half + 1)]


def surface(
    network: ResNet, images: Tensor, classes: Tensor, *, points: int, reach: float, seed: int
) -> Iterator[list[float]]:
    """The loss over two filter-normalised directions, row by row: the second one rises from row to row.

    Args:
        network: trained, in evaluation mode; not changed.
        points: places along each direction, as `places` has them.
        reach: how far to go, 1 being as far as the weights are from zero.
    """
    across, up = filter_normalised(network, 2 * seed), filter_normalised(network, 2 * seed + 1)
    for y in places(points, reach):
        yield [loss(moved(network, [(x, across), (y, up)]), images, classes) for x in places(points, reach)]


@dataclass(frozen=True)
class Probe:
    """The loss as a single weight moves: `layer` is its parameter's name, `index` its place there."""

    layer: str
    index: int
    weight: float
    values: list[float]
    losses: list[float]


@torch.no_grad()
def probe(network: ResNet, images: Tensor, classes: Tensor, layer: str, *, points: int, reach: float) -> Probe:
    """Move the largest weight of a layer by up to `reach` times its size either way.

    Args:
        network: trained, in evaluation mode; not changed.
        layer: the name of a parameter.
    """
    network = copy.deepcopy(network)
    weights = network.get_parameter(layer)
    index = int(weights.flatten().abs().argmax())
    place = torch.unravel_index(torch.tensor(index), weights.shape)
    weight = weights[place].item()
    values = [weight * (1 + place) for place in places(points, reach)]
    losses = []
    for value in values:
        weights[place] = value
        losses.append(loss(network, images, classes))
    return Probe(layer, index, weight, values, losses)


def roughness(rows: Sequence[Sequence[float]]) -> float:
    """How far a surface is from convex: the share of places inside it where it curves down along a row or a column."""
    lines = [*rows, *zip(*rows, strict=True)]
    bends = [a + c - 2 * b for line in lines for a, b, c in zip(line, line[1:], line[2:], strict=False)]
    share: float = sum(bend < 0 for bend in bends) / len(bends)
    return share


def basin(rows: Sequence[Sequence[float]], classes: int) -> float:
    """The share of a surface's places where the loss is below that of guessing, the logarithm of the classes."""
    losses = [loss for row in rows for loss in row]
    return sum(loss < math.log(classes) for loss in losses) / len(losses)


def run(config: configs.Landscape, context: LabContext) -> Iterator[Figures]:
    """The experiment `landscape`: plain and residual networks trained, then their loss around where they ended."""
    networks.check_depth(config.depth)
    pictures, recipe = pictures_and_recipe(config, context)
    order = torch.randperm(len(pictures.train), generator=torch.Generator().manual_seed(0))[:MEASURED_ON]
    images, classes = pictures.train[order], pictures.train_classes[order]
    done: list[Figures] = []
    for seed, kind in product(range(config.seed, config.seed + config.seeds), KINDS):
        network = networks.build(kind, config.depth, seed, classes=len(pictures.classes))
        errors: list[float] = []
        found: dict[str, Any] = {"kind": kind, "seed": seed, "train_error": errors, "rows": []}
        own = context.folder / f"{kind}-{seed}"
        for record in train(network, pictures, replace(recipe, seed=seed), own, context.stopped):
            errors.append(round(record.train_error, 4))
            yield {"pictures": pictures.facts(), "surfaces": [*done, found]}
        network.eval()
        for row in surface(network, images, classes, points=config.points, reach=config.reach, seed=seed):
            if context.stopped():
                raise LabStopped
            found["rows"].append([float(f"{value:.4g}") for value in row])
            yield {"pictures": pictures.facts(), "surfaces": [*done, found]}
        found["roughness"] = roughness(found["rows"])
        found["basin"] = basin(found["rows"], len(pictures.classes))
        found["probes"] = [
            asdict(probe(network, images, classes, layer, points=config.points, reach=PROBE_REACH))
            for layer in ("layer1.0.conv1.weight", "layer3.0.conv2.weight")
        ]
        done.append(found)
        yield {"pictures": pictures.facts(), "surfaces": done}
