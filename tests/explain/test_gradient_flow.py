"""Gradients through the blocks: against torchvision's with hooks, against paths cut one by one, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torchvision
from torch import Tensor, nn

from resnet_demo.explain.gradient_flow import gradient_flow
from resnet_demo.explain.targets import difference, named
from resnet_demo.models import variants
from resnet_demo.models.blocks import ResidualBlock
from tests.explain.networks import FAMILIES, WITH_SHORTCUTS, images, lively
from tests.explain.two_blocks import two_blocks
from tests.models.oracles import enliven, noise


@pytest.mark.parametrize("name", ["resnet18", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_the_total_is_torchvisions_gradient_at_each_blocks_input(name: str) -> None:
    theirs = enliven(torchvision.models.get_model(name, weights=None), noise(8, 3, 64, 64))
    ours = variants.build(name).eval()
    ours.load_state_dict(theirs.state_dict())
    image = noise(1, 3, 64, 64, seed=3)
    came_in: dict[str, Tensor] = {}

    def keep(block_name: str) -> object:
        def hook(module: nn.Module, args: tuple[Tensor]) -> None:
            args[0].retain_grad()
            came_in[block_name] = args[0]

        return hook

    for block_name in ours.blocks():
        theirs.get_submodule(block_name.replace("stage", "layer")).register_forward_pre_hook(keep(block_name))
    theirs(image)[0, 7].backward()
    total = gradient_flow(ours, image, named(7)).total
    assert list(total) == list(came_in)
    for block_name, x in came_in.items():
        assert x.grad is not None
        assert total[block_name] == pytest.approx(x.grad.norm().item(), rel=1e-3)


@pytest.mark.parametrize("name", WITH_SHORTCUTS)
def test_each_path_is_what_is_left_with_the_other_cut(name: str) -> None:
    network, image = lively(name), images(1)
    flow = gradient_flow(network, image, named(1))
    x = network.forward_stem(image).detach()
    for block_name, block in network.blocks().items():
        assert isinstance(block, ResidualBlock)
        measured = []
        for cut in ("neither", "shortcut", "residual"):
            leaf = x.clone().requires_grad_()
            residual, shortcut = block.residual(leaf), block.shortcut(leaf)
            y = block.activation(
                (residual.detach() if cut == "residual" else residual)
                + (shortcut.detach() if cut == "shortcut" else shortcut)
            )
            logit = network.forward_from(block_name, y)[0, 1]
            measured.append(torch.autograd.grad(logit, leaf)[0].norm().item())
        total, residual_norm, shortcut_norm = measured
        assert flow.total[block_name] == pytest.approx(total, rel=1e-4)
        assert flow.residual[block_name] == pytest.approx(residual_norm, rel=1e-4)
        assert flow.shortcut[block_name] == pytest.approx(shortcut_norm, rel=1e-4)
        x = block(x).detach()


@pytest.mark.parametrize("name", [family for family in FAMILIES if "plain" in str(family)])
def test_a_plain_network_has_one_path(name: str) -> None:
    network, image = lively(name), images(1)
    flow = gradient_flow(network, image, named(0))
    assert flow.shortcut == {}
    assert flow.residual == flow.total
    for block_name in list(network.blocks())[:-1]:
        leaf = network.forward_to(block_name, image).detach().requires_grad_()
        gradient = torch.autograd.grad(network.forward_from(block_name, leaf)[0, 0], leaf)[0]
        following = list(network.blocks())[list(network.blocks()).index(block_name) + 1]
        assert flow.total[following] == pytest.approx(gradient.norm().item(), rel=1e-4)


def test_by_hand() -> None:
    # One pixel has 2 / 16 of the logit. The second block hands back 1 + 1 of it, the first 1 - 0.5 of that.
    flow = gradient_flow(two_blocks(first=(1, -0.5), second=(1, 1)), torch.full((1, 3, 4, 4), 2.0), named(0))
    norm = 2 / 16 * math.sqrt(16)
    assert flow.shortcut == pytest.approx({"stage1.0": 2 * norm, "stage1.1": norm})
    assert flow.residual == pytest.approx({"stage1.0": norm, "stage1.1": norm})
    assert flow.total == pytest.approx({"stage1.0": norm, "stage1.1": 2 * norm})


def test_where_the_last_relu_shuts_nothing_flows() -> None:
    flow = gradient_flow(two_blocks(first=(1, 1), second=(1, -3)), torch.full((1, 3, 4, 4), 2.0), named(0))
    assert set(flow.total.values()) == {0.0}


def test_it_works_where_gradients_are_off() -> None:
    network, image = lively("cifar_resnet20"), images(1)
    with torch.no_grad():
        assert gradient_flow(network, image, named(2)) == gradient_flow(network, image, named(2))
        assert not torch.is_grad_enabled()


def test_of_two_classes_it_is_the_gradient_of_their_difference() -> None:
    network, image = lively("resnet18"), images(1)
    leaf = network.forward_stem(image).detach().requires_grad_()
    logits = network.forward_from("stem", leaf)[0]
    gradient = torch.autograd.grad(logits[2] - logits[4], leaf)[0]
    flow = gradient_flow(network, image, difference(named(2), named(4)))
    assert flow.total["stage1.0"] == pytest.approx(gradient.norm().item(), rel=1e-4)
