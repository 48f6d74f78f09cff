"""The ImageNet networks against torchvision's and timm's, and what every network promises."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pytest
import timm
import torch
import torchvision
from torch import nn

from resnet_demo.models import variants
from resnet_demo.models.blocks import PreActivationBlock
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from tests.models.oracles import assert_same_answers, enliven, noise, stage_outputs

SIZE = 64

QUICK = ["resnet18", "resnet50"]
LARGE = [
    "resnet34",
    "resnext50_32x4d",
    "resnet101",
    "resnet152",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]


def and_slow(quick: Sequence[object], slow: Sequence[object]) -> list[object]:
    """Parameters of which the latter are left to the long run."""
    return [*quick, *(pytest.param(value, marks=pytest.mark.slow) for value in slow)]


def lively(network: nn.Module, size: int = SIZE) -> nn.Module:
    return enliven(network, noise(8, 3, size, size))


@pytest.mark.parametrize("name", and_slow(QUICK, LARGE))
def test_torchvisions_weights_load_both_ways_and_answer_alike(name: str) -> None:
    theirs = lively(torchvision.models.get_model(name, weights=None))
    ours = variants.build(name)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert_same_answers(ours, theirs, SIZE)
    with torch.device("meta"):  # the way back asks for names and shapes alone
        back = torchvision.models.get_model(name, weights=None)
    back.load_state_dict(ours.state_dict(), strict=True, assign=True)
    assert all(torch.equal(tensor, theirs.state_dict()[key]) for key, tensor in back.state_dict().items())


@pytest.mark.parametrize("name", ["resnet18", "res2net50_26w_4s"])  # test_exchange.py has all of them
def test_the_networks_that_timm_has_answer_alike(name: str) -> None:
    timm_name = variants.get(name).timm_name
    assert timm_name
    theirs = lively(timm.create_model(timm_name))
    ours = variants.build(name)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert_same_answers(ours, theirs, SIZE)


def to_timms_v2(name: str) -> str:
    """The key of a pre-activation network's tensor in timm's `resnetv2_*`."""
    name = re.sub(r"^layer(\d)\.", lambda match: f"stages.{int(match[1]) - 1}.blocks.", name)
    name = re.sub(r"\.bn(\d)\.", r".norm\1.", name)
    name = name.replace("downsample.0.", "downsample.conv.")
    return re.sub(r"^conv1\.", "stem.conv.", re.sub(r"^fc\.", "head.fc.", name))


def load_timms_v2(ours: ResNet, theirs: nn.Module) -> None:
    weights = theirs.state_dict()
    keys = {name: to_timms_v2(name) for name in ours.state_dict()}
    assert set(keys.values()) == set(weights)
    # timm's linear layer is a 1x1 convolution.
    ours.load_state_dict({name: weights[key].reshape(ours.state_dict()[name].shape) for name, key in keys.items()})


@pytest.mark.parametrize("depth", and_slow([50], [101, 152]))
def test_pre_activation_bottlenecks_answer_as_timms(depth: int) -> None:
    theirs = lively(timm.create_model(f"resnetv2_{depth}"))
    ours = variants.build(f"preact_resnet{depth}")
    load_timms_v2(ours, theirs)
    assert_same_answers(ours, theirs, SIZE)


@pytest.mark.parametrize("depth", [18, 34])
def test_pre_activation_basics_differ_from_timms_in_the_first_split_alone(depth: int) -> None:
    theirs = lively(timm.create_model(f"resnetv2_{depth}"))
    ours = variants.build(f"preact_resnet{depth}")
    load_timms_v2(ours, theirs)
    with pytest.raises(AssertionError):
        assert_same_answers(ours, theirs, SIZE)
    first = ours.layer("stage1.0")
    assert isinstance(first, PreActivationBlock)
    first.activates_before_split = False  # timm's first shortcut reads what the paper's has activated
    assert_same_answers(ours, theirs, SIZE)


@pytest.mark.parametrize("depth", and_slow([50], [101, 152]))
def test_the_papers_stride_is_torchvisions_network_with_its_strides_moved(depth: int) -> None:
    theirs = lively(torchvision.models.get_model(f"resnet{depth}", weights=None))
    paper = variants.build(f"resnet{depth}_stride1x1")
    paper.load_state_dict(theirs.state_dict(), strict=True)
    with pytest.raises(AssertionError):
        assert_same_answers(paper, theirs, SIZE)
    for stage in (theirs.layer2, theirs.layer3, theirs.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    assert_same_answers(paper, theirs, SIZE)


@pytest.mark.parametrize("depth", [18, 34])
def test_plain_networks_are_torchvisions_less_the_shortcuts(depth: int) -> None:
    theirs = torchvision.models.get_model(f"resnet{depth}", weights=None).state_dict()
    ours = variants.build(f"plain{depth}").state_dict()
    expected = {name: weight.shape for name, weight in theirs.items() if "downsample" not in name}
    assert {name: weight.shape for name, weight in ours.items()} == expected


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "preact_resnet18", "highway18", "plain18"])
def test_the_stages_have_the_papers_sizes_and_lead_to_the_logits(name: str) -> None:
    network = lively(variants.build(name, classes=7))
    images = noise(2, 3, 224, 224)
    with torch.no_grad():
        outputs = stage_outputs(network, images)
        logits = network.forward_head(outputs["stage4"])
        assert torch.equal(logits, network(images))
    assert logits.shape == (2, 7)
    assert list(outputs) == ["stem", *network.stage_names] == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert [output.shape[-1] for output in outputs.values()] == [56, 56, 28, 14, 7]
    last = 2048 if name == "resnet50" else 512
    assert outputs["stage4"].shape[1] == last


@pytest.mark.parametrize("name", ["resnet18", "preact_resnet18", "cifar_plain20"])
def test_a_network_runs_up_to_any_layer_and_on_from_there(name: str) -> None:
    network = lively(variants.build(name, classes=7))
    images = noise(2, 3, 32, 32)
    with torch.no_grad():
        expected, outputs = network(images), stage_outputs(network, images)
        layers = [*network.stages(), *network.blocks(), "layer1", "layer2.1"]
        for layer in layers:
            assert torch.equal(network.forward_from(layer, network.forward_to(layer, images)), expected), layer
        for stage, output in outputs.items():
            assert torch.equal(network.forward_to(stage, images), output)
        assert torch.equal(network.forward_from("stem", outputs["stem"]), expected)
    last = network.stage_names[-1]
    assert {layer for layer in layers if network.is_last(layer)} == {last, [*network.blocks()][-1]}
    for run in (network.forward_to, network.forward_from):
        with pytest.raises(AppError, match=r"stage1 \(stage1\.0"):
            run("stage9", images)


def test_only_pre_activation_networks_have_more_than_a_linear_layer_behind_the_last_stage() -> None:
    for name in ("resnet18", "highway18", "cifar_plain20", "preact_resnet18", "cifar_preact_resnet20"):
        network = lively(variants.build(name, classes=7), 32)
        last = network.stage_names[-1]
        with torch.no_grad():
            a, b = network.forward_to(last, noise(2, 3, 32, 32))
            both, zero = network.forward_from(last, torch.stack([a + b, 0 * a]))
            one, other = network.forward_from(last, torch.stack([a, b]))
        linear = torch.allclose(both - zero, (one - zero) + (other - zero), atol=1e-4)
        assert linear == network.head_is_linear == ("preact" not in name)


def test_the_last_stage_of_a_pre_activation_network_is_the_bare_sum() -> None:
    network = lively(variants.build("preact_resnet18"))
    with torch.no_grad():
        stage4 = stage_outputs(network, noise(2, 3, SIZE, SIZE))["stage4"]
        activated = network.norm(stage4).clamp(min=0)
        torch.testing.assert_close(network.forward_head(stage4), network.fc(activated.mean(dim=(2, 3))))
    assert (stage4 < 0).any()


def test_stages_and_blocks_go_by_both_names() -> None:
    network = variants.build("resnet34")
    blocks = network.blocks()
    assert [name for name in blocks if name.startswith("stage3")] == [f"stage3.{index}" for index in range(6)]
    assert len(blocks) == 3 + 4 + 6 + 3
    assert network.layer("stage3.1") is network.layer("layer3.1") is blocks["stage3.1"] is network.layer3[1]
    assert network.layer("stage4") is network.layer("layer4") is network.layer4


@pytest.mark.parametrize("name", ["layer5", "stage1.3", "fc", "", "stage", "layer1.0.conv1"])
def test_an_unknown_layer_is_named_with_the_choices(name: str) -> None:
    with pytest.raises(AppError, match=r"stage1 \(stage1\.0 … \.2\), .*stage4 \(stage4\.0 … \.2\)") as caught:
        variants.build("resnet34").layer(name)
    assert f'"{name}"' in str(caught.value)
    assert "stage1" in caught.value.say("zh-CN")


@pytest.mark.parametrize("name", ["resnet50", "resnext50_32x4d", "preact_resnet18", "highway18", "cifar_resnet20"])
def test_convolutions_start_as_kaiming_fan_out(name: str) -> None:
    torch.manual_seed(0)
    convs = [module for module in variants.build(name).modules() if isinstance(module, nn.Conv2d)]
    large = [conv for conv in convs if conv.weight.numel() > 5_000]
    assert len(large) > 5
    for conv in large:
        expected = math.sqrt(2 / (conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1]))
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.06)
        assert abs(conv.weight.mean().item()) < expected / 10


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_zero_init_zeroes_what_torchvision_zeroes(name: str) -> None:
    def zero_weights(network: nn.Module) -> set[str]:
        return {key for key, weight in network.named_parameters() if "weight" in key and not weight.any()}

    theirs = zero_weights(torchvision.models.get_model(name, weights=None, zero_init_residual=True))
    assert theirs
    ours = variants.build(name)
    assert not zero_weights(ours)
    ours.zero_init_residual()
    assert zero_weights(ours) == theirs


@pytest.mark.parametrize(
    "name",
    and_slow(
        ["resnet18", "preact_resnet18", "cifar_resnet20", "cifar_preact_resnet20"],
        ["resnet50", "res2net50_26w_4s", "preact_resnet50"],
    ),
)
def test_from_zero_every_channel_of_every_branch_learns(name: str) -> None:
    torch.manual_seed(0)
    network = variants.build(name, classes=10).train()
    assert network.can_zero_init
    network.zero_init_residual()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    for step in range(2):
        loss = nn.functional.cross_entropy(network(noise(8, 3, 32, 32, seed=step)), torch.arange(8))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for block_name, block in network.blocks().items():
        scale = block.residual_scale()
        stuck = (scale.reshape(len(scale), -1) == 0).all(dim=1).float().mean()
        assert stuck < 0.1, f"{block_name}: {stuck:.0%} of the channels cannot learn"


@pytest.mark.parametrize("name", ["plain18", "highway18", "cifar_plain20"])
def test_networks_that_could_not_learn_from_zero_refuse_it(name: str) -> None:
    network = variants.build(name)
    assert not network.can_zero_init
    with pytest.raises(AppError, match="zero-initialised residual branches"):
        network.zero_init_residual()


@pytest.mark.parametrize("name", ["resnet18", "preact_resnet18", "highway18", "plain18", "cifar_preact_resnet20"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    network = variants.build(name).train()
    network(noise(4, 3, SIZE, SIZE)).square().sum().backward()
    without = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not without


@pytest.mark.parametrize("name", and_slow(["cifar_resnet20"], ["resnet18", "preact_resnet18", "highway18"]))
def test_torch_export_takes_it_with_any_batch(name: str) -> None:
    network = lively(variants.build(name))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(network, (noise(2, 3, SIZE, SIZE),), dynamic_shapes=({0: batch},))
    images = noise(5, 3, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), network(images))


def test_norms_learn_their_statistics_as_fast_as_torchvisions() -> None:
    """What no answer in evaluation shows: the share of a new batch in the running statistics, and the epsilon."""

    def settings(network: nn.Module) -> set[tuple[float, float | None]]:
        return {(norm.eps, norm.momentum) for norm in network.modules() if isinstance(norm, nn.BatchNorm2d)}

    with torch.device("meta"):
        expected = settings(torchvision.models.resnet18(weights=None))
        found = {name: settings(variants.build(name)) for name in variants.VARIANTS}
    assert {name for name, norms in found.items() if norms != expected} == set()
