"""Schedules against PyTorch's composed ones, smoothed targets by their formula, weight decay by a look at each name."""

from __future__ import annotations

import math

import pytest
import torch

from resnet_demo.labs import networks, schedules
from resnet_demo.labs.lab_training import Recipe
from resnet_demo.training.optimisation import FIRST_SHARE


def test_rates_are_those_of_pytorchs_composed_schedulers() -> None:
    recipe, steps = Recipe(epochs=1, learning_rate=0.1, warmup=0.2), 50
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    warmup = torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=FIRST_SHARE, total_iters=10)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=40)
    composed = torch.optim.lr_scheduler.SequentialLR(optimiser, [warmup, cosine], milestones=[10])
    expected = []
    for _ in range(steps):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        composed.step()
    assert schedules.rates(recipe, steps) == pytest.approx(expected)


def test_smoothed_targets_by_their_formula() -> None:
    """(1 - s) for the right class, and s shared by all."""
    assert schedules.smoothed_targets(5, 0.1) == pytest.approx([0.92, 0.02, 0.02, 0.02, 0.02], abs=1e-6)
    assert schedules.smoothed_targets(4, 0.0) == pytest.approx([1, 0, 0, 0], abs=1e-6)
    assert schedules.best_logits_gap(5, 0.1) == pytest.approx(math.log(46), rel=1e-4)
    assert schedules.best_logits_gap(5, 0.0) is None


def test_weight_decay_leaves_norms_and_biases_alone() -> None:
    found = schedules.decayed_weights("residual", 20)
    network = networks.build("residual", 20, 0)
    layers = {name: one.numel() for name, one in network.named_parameters() if "conv" in name or name == "fc.weight"}
    others = {name: one.numel() for name, one in network.named_parameters() if "bn" in name or name == "fc.bias"}
    assert (found.decayed_tensors, found.decayed_numbers) == (len(layers), sum(layers.values()))
    assert (found.other_tensors, found.other_numbers) == (len(others), sum(others.values()))


def test_each_variation_leaves_one_thing_out() -> None:
    recipe = Recipe(epochs=2, label_smoothing=0.1)
    found = dict(schedules.variations(recipe))
    assert found.pop("all") == recipe
    assert [one.warmup for one in found.values()] == [0, 0.1, 0.1, 0.1]
    assert [one.cosine for one in found.values()] == [True, False, True, True]
    assert [one.label_smoothing for one in found.values()] == [0.1, 0.1, 0, 0.1]
    assert [one.weight_decay for one in found.values()] == [1e-4, 1e-4, 1e-4, 0]
