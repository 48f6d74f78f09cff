"""A network in two parts: what lies below the chosen depth stays as it is, costs no gradient and answers alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainDepth
from resnet_demo.training.frozen_backbone import FrozenBackbone, TrainableTail, trainable_stages

VARIANTS = ("resnet18", "preact_resnet18", "res2net50_26w_4s", "highway18", "plain18", "cifar_preact_resnet20")
DEPTHS: tuple[TrainDepth, ...] = ("head", 1, 2, 3, "all")


def used(variant: str) -> ResNet:
    """A network whose norms have seen some data."""
    torch.manual_seed(0)
    network = variants.build(variant, 5)
    with torch.no_grad():
        network(torch.randn(8, 3, 64, 64) * 2 + 1)
    return network.eval()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_both_parts_together_are_the_network(variant: str, depth: TrainDepth) -> None:
    network = used(variant)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
        features = images if depth == "all" else FrozenBackbone(network, depth)(images)
        torch.testing.assert_close(TrainableTail(network, depth).eval()(features), expected, rtol=1e-4, atol=1e-4)


def learn(network: ResNet, depth: TrainDepth, images: Tensor) -> None:
    frozen = None if depth == "all" else FrozenBackbone(network, depth)
    trainable = TrainableTail(network, depth).train()
    optimiser = torch.optim.SGD([one for one in network.parameters() if one.requires_grad], 0.1)
    for _ in range(2):
        trainable(images if frozen is None else frozen(images)).square().sum().backward()
        optimiser.step()


@pytest.mark.parametrize("variant", ["resnet18", "preact_resnet18", "cifar_resnet20"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_only_what_lies_above_changes(variant: str, depth: TrainDepth) -> None:
    """Weights and running statistics alike, all of them above, none of them below."""
    network = used(variant)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learn(network, depth, torch.randn(4, 3, 64, 64))
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    stages = [name.replace("stage", "layer") for name in trainable_stages(network, depth)]
    above = ("fc",) if depth == "head" else ("fc", "norm", *stages)
    expected = {name for name in before if depth == "all" or name.split(".")[0] in above}
    assert changed == expected


@pytest.mark.parametrize("depth", ["head", 1, 2])
def test_no_gradient_goes_below(depth: TrainDepth) -> None:
    network = used("resnet18")
    images = torch.randn(2, 3, 64, 64, requires_grad=True)
    features = FrozenBackbone(network, depth)(images)
    assert not features.requires_grad, "the frozen part was recorded for a backward pass"
    TrainableTail(network, depth).train()(features).sum().backward()
    assert images.grad is None
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_frozen_norms_stay_in_evaluation() -> None:
    network = used("resnet18")
    trainable = TrainableTail(network, 2).train()
    modes = {name: module.training for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {name.split(".")[0] for name, trains in modes.items() if trains} == {"layer3", "layer4"}
    assert not any(module.training for module in trainable.eval().modules())


def test_more_stages_than_there_are() -> None:
    assert trainable_stages(variants.build("cifar_resnet20"), 3) == ("stage1", "stage2", "stage3")
    with pytest.raises(AppError) as caught:
        TrainableTail(variants.build("cifar_resnet20"), 4)
    assert "3 stages" in str(caught.value)
