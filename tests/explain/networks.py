"""Networks to look into, one of each family, and a way to tell whether looking changed one."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from tests.models.oracles import enliven, noise

SIDE = 32
CLASSES = 5

QUICK = (
    "resnet18",
    "preact_resnet18",
    "highway18",
    "plain18",
    "cifar_resnet20",
    "cifar_plain20",
    "cifar_preact_resnet20",
)
LARGE = ("resnet50", "resnet50_stride1x1", "resnext50_32x4d", "wide_resnet50_2", "preact_resnet50", "res2net50_26w_4s")
FAMILIES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]
WITH_SHORTCUTS = [family for family in FAMILIES if not isinstance(family, str) or "plain" not in family]


@cache
def lively(name: str) -> ResNet:
    """The network with five classes and norms that differ; for tests that leave it as it is."""
    torch.manual_seed(0)
    network = variants.build(name, classes=CLASSES)
    enliven(network, noise(8, 3, SIDE, SIDE))
    return network


def images(count: int, seed: int = 2) -> Tensor:
    """Normalised noise (count, 3, 32, 32)."""
    return noise(count, 3, SIDE, SIDE, seed=seed)


def state(network: ResNet) -> dict[str, Any]:
    """All that looking might change, to be compared with `assert_same_state`."""
    hooks = [name for name in vars(network) if name.endswith("_hooks")]
    assert hooks
    return {
        "weights": {name: value.clone() for name, value in network.state_dict().items()},
        "gradients": [parameter.grad for parameter in network.parameters()],
        "wanted": [parameter.requires_grad for parameter in network.parameters()],
        "modes": [module.training for module in network.modules()],
        "hooks": [len(getattr(module, name)) for module in network.modules() for name in hooks],
        "modules": [id(module) for module in network.modules()],
        "inplace": [getattr(module, "inplace", None) for module in network.modules()],
    }


def assert_same_state(network: ResNet, before: dict[str, Any]) -> None:
    """The network is as it was when `before` was taken."""
    now = state(network)
    weights, weights_before = now.pop("weights"), before["weights"]
    assert now == {name: value for name, value in before.items() if name != "weights"}
    assert weights.keys() == weights_before.keys()
    assert all(torch.equal(weights[name], weights_before[name]) for name in weights)
