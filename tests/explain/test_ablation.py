"""Ablation: against torchvision's network without these blocks, and networks whose branches are zero."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from torch import Tensor, nn

from resnet_demo.explain import ablation
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
    assert torch.equal(ablation.run_without(network, photos), answer(network, photos))


@pytest.mark.parametrize(
    ("name", "removed"),
    [
        ("resnet18", ["stage1.0", "stage3.1"]),
        pytest.param("resnet50", ["stage1.2", "stage3.1", "stage3.4", "stage4.2"], marks=pytest.mark.slow),
    ],
)
def test_a_removed_block_is_torchvisions_network_without_it(name: str, removed: list[str]) -> None:
    theirs = enliven(torchvision.models.get_model(name, weights=None), noise(8, 3, 64, 64))
    ours = variants.build(name).eval()
    ours.load_state_dict(theirs.state_dict())
    photos = noise(2, 3, 64, 64, seed=3)
    for block in removed:
        stage, index = block.replace("stage", "layer").split(".")
        getattr(theirs, stage)[int(index)] = nn.Identity()
    torch.testing.assert_close(
        ablation.run_without(ours, photos, removed), answer(theirs, photos), atol=1e-4, rtol=1e-4
    )
    as_layers = [block.replace("stage", "layer") for block in removed]
    assert torch.equal(ablation.run_without(ours, photos, as_layers), ablation.run_without(ours, photos, removed))


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
    for block in ablation.removable_blocks(network):
        expected = answer(without_branch(network, block), photos)
        assert torch.equal(ablation.run_without(network, photos, [block]), expected), block
        assert not torch.allclose(expected, whole, rtol=1e-3), f"{block} matters so little that the test is blind"


def test_by_hand() -> None:
    network = two_blocks(first=(1, -0.5), second=(1, 3))
    image = torch.full((1, 3, 2, 2), 2.0)
    logits = [
        ablation.run_without(network, image, removed).item()
        for removed in ((), ["stage1.0"], ["stage1.1"], ["stage1.0", "stage1.1"])
    ]
    assert logits == [8, 16, 2, 4]  # twice (2 - 1) * 4, 2 * 4, (2 - 1), 2


@pytest.mark.parametrize("name", FAMILIES)
def test_just_the_blocks_that_keep_the_shape_can_be_removed(name: str) -> None:
    network = lively(name)
    x = network.forward_stem(images(1))
    keep = []
    for block_name, block in network.blocks().items():
        y = block(x)
        if y.shape == x.shape:
            keep.append(block_name)
        x = y
    assert list(ablation.removable_blocks(network)) == keep
    assert ablation.run_without(network, images(2), keep).isfinite().all()


def test_others_say_why_not() -> None:
    resnet18, resnet50 = lively("resnet18"), variants.build("resnet50", classes=2)
    assert ablation.why_not_removable(resnet18, "stage1.0") is None
    halves = ablation.why_not_removable(resnet18, "layer2.0")
    assert halves is not None
    assert "stage2.0 cannot be removed: it halves height and width and turns 64 channels into 128" in halves.say()
    widens = ablation.why_not_removable(resnet50, "stage1.0")
    assert widens is not None
    assert "it turns 64 channels into 256" in widens.say()
    assert "256" in widens.say("zh-CN")
    with pytest.raises(AppError, match=r"stage4\.0 cannot be removed") as caught:
        ablation.run_without(resnet18, images(1), ["stage1.0", "stage4.0"])
    assert caught.value.message.key == "explain.ablation.halves"


@pytest.mark.parametrize("name", ["stage7.0", "stage1", "stem", "", "fc"])
def test_what_is_no_block_cannot_be_removed(name: str) -> None:
    with pytest.raises(AppError):
        ablation.run_without(lively("resnet18"), images(1), [name])


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
    steps = list(ablation.ablation_sweep(network, batches))
    assert [step.photos for step in steps] == [5, 10, 12]
    for step in steps:
        seen, right = photos[: step.photos], classes[: step.photos]
        expected = {
            block: (ablation.run_without(network, seen, [block]).argmax(dim=1) == right).float().mean().item()
            for block in ablation.removable_blocks(network)
        }
        assert dict(step.without) == pytest.approx(expected)
        assert step.whole == pytest.approx((answer(network, seen).argmax(dim=1) == right).float().mean().item())
    assert steps[-1].whole == 0.75
    assert min(steps[-1].without.values()) < 0.75, "so alike that any accuracy would do"


def test_no_photos_no_accuracy() -> None:
    assert list(ablation.ablation_sweep(lively("resnet18"), [])) == []
