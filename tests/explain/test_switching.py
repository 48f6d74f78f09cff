"""Blocks switched off: against torchvision's network with blocks taken out, and networks whose branches are zero."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from torch import Tensor, nn

from resnet_demo.explain import switching
from resnet_demo.models import variants
from resnet_demo.models.blocks import BasicBlock, HighwayBlock, PlainBlock, PreActivationBlock
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from tests.explain.networks import FAMILIES, images, lively
from tests.explain.two_blocks import two_blocks
from tests.models.oracles import enliven, noise


@torch.no_grad()
def answer(network: nn.Module, photos: Tensor) -> Tensor:
    logits: Tensor = network(photos)
    return logits


@pytest.mark.parametrize("name", FAMILIES)
def test_with_every_block_on_it_is_the_network(name: str) -> None:
    network, photos = lively(name), images(3)
    assert torch.equal(switching.run(network, photos), answer(network, photos))


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("resnet18", ["stage1.0", "stage3.1"]),
        pytest.param("resnet50", ["stage1.2", "stage3.1", "stage3.4", "stage4.2"], marks=pytest.mark.slow),
    ],
)
def test_a_block_that_is_off_is_torchvisions_network_without_it(name: str, off: list[str]) -> None:
    theirs = enliven(torchvision.models.get_model(name, weights=None), noise(8, 3, 64, 64))
    ours = variants.build(name).eval()
    ours.load_state_dict(theirs.state_dict())
    photos = noise(2, 3, 64, 64, seed=3)
    for block in off:
        stage, index = block.replace("stage", "layer").split(".")
        getattr(theirs, stage)[int(index)] = nn.Identity()
    torch.testing.assert_close(switching.run(ours, photos, off), answer(theirs, photos), atol=1e-4, rtol=1e-4)
    as_layers = [block.replace("stage", "layer") for block in off]
    assert torch.equal(switching.run(ours, photos, as_layers), switching.run(ours, photos, off))


def without_branch(network: ResNet, name: str) -> ResNet:
    """A copy in which a block's layers compute nothing, or are not there."""
    changed = copy.deepcopy(network)
    stage, index = name.replace("stage", "layer").split(".")
    block = changed.get_submodule(f"{stage}.{index}")
    if isinstance(block, PlainBlock):
        setattr(changed.get_submodule(stage), index, nn.Identity())
    elif isinstance(block, HighwayBlock):
        nn.init.constant_(block.gate.get_submodule("0").get_parameter("bias"), -1000)
    else:
        nn.init.zeros_(block.residual_scale())
        if not isinstance(block, PreActivationBlock):
            last = block.bn2 if isinstance(block, BasicBlock) else block.get_submodule("bn3")
            nn.init.zeros_(last.get_parameter("bias"))
    return changed


@pytest.mark.parametrize("name", FAMILIES)
def test_a_block_that_is_off_adds_nothing(name: str) -> None:
    network, photos = lively(name), images(3)
    whole = answer(network, photos)
    for block in switching.switchable(network):
        expected = answer(without_branch(network, block), photos)
        assert torch.equal(switching.run(network, photos, [block]), expected), block
        assert not torch.allclose(expected, whole, rtol=1e-3), f"{block} matters so little that the test is blind"


def test_by_hand() -> None:
    network = two_blocks(first=(1, -0.5), second=(1, 3))
    image = torch.full((1, 3, 2, 2), 2.0)
    logits = [
        switching.run(network, image, off).item() for off in ((), ["stage1.0"], ["stage1.1"], ["stage1.0", "stage1.1"])
    ]
    assert logits == [8, 16, 2, 4]  # twice (2 - 1) * 4, 2 * 4, (2 - 1), 2


@pytest.mark.parametrize("name", FAMILIES)
def test_just_the_blocks_that_keep_the_shape_can_be_switched_off(name: str) -> None:
    network = lively(name)
    x = network.forward_stem(images(1))
    keep = []
    for block_name, block in network.blocks().items():
        y = block(x)
        if y.shape == x.shape:
            keep.append(block_name)
        x = y
    assert list(switching.switchable(network)) == keep
    assert switching.run(network, images(2), keep).isfinite().all()


def test_others_say_why_not() -> None:
    resnet18, resnet50 = lively("resnet18"), variants.build("resnet50", classes=2)
    assert switching.why_not(resnet18, "stage1.0") is None
    halves = switching.why_not(resnet18, "layer2.0")
    assert halves is not None
    assert "stage2.0 cannot be switched off: it halves height and width and makes 128 channels of 64." in halves.say()
    widens = switching.why_not(resnet50, "stage1.0")
    assert widens is not None
    assert "it makes 256 channels of 64." in widens.say()
    assert "256" in widens.say("zh-CN")
    with pytest.raises(AppError, match=r"stage4\.0 cannot be switched off") as caught:
        switching.run(resnet18, images(1), ["stage1.0", "stage4.0"])
    assert caught.value.message.key == "explain.switching.halves"


@pytest.mark.parametrize("name", ["stage7.0", "stage1", "stem", "", "fc"])
def test_what_is_no_block_cannot_be_switched_off(name: str) -> None:
    with pytest.raises(AppError):
        switching.run(lively("resnet18"), images(1), [name])


@pytest.mark.parametrize(
    "name",
    ["cifar_resnet20", "cifar_plain20", "cifar_preact_resnet20", pytest.param("highway18", marks=pytest.mark.slow)],
)
def test_accuracy_by_block_removed_is_that_of_running_each_network(name: str) -> None:
    network, photos = copy.deepcopy(lively(name)), images(12)
    with torch.no_grad():
        network.fc.bias -= network(photos).mean(dim=0)  # or else it would see the same class everywhere
    classes = answer(network, photos).argmax(dim=1)
    classes[:3] = (classes[:3] + 1) % 5
    batches = list(zip(photos.split(5), classes.split(5), strict=True))
    steps = list(switching.accuracy_without_each(network, batches))
    assert [step.photos for step in steps] == [5, 10, 12]
    for step in steps:
        seen, right = photos[: step.photos], classes[: step.photos]
        expected = {
            block: (switching.run(network, seen, [block]).argmax(dim=1) == right).float().mean().item()
            for block in switching.switchable(network)
        }
        assert dict(step.without) == pytest.approx(expected)
        assert step.whole == pytest.approx((answer(network, seen).argmax(dim=1) == right).float().mean().item())
    assert steps[-1].whole == 0.75
    assert min(steps[-1].without.values()) < 0.75, "so alike that any accuracy would do"


def test_no_photos_no_accuracy() -> None:
    assert list(switching.accuracy_without_each(lively("resnet18"), [])) == []
