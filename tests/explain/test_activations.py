"""A pass cut in two: its gradients are autograd's, and no more is computed than must be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from resnet_demo.explain.activations import ForwardPass
from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.explain.targets import best, difference, named
from resnet_demo.models.resnet import ResNet
from tests.explain.networks import FAMILIES, images, lively

TARGETS = (best(), named(3), difference(named(0), best()))


def expected_gradients(network: ResNet, layer: str, photos: torch.Tensor) -> list[torch.Tensor]:
    """Those of each score by one backward pass through the whole network."""
    seen: list[torch.Tensor] = []
    handle = network.layer(layer).register_forward_hook(lambda *call: seen.append(call[-1]))
    try:
        logits = network(photos)
    finally:
        handle.remove()
    scores = [(logits * target(logits.detach())).sum() for target in TARGETS]
    return [torch.autograd.grad(score, seen[0], retain_graph=True)[0] for score in scores]


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_those_of_the_whole_network(name: str) -> None:
    network, photos = lively(name), images(3)
    for layer in ("stage2", "stage1.0", network.stage_names[-1]):
        run = ForwardPass(network, photos, layer, TARGETS, differentiable=True)
        assert run.linear == (layer == network.stage_names[-1] and "preact" not in name)
        for found, expected in zip(run.gradients(), expected_gradients(network, layer, photos), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(run.logits, network(photos).detach())


class Convolutions(TorchDispatchMode):
    """Inside a `with`, counts the convolutions that are run, and keeps what each backward one was to compute."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = 0
        self.backward: list[tuple[bool, ...]] = []
        """Gradients of input, weights and bias."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.forward += operation is torch.ops.aten.convolution.default
        if operation is torch.ops.aten.convolution_backward.default:
            self.backward.append(tuple(args[-1]))
        return operation(*args, **(kwargs or {}))


def run_for(network: ResNet, layer: str, targets: int) -> Convolutions:
    """What a Grad-CAM runs."""
    with Convolutions() as run:
        explain(network, images(2), METHODS["gradcam"], layer, [named(index) for index in range(targets)])
    return run


def convolutions(module: nn.Module) -> int:
    return sum(isinstance(part, nn.Conv2d) for part in module.modules())


@pytest.mark.parametrize("name", ["resnet18", "cifar_plain20", "highway18", "preact_resnet18"])
def test_no_gradient_is_computed_below_the_layer_and_none_for_weights(name: str) -> None:
    network = lively(name)
    assert all(parameter.requires_grad for parameter in network.parameters())
    above = sum(convolutions(stage) for stage in list(network.stages().values())[2:])
    assert 0 < above < convolutions(network)
    for targets in (1, 3):
        run = run_for(network, "stage2", targets)
        assert run.forward == convolutions(network)
        assert run.backward == [(True, False, False)] * above * targets


@pytest.mark.parametrize("name", ["resnet18", "cifar_resnet20", "preact_resnet18"])
def test_behind_the_last_stage_one_forward_pass_is_all(name: str) -> None:
    network = lively(name)
    run = run_for(network, network.stage_names[-1], 3)
    assert run.forward == convolutions(network)
    assert run.backward == []
