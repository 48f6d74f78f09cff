"""Parameter groups, optimiser, learning-rate schedule, loss and moving average, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_demo.models.resnet import ResNet
from resnet_demo.training.config import ResolvedConfig

MOMENTUM = 0.9
FIRST_SHARE = 1 / 25
"""The warm-up begins at this share of the highest rate, as in one-cycle training (Smith and Topin 2018)."""


@dataclass(frozen=True)
class Cycle:
    """Some steps in which the learning rate rises and falls once: the whole training, or epochs added to it."""

    first_step: int
    steps: int


def rate_share(step: int, cycle: Cycle, warmup: float) -> float:
    """The share of the highest learning rate at a step: rises in a line, then falls along a cosine to nearly zero.

    Args:
        step: counted from the beginning of the training.
        cycle: the steps that it is one of.
        warmup: the share of the cycle's steps that rise.
    """
    done, rising = step - cycle.first_step, round(warmup * cycle.steps)
    if done < rising:
        return FIRST_SHARE + (1 - FIRST_SHARE) * done / rising
    return (1 + math.cos(math.pi * (done - rising) / (cycle.steps - rising))) / 2


def cycle_of(step: int, lengths: Sequence[int]) -> Cycle:
    """The cycle that a step is in, of cycles of so many steps one after the other; beyond the end the last."""
    first = 0
    for length in lengths[:-1]:
        if step < first + length:
            return Cycle(first, length)
        first += length
    return Cycle(first, lengths[-1])


def distance_from_head(parameter: str, stages: int) -> int:
    """How far a parameter is from the answer: 0 in the head, 1 in the last stage, `stages` + 1 in the stem."""
    part = parameter.split(".")[0]
    if part.startswith("layer"):
        return stages + 1 - int(part.removeprefix("layer"))
    return 0 if part in {"fc", "norm"} else stages + 1


def parameter_groups(network: ResNet, *, weight_decay: float, depth_factor: float) -> list[dict[str, Any]]:
    """What learns, in groups for an optimiser, the head's first.

    Each distance from the head has a `factor` for its learning rate, and two groups: tensors that are pulled
    towards zero, and norms and biases, which are not (He et al. 2019, section 3.1). What is frozen is in none.
    """
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            key = distance_from_head(name, len(network.stage_names)), parameter.dim() > 1
            groups.setdefault(key, []).append(parameter)
    return [
        {"params": members, "weight_decay": weight_decay if decays else 0.0, "factor": depth_factor**distance}
        for (distance, decays), members in sorted(groups.items(), key=lambda item: item[0])
    ]


def make_optimiser(groups: list[dict[str, Any]], config: ResolvedConfig) -> torch.optim.Optimizer:
    """The optimiser of a resolved configuration."""
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, config.learning_rate, MOMENTUM, nesterov=True)
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, config.learning_rate)


def set_rates(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give each group `rate` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]


def class_weights(counts: Sequence[int]) -> Tensor:
    """A weight for each class, inverse to its photos, (classes,); over all photos the mean weight is 1.

    A class without photos has none to weigh: its weight is 1.
    """
    photos, seen = sum(counts), sum(count > 0 for count in counts)
    return torch.tensor([photos / (seen * count) if count else 1.0 for count in counts])


def loss_sum(logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    """Cross-entropy of logits (N, classes) against targets (N, classes) of probabilities, summed over the photos.

    A sum, not a mean: whoever adds up parts of a batch divides by its photos once.
    """
    return F.cross_entropy(logits.float(), targets, weights, label_smoothing=smoothing, reduction="sum")


def average_decay(step: int, decay: float) -> float:
    """The decay of the moving average at a step: less at first, so that it soon forgets where it began."""
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(average: Iterable[Tensor], current: Iterable[Tensor], decay: float) -> None:
    """average <- decay * average + (1 - decay) * current, in place; whole numbers are taken over as they are."""
    for mean, now in zip(average, current, strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - decay)
        else:
            mean.copy_(now)
