"""Each block against its formula, and what all blocks promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_demo.models import variants
from resnet_demo.models.blocks import (
    BasicBlock,
    Bottleneck,
    HighwayBlock,
    PaddedShortcut,
    PlainBlock,
    PreActivationBasic,
    PreActivationBottleneck,
    Res2NetBlock,
    ResidualBlock,
)
from tests.models.oracles import enliven, noise

KINDS: dict[str, Callable[[], ResidualBlock]] = {
    "basic": lambda: BasicBlock(16, 16),
    "basic, new shape": lambda: BasicBlock(16, 32, 2),
    "basic, padded": lambda: BasicBlock(16, 32, 2, shape_change=PaddedShortcut),
    "bottleneck": lambda: Bottleneck(64, 16),
    "bottleneck, new shape": lambda: Bottleneck(64, 32, 2),
    "bottleneck, stride on 1x1": lambda: Bottleneck(64, 32, 2, stride_on="1x1"),
    "bottleneck, groups": lambda: Bottleneck(64, 32, 2, groups=8, width_per_group=16),
    "res2net": lambda: Res2NetBlock(128, 32),
    "res2net, new shape": lambda: Res2NetBlock(64, 32, 2),
    "pre-activation basic": lambda: PreActivationBasic(16, 16),
    "pre-activation basic, new shape": lambda: PreActivationBasic(16, 32, 2),
    "pre-activation basic, padded": lambda: PreActivationBasic(16, 32, 2, shape_change=PaddedShortcut),
    "pre-activation bottleneck": lambda: PreActivationBottleneck(64, 16),
    "pre-activation bottleneck, new shape": lambda: PreActivationBottleneck(64, 32, 2),
    "highway": lambda: HighwayBlock(16, 16),
    "highway, new shape": lambda: HighwayBlock(16, 32, 2),
}


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest) -> ResidualBlock:
    torch.manual_seed(0)
    return KINDS[request.param]()


@pytest.fixture
def x(fresh: ResidualBlock) -> Tensor:
    return noise(2, fresh.conv1.in_channels, 8, 8)


@pytest.fixture
def block(fresh: ResidualBlock, x: Tensor) -> ResidualBlock:
    enliven(fresh, x)
    return fresh


def norm(x: Tensor, bn: nn.BatchNorm2d) -> Tensor:
    """Evaluation's batch norm, spelled out (Ioffe and Szegedy 2015, algorithm 2)."""
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return (x - bn.running_mean.view(-1, 1, 1)) * scale.view(-1, 1, 1) + bn.bias.view(-1, 1, 1)


def test_forward_is_the_activation_of_the_sum_of_the_parts(block: ResidualBlock, x: Tensor) -> None:
    parts = block.activation(block.residual(x) + block.shortcut(x))
    assert parts.std() > 0.1
    torch.testing.assert_close(block(x), parts)


def test_nothing_that_a_caller_may_hold_is_overwritten(block: ResidualBlock, x: Tensor) -> None:
    held = [(x, x.clone()), (block.residual(x), block.residual(x)), (block.shortcut(x), block.shortcut(x))]
    for module in block.modules():
        module.register_forward_hook(lambda _, __, output: held.append((output, output.clone())))
    block(x)
    block.residual(x)
    block.shortcut(x)
    assert len(held) > 10
    for now, then in held:
        assert torch.equal(now, then)


def test_a_batch_in_training_counts_once_in_every_norm(fresh: ResidualBlock, x: Tensor) -> None:
    fresh.train()(x)
    norms = [module for module in fresh.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert {int(norm.num_batches_tracked) for norm in norms} == {1}


def test_channels_last_goes_through(block: ResidualBlock, x: Tensor) -> None:
    expected = block(x)
    y = block.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("fresh", [kind for kind in KINDS if "highway" not in kind], indirect=True)
def test_zero_residual_leaves_the_shortcut_alone(fresh: ResidualBlock, x: Tensor) -> None:
    fresh.zero_residual()
    padded = isinstance(fresh.downsample, PaddedShortcut)  # whose new channels would have nothing at all
    assert bool(fresh.residual(x).any()) == padded
    assert torch.equal(fresh(x), fresh.activation(fresh.shortcut(x))) != padded


def test_basic_block_is_its_formula() -> None:
    block, x = BasicBlock(16, 32, 2), noise(2, 16, 8, 8)
    enliven(block, x)
    layer1 = norm(F.conv2d(x, block.conv1.weight, stride=2, padding=1), block.bn1).clamp(min=0)
    residual = norm(F.conv2d(layer1, block.conv2.weight, padding=1), block.bn2)
    projected = norm(F.conv2d(x, block.downsample[0].weight, stride=2), block.downsample[1])
    torch.testing.assert_close(block.residual(x), residual)
    torch.testing.assert_close(block.shortcut(x), projected)
    torch.testing.assert_close(block(x), (residual + projected).clamp(min=0))


def test_plain_block_is_the_basic_blocks_layers_and_nothing_else() -> None:
    plain, basic, x = PlainBlock(16, 16), BasicBlock(16, 16), noise(2, 16, 8, 8)
    enliven(plain, x)
    basic.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(x), basic.eval().residual(x).clamp(min=0))
    assert not plain.has_shortcut
    assert not hasattr(plain, "shortcut")


def test_highway_block_is_its_formula() -> None:
    block, x = HighwayBlock(16, 32, 2), noise(2, 16, 8, 8)
    enliven(block, x)
    nn.init.normal_(block.gate[0].bias)
    t = 1 / (1 + torch.exp(-F.conv2d(x, block.gate[0].weight, block.gate[0].bias, stride=2)))
    layer1 = norm(F.conv2d(x, block.conv1.weight, stride=2, padding=1), block.bn1).clamp(min=0)
    h = norm(F.conv2d(layer1, block.conv2.weight, padding=1), block.bn2).clamp(min=0)
    projected = norm(F.conv2d(x, block.downsample[0].weight, stride=2), block.downsample[1])
    torch.testing.assert_close(block(x), t * h + (1 - t) * projected)
    torch.testing.assert_close(block.residual(x), t * h)


def test_highway_gate_starts_nearly_closed_and_has_its_two_ends() -> None:
    block, x = HighwayBlock(16, 16).eval(), noise(2, 16, 8, 8)
    gate, transform = block.gate[0], block.gate[1]
    assert transform(gate(torch.zeros_like(x))).max() < 0.05
    with torch.no_grad():
        gate.bias.fill_(-1000)
        assert torch.equal(block(x), x)
        gate.bias.fill_(1000)
        torch.testing.assert_close(block(x), block.transform(x))


def test_padded_shortcut_by_hand() -> None:
    x = torch.arange(32.0).reshape(1, 2, 4, 4)
    y = PaddedShortcut(2, 4, 2)(x)
    nothing = torch.zeros(2, 2)
    expected = [nothing, torch.tensor([[0.0, 2.0], [8.0, 10.0]]), torch.tensor([[16.0, 18.0], [24.0, 26.0]]), nothing]
    assert torch.equal(y, torch.stack(expected)[None])


def test_pre_activation_carries_x_untouched_but_activates_before_a_new_shape() -> None:
    same, new, x = PreActivationBasic(16, 16), PreActivationBasic(16, 32, 2), noise(2, 16, 8, 8)
    enliven(new, x)
    assert same.shortcut(x) is x
    activated = norm(x, new.bn1).clamp(min=0)
    torch.testing.assert_close(new.shortcut(x), F.conv2d(activated, new.downsample[0].weight, stride=2))
    assert (new(x) < 0).any(), "nothing may activate the sum"


def test_the_bottlenecks_stride_is_where_it_says() -> None:
    v15, paper = Bottleneck(64, 32, 2), Bottleneck(64, 32, 2, stride_on="1x1")
    assert (v15.conv1.stride, v15.conv2.stride) == ((1, 1), (2, 2))
    assert (paper.conv1.stride, paper.conv2.stride) == ((2, 2), (1, 1))


@pytest.mark.parametrize(
    ("network", "block", "expected"),
    [
        ("resnet18", "stage1.1", ["same", "relu"]),
        ("resnet18", "stage2.0", ["projected", "relu"]),
        ("cifar_resnet20", "stage2.0", ["padded", "relu"]),
        ("preact_resnet18", "stage1.0", ["same", "activated_before", "bare_sum"]),
        ("preact_resnet18", "stage1.1", ["same", "activated_inside", "bare_sum"]),
        ("preact_resnet18", "stage2.0", ["projected", "activated_before", "bare_sum"]),
        ("highway18", "stage2.1", ["same", "gated"]),
        ("plain18", "stage1.0", ["plain"]),
        ("res2net50_26w_4s", "stage3.2", ["same", "ladder", "relu"]),
    ],
)
def test_a_block_describes_itself(network: str, block: str, expected: list[str]) -> None:
    said = variants.build(network, classes=2).blocks()[block].description
    assert [message.key.rsplit(".", 1)[1] for message in said] == expected
    assert all(message.say(language) for message in said for language in ("en", "zh-CN"))


def test_only_blocks_that_still_learn_start_as_their_shortcut() -> None:
    able = [BasicBlock, Bottleneck, Res2NetBlock, PreActivationBasic, PreActivationBottleneck]
    assert all(kind.can_zero_init for kind in able)
    assert not HighwayBlock.can_zero_init
    assert not PlainBlock.can_zero_init
