"""Blocks of He et al. 2016b: each against its figure, written out with the same layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from resnet_demo.labs import networks, shortcuts
from resnet_demo.labs.lab_training import Recipe
from resnet_demo.labs.pictures import Pictures
from resnet_demo.labs.shortcuts import VARIANTS
from tests.models.oracles import enliven, noise

relu, sigmoid = torch.relu, torch.sigmoid


def branch(b: Any, x: Tensor) -> Tensor:
    """The residual branch of the basic block."""
    return b.bn2(b.conv2(relu(b.bn1(b.conv1(x)))))


FIGURES: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "identity": lambda b, x: relu(branch(b, x) + x),
    "constant": lambda b, x: relu(0.5 * branch(b, x) + 0.5 * x),
    "exclusive_gate": lambda b, x: relu(sigmoid(b.gate[0](x)) * branch(b, x) + (1 - sigmoid(b.gate[0](x))) * x),
    "shortcut_gate": lambda b, x: relu(branch(b, x) + (1 - sigmoid(b.gate[0](x))) * x),
    "convolution": lambda b, x: relu(branch(b, x) + b.downsample(x)),
    "dropout": lambda b, x: relu(branch(b, x) + x),  # evaluated
    "norm_after_sum": lambda b, x: relu(b.bn2(b.conv2(relu(b.bn1(b.conv1(x)))) + x)),
    "relu_before_sum": lambda b, x: relu(branch(b, x)) + x,
    "relu_first": lambda b, x: branch(b, relu(x)) + x,
    "preactivation": lambda b, x: b.conv2(relu(b.bn2(b.conv1(relu(b.bn1(x)))))) + x,
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_block_is_that_of_its_figure(name: str) -> None:
    network = VARIANTS[name].build(14, 0, classes=3)
    enliven(network, noise(8, 3, 8, 8))
    x = noise(2, 32, 4, 4, seed=2)
    block = network.blocks()["stage2.1"]
    with torch.no_grad():
        torch.testing.assert_close(block(x), FIGURES[name](block, x))


def test_the_identity_is_the_papers_network() -> None:
    ours, theirs = VARIANTS["identity"].build(20, 4, classes=10), networks.build("residual", 20, 4)
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
    ours, theirs = VARIANTS["preactivation"].build(20, 4, classes=10), networks.build("preactivation", 20, 4)
    with torch.no_grad():
        torch.testing.assert_close(ours(noise(2, 3, 8, 8)), theirs(noise(2, 3, 8, 8)))


def test_dropout_drops_half_of_the_shortcut() -> None:
    block = VARIANTS["dropout"].build(14, 0, classes=3).blocks()["stage1.1"]
    assert block.has_shortcut
    torch.manual_seed(0)
    kept = block.shortcut(torch.ones(4, 16, 8, 8))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert kept.mean().item() == pytest.approx(1, abs=0.1)


def test_gates_begin_as_the_paper_has_them() -> None:
    biases = {
        name: VARIANTS[name].build(8, 0, classes=3).blocks()["stage1.0"].gate[0].bias
        for name in ("exclusive_gate", "shortcut_gate")
    }  # type: ignore[union-attr, index]
    assert (biases["exclusive_gate"] == -6).all()
    assert not biases["shortcut_gate"].any()


def test_all_variants_are_trained() -> None:
    pictures = Pictures("noise", ("a", "b"), *(noise(8, 3, 8, 8), torch.tensor([0, 1] * 4)) * 2)
    *_, results = shortcuts.compare(pictures, 8, (0,), Recipe(epochs=1, batch_size=4))
    assert [result.name for result in results] == list(VARIANTS)
    assert results[0].as_dict()["published"] == 6.61
