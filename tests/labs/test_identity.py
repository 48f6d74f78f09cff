"""Sizes of residual branches: their law at initialisation, and zero where they begin with zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnet_demo.labs import identity, networks
from resnet_demo.labs.lab_training import Recipe
from resnet_demo.labs.pictures import Pictures, open_pictures
from resnet_demo.settings import Settings


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    return open_pictures("drawn", Settings(), size=8, per_class=6, test_per_class=1)


def test_the_exponent_is_that_of_a_fit() -> None:
    sizes = [9.0, 0.7, 0.6, 0.45, 0.44]
    slope = np.polyfit(np.log([2, 3, 4, 5]), np.log(sizes[1:]), 1)[0]
    assert identity.exponent([*sizes]) == pytest.approx(slope)
    assert identity.exponent([1.0, 0.0, 1.0, 1.0]) is None
    assert identity.exponent([1.0, 2.0]) is None


def test_norms_shrink_the_branch_by_the_root_of_the_depth(drawn: Pictures) -> None:
    """De and Smith 2020, section 3: after k blocks the shortcut's variance is about k times as large."""
    found = identity.branch_sizes(networks.build("preactivation", 110, 0, classes=5), drawn, "preactivation")
    assert found.exponent == pytest.approx(-0.5, abs=0.12)


def test_ratios_by_hand(drawn: Pictures) -> None:
    """In training mode, whose norms divide by the variance over N numbers, not N - 1."""
    network = networks.build("residual", 14, 0, classes=5)
    found = identity.branch_sizes(network, drawn, "residual").ratios
    network.train()
    with torch.no_grad():
        x = network.forward_stem(drawn.train)
        for name, block in network.blocks().items():
            assert block.has_shortcut
            sizes = [part.flatten(1).norm(dim=1) for part in (block.residual(x), block.shortcut(x))]
            assert found[name] == pytest.approx((sizes[0] / sizes[1]).mean().item(), rel=0.02)
            x = block(x)


@pytest.mark.parametrize("kind", ["residual", "preactivation"])
def test_from_zero_and_through_training(kind: identity.IdentityKind, drawn: Pictures) -> None:
    recipe = Recipe(epochs=1, batch_size=10)
    before, after = identity.through_training(kind, 14, drawn, recipe, zero_init=True)
    assert {name for name, ratio in before.ratios.items() if ratio} == {"stage2.0", "stage3.0"}  # padded shortcuts
    assert before.train_error is None
    assert all(after.ratios.values())
    assert after.epoch == 1
