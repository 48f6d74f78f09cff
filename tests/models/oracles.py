"""What tests hold our networks against other people's with: weights and inputs under which a mistake shows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from resnet_demo.models.resnet import ResNet


def noise(*shape: int, seed: int = 1) -> Tensor:
    """Normal random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def enliven(network: nn.Module, x: Tensor) -> nn.Module:
    """Give each norm weights, biases and statistics of its own, with which answers to `x` stay of moderate size.

    In a fresh network all norms do the same, and one could stand in for another unseen.
    """
    torch.manual_seed(0)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.2)
        norm.momentum = None  # statistics of `x` alone
        norm.reset_running_stats()
    with torch.no_grad():
        network.train()(x)
        for norm in norms:
            norm.momentum = 0.1
            norm.running_mean += 0.1 * torch.randn_like(norm.running_mean)
    return network.eval()


@torch.no_grad()
def stage_outputs(network: ResNet, images: Tensor) -> dict[str, Tensor]:
    """The outputs of `stem`, `stage1`, ..., in order."""
    features = network.forward_stem(images)
    outputs = {"stem": features}
    for name, stage in network.stages().items():
        outputs[name] = features = stage(features)
    return outputs


@torch.no_grad()
def assert_same_answers(ours: nn.Module, theirs: nn.Module, size: int) -> None:
    """In evaluation, logits for two images of noise agree within 1e-5."""
    images = noise(2, 3, size, size, seed=2)
    expected = theirs.eval()(images)
    assert (expected[0] - expected[1]).abs().max() > 0.01, "so dull that any network might agree"
    torch.testing.assert_close(ours.eval()(images), expected, atol=1e-5, rtol=0)
