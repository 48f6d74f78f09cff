"""Folded networks answer as before, for every variant, with norms that really do something."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from resnet_demo.models import variants
from resnet_demo.models.batch_norm_folding import fold_norms

ALL = [variant.name for variant in variants.all_variants()]
SMALL = [
    "resnet18",
    "resnet50",
    "preact_resnet18",
    "res2net50_26w_4s",
    "highway18",
    "plain18",
    "cifar_resnet20",
]


def with_busy_norms(name: str) -> nn.Module:
    """A network whose norms have statistics, weights and biases unlike those of a new one."""
    torch.manual_seed(0)
    network = variants.build(name, classes=7).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network


@pytest.mark.parametrize(
    "name", [name if name in SMALL else pytest.param(name, marks=pytest.mark.slow) for name in ALL]
)
def test_answers_are_the_same(name: str) -> None:
    network = with_busy_norms(name)
    pictures = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network(pictures)
        folded = fold_norms(copy.deepcopy(network))
        torch.testing.assert_close(folded(pictures), expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
        assert torch.equal(network(pictures), expected), "the original was changed"


def test_no_norm_is_left_in_a_residual_network() -> None:
    folded = fold_norms(with_busy_norms("resnet18"))
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
