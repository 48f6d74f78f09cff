"""A residual network as an ensemble of paths: their lengths, the gradient that each length carries, blocks taken away.

Veit et al. 2016: n blocks make 2^n paths from the first block's input to the head, each through the residual branches
of some blocks and the shortcuts of the others; its length is the number of those branches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.explain.ablation import ablation_sweep, removable_blocks, run_without
from resnet_demo.labs import configs, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.context import Figures, LabContext, LabStopped
from resnet_demo.labs.lab_training import Recipe, pictures_and_recipe, train
from resnet_demo.labs.pictures import Pictures
from resnet_demo.models.blocks import ResidualBlock
from resnet_demo.models.resnet import Block, ResNet

SHARE = 0.95
KINDS: tuple[Kind, ...] = ("residual", "plain")
MEASURED_ON = 20
"""Pictures whose gradients are taken."""


def path_counts(blocks: int) -> list[int]:
    """How many paths there are of each length, from 0 to `blocks`: the binomial coefficients (section 4.2)."""
    return [math.comb(blocks, length) for length in range(blocks + 1)]


def usual_lengths(blocks: int, share: float = SHARE) -> tuple[int, int]:
    """The narrowest range of lengths about the middle that has at least this share of the paths, both ends included."""
    counts, total = path_counts(blocks), 2**blocks
    low, high = blocks // 2, blocks - blocks // 2
    while sum(counts[low : high + 1]) < share * total:
        low, high = low - 1, high + 1
    return low, high


@dataclass(frozen=True)
class PathGradient:
    """Of paths of one length: how many there are, and the mean norm of the gradient that one of them carries."""

    length: int
    paths: int
    norm: float


def gradient_by_length(
    network: ResNet, images: Tensor, classes: Tensor, *, samples: int, seed: int
) -> Iterator[PathGradient]:
    """How much gradient of the loss reaches the first block's input along paths of each length, the shortest first.

    As in section 4.3: the forward pass is the whole network's; on the way back the gradient passes the residual
    branches of some random blocks and the shortcuts of all others.

    Args:
        network: a residual one in evaluation mode; it is not changed.
        images: normalised, (N, 3, H, W); their classes (N,). The loss is the sum over them, so that each has its own
            gradient, and norms are means over the pictures.
        samples: random paths of each length.
    """
    blocks = len(network.blocks())
    random = torch.Generator().manual_seed(seed)
    for length, count in enumerate(path_counts(blocks)):
        norms = []
        for _ in range(min(samples, count)):
            through = set(torch.randperm(blocks, generator=random)[:length].tolist())
            gradient = path_gradient(network, images, classes, through)
            norms.append(torch.linalg.vector_norm(gradient.flatten(1), dim=1).mean().item())
        yield PathGradient(length, count, sum(norms) / len(norms))


def path_gradient(network: ResNet, images: Tensor, classes: Tensor, through: set[int]) -> Tensor:
    """The gradient of the summed loss at the first block's input (N, C, h, w) along one path.

    Args:
        through: the numbers of the blocks whose residual branch the path takes, from 0; it skips the others.
    """
    with torch.no_grad():
        start = network.forward_stem(images)
    x = start.requires_grad_()
    for number, block in enumerate(network.blocks().values()):
        assert isinstance(block, ResidualBlock)
        if number in through:
            x = block.activation(block.residual(x) + block.shortcut(x).detach())
        else:
            x = block.activation(block.residual(x).detach() + block.shortcut(x))
    loss = F.cross_entropy(network.forward_head(x), classes, reduction="sum")
    [gradient] = torch.autograd.grad(loss, [start])
    return gradient


@dataclass(frozen=True)
class Removal:
    """The error (0 to 1) without some blocks, for each draw of them."""

    removed: int
    errors: list[float]


def errors_without_each(network: ResNet, pictures: Pictures) -> dict[str, float]:
    """The test error without each single block that can be left out, by its name; `""` for the whole network."""
    *_, sweep = ablation_sweep(network, [(pictures.test, pictures.test_classes)])
    return {"": 1 - sweep.whole, **{name: 1 - right for name, right in sweep.without.items()}}


def errors_without_some(network: ResNet, pictures: Pictures, *, draws: int, seed: int) -> Iterator[Removal]:
    """The test errors as more and more random blocks are left out (Veit et al. 2016, figure 5a)."""
    names = removable_blocks(network)
    random = torch.Generator().manual_seed(seed)
    for count in range(1, len(names) + 1):
        errors = []
        for _ in range(draws if count < len(names) else 1):
            removed = [names[place] for place in torch.randperm(len(names), generator=random)[:count].tolist()]
            errors.append(_error(run_without(network, pictures.test, removed), pictures.test_classes))
        yield Removal(count, errors)


@dataclass(frozen=True)
class Shuffle:
    """The error with the blocks in another order; `tau` is Kendall's rank correlation with the trained order."""

    tau: float
    error: float


@torch.no_grad()
def errors_when_shuffled(network: ResNet, pictures: Pictures, *, swaps: int, seed: int) -> Iterator[Shuffle]:
    """The test error after each of some random swaps of two blocks of one shape (Veit et al. 2016, figure 5b).

    Args:
        network: in evaluation mode; it is not changed.
    """
    names = list(network.blocks())
    blocks = network.blocks()
    movable = removable_blocks(network)
    pairs = [
        (a, b) for place, a in enumerate(movable) for b in movable[place + 1 :] if a.split(".")[0] == b.split(".")[0]
    ]
    order = list(names)
    random = torch.Generator().manual_seed(seed)
    for swap in range(swaps + 1):
        if swap:
            first, second = pairs[int(torch.randint(len(pairs), (1,), generator=random))]
            here, there = names.index(first), names.index(second)
            order[here], order[there] = order[there], order[here]
        logits = _run([blocks[name] for name in order], network, pictures.test)
        yield Shuffle(kendall_tau([names.index(name) for name in order]), _error(logits, pictures.test_classes))


def _run(blocks: Sequence[Block], network: ResNet, images: Tensor) -> Tensor:
    x = network.forward_stem(images)
    for block in blocks:
        x = block(x)
    return network.forward_head(x)


def kendall_tau(order: Sequence[int]) -> float:
    """Kendall's rank correlation of an order of 0, 1, ..., n - 1 with the rising one, from 1 to -1 for the reverse."""
    pairs = [(a, b) for place, a in enumerate(order) for b in order[place + 1 :]]
    return sum(1 if a < b else -1 for a, b in pairs) / len(pairs)


def _error(logits: Tensor, classes: Tensor) -> float:
    return torch.ne(logits.argmax(dim=1), classes).float().mean().item()


def run(config: configs.Paths, context: LabContext) -> Iterator[Figures]:
    """The experiment `paths`: residual and plain networks trained, then taken apart."""
    networks.check_depth(config.depth)
    pictures, recipe = pictures_and_recipe(config, context)
    blocks = (config.depth - 2) // 2
    counted = {
        "pictures": pictures.facts(),
        "blocks": blocks,
        "path_counts": path_counts(blocks),
        "usual_lengths": usual_lengths(blocks),
    }
    done: list[Figures] = []
    for seed, kind in product(range(config.seed, config.seed + config.seeds), KINDS):
        own = replace(context, folder=context.folder / f"{kind}-{seed}")
        for found in _taken_apart(kind, config, pictures, replace(recipe, seed=seed), own):
            yield {**counted, "networks": [*done, found]}
        done.append(found)


def _taken_apart(
    kind: Kind, config: configs.Paths, pictures: Pictures, recipe: Recipe, context: LabContext
) -> Iterator[Figures]:
    network = networks.build(kind, config.depth, recipe.seed, classes=len(pictures.classes))
    found: dict[str, Any] = {"kind": kind, "seed": recipe.seed, "train_error": []}
    for record in train(network, pictures, recipe, context.folder, context.stopped):
        found["train_error"].append(round(record.train_error, 4))
        yield found
    network.eval()
    found["without_each"] = errors_without_each(network, pictures)
    yield found
    parts: dict[str, Iterator[Any]] = {
        "removals": errors_without_some(network, pictures, draws=config.draws, seed=recipe.seed),
        "shuffles": errors_when_shuffled(network, pictures, swaps=config.swaps, seed=recipe.seed),
    }
    if kind == "residual":
        images, classes = pictures.test[:MEASURED_ON], pictures.test_classes[:MEASURED_ON]
        parts["gradients"] = gradient_by_length(network, images, classes, samples=config.samples, seed=recipe.seed)
    for name, measured in parts.items():
        found[name] = []
        for one in measured:
            if context.stopped():
                raise LabStopped
            found[name].append(asdict(one))
            yield found
