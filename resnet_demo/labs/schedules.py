"""Schedules and smoothing, drawn by the very functions that train: learning rates, smoothed targets, weight decay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.labs import configs, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.context import Figures, LabContext
from resnet_demo.labs.lab_training import EpochRecord, Recipe, pictures_and_recipe, share_of_rate, train
from resnet_demo.training import optimisation
from resnet_demo.training.optimisation import Cycle

_OTHER_RATES = ("all", "no_warmup", "no_cosine")
"""Those of `variations` that have a curve of rates of their own."""


def rates(recipe: Recipe, steps: int) -> list[float]:
    """The learning rate at each of all the steps of a training."""
    cycle = Cycle(0, steps)
    return [recipe.learning_rate * share_of_rate(recipe, step, cycle) for step in range(steps)]


def smoothed_targets(classes: int, smoothing: float) -> list[float]:
    """The probabilities that a training aims at for a picture of class 0 (Szegedy et al. 2016, section 7).

    They are read off the loss that trains: its gradient by the logits is softmax minus target.
    """
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    target = F.one_hot(torch.tensor([0]), classes).double()
    loss = optimisation.loss_sum(logits, target.float(), None, smoothing)
    [gradient] = torch.autograd.grad(loss, [logits])
    probabilities: list[float] = (1 / classes - gradient[0]).tolist()
    return probabilities


def best_logits_gap(classes: int, smoothing: float) -> float | None:
    """By how much the right class's logit exceeds the others' where the smoothed loss is least; None: without end."""
    right, other = smoothed_targets(classes, smoothing)[:2]
    return None if other < 1e-6 else float(torch.log(torch.tensor(right / other)))


@dataclass(frozen=True)
class DecayedWeights:
    """Of a network: how many tensors and numbers weight decay pulls towards zero, and how many it leaves alone."""

    decayed_tensors: int
    decayed_numbers: int
    other_tensors: int
    other_numbers: int


def decayed_weights(kind: Kind, depth: int) -> DecayedWeights:
    """Which of a network's parameters weight decay touches: weights of layers, not norms and biases."""
    groups = optimisation.parameter_groups(networks.build(kind, depth, 0), weight_decay=1.0, depth_factor=1.0)
    decayed: list[Tensor] = [one for group in groups if group["weight_decay"] for one in group["params"]]
    others: list[Tensor] = [one for group in groups if not group["weight_decay"] for one in group["params"]]
    numbers = [sum(one.numel() for one in members) for members in (decayed, others)]
    return DecayedWeights(len(decayed), numbers[0], len(others), numbers[1])


def variations(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """A recipe with everything, then without each: warm-up, cosine, smoothing, weight decay."""
    yield "all", recipe
    left_out: dict[str, dict[str, Any]] = {
        "no_warmup": {"warmup": 0.0},
        "no_cosine": {"cosine": False},
        "no_smoothing": {"label_smoothing": 0.0},
        "no_decay": {"weight_decay": 0.0},
    }
    for name, changed in left_out.items():
        yield name, replace(recipe, **changed)


def run(config: configs.Schedules, context: LabContext) -> Iterator[Figures]:
    """The experiment `schedules`: what is drawn, then a residual network trained with all and without each."""
    networks.check_depth(config.depth)
    pictures, recipe = pictures_and_recipe(config, context)
    recipe = replace(
        recipe,
        warmup=config.warmup,
        label_smoothing=config.label_smoothing,
        weight_decay=config.weight_decay,
    )
    classes = len(pictures.classes)
    steps = config.epochs * -(-len(pictures.train) // config.batch_size)
    drawn = {
        "pictures": pictures.facts(),
        "rates": {name: rates(one, steps) for name, one in variations(recipe) if name in _OTHER_RATES},
        "targets": smoothed_targets(classes, config.label_smoothing),
        "best_logits_gap": best_logits_gap(classes, config.label_smoothing),
        "weights": asdict(decayed_weights("residual", config.depth)),
    }
    yield {**drawn, "trainings": []}
    trainings: list[dict[str, Any]] = []
    for name, one in variations(recipe):
        network = networks.build("residual", config.depth, config.seed, classes=classes)
        records: list[EpochRecord] = []
        trainings.append({"name": name})
        for record in train(network, pictures, one, context.folder / name, context.stopped):
            records.append(record)
            trainings[-1] = {
                "name": name,
                "train_loss": [each.train_loss for each in records],
                "train_error": [each.train_error for each in records],
                "test_error": [each.test_error for each in records],
            }
            yield {**drawn, "trainings": list(trainings)}
