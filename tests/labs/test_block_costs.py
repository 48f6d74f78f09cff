"""Costs of blocks: formulas against real modules, torchvision's and timm's blocks, and arithmetic by hand."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.models.resnet import BasicBlock as TimmBasic
from timm.models.resnetv2 import PreActBottleneck
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.resnet import BasicBlock, Bottleneck, conv1x1

from resnet_demo.labs.block_costs import BLOCK_KINDS, BlockKind, BlockShape, block_cost, real_block
from resnet_demo.models.summary import summarise
from resnet_demo.texts import AppError


def count(module: nn.Module, channels: int, size: int) -> tuple[int, int]:
    """Parameters, and multiply-adds as PyTorch's own counter counts them."""
    with FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, channels, size, size))
    return sum(one.numel() for one in module.parameters()), counter.get_total_flops() // 2


@pytest.mark.parametrize("kind", BLOCK_KINDS)
@pytest.mark.parametrize(
    "shape",
    [
        BlockShape(64, 64, 16),
        BlockShape(64, 128, 32, groups=4, stride=2, size=9),
        BlockShape(24, 40, 12, kernel=5, groups=3, size=8),
        BlockShape(32, 32, 64, kernel=1, size=7, stride=2),
    ],
    ids=str,
)
def test_formula_module_and_pytorchs_counter_agree(kind: BlockKind, shape: BlockShape) -> None:
    cost = block_cost(kind, shape)
    assert cost.parameters == cost.counted_parameters
    assert cost.weights == cost.counted_weights
    assert cost.multiply_adds == cost.counted_multiply_adds
    assert (cost.parameters, cost.multiply_adds) == count(real_block(kind, shape), shape.channels_in, shape.size)


@pytest.mark.parametrize(
    ("kind", "shape", "theirs"),
    [
        ("basic", BlockShape(64, 64, 64), BasicBlock(64, 64)),
        ("basic", BlockShape(64, 64, 64), TimmBasic(64, 64)),
        ("bottleneck", BlockShape(256, 256, 64), Bottleneck(256, 64)),
        ("resnext", BlockShape(256, 256, 128, groups=32), Bottleneck(256, 64, groups=32, base_width=4)),
        (
            "bottleneck",
            BlockShape(256, 512, 128, stride=2),
            Bottleneck(256, 128, 2, nn.Sequential(conv1x1(256, 512, 2), nn.BatchNorm2d(512))),
        ),
    ],
    ids=["basic", "basic of timm", "bottleneck", "resnext", "bottleneck with projection"],
)
def test_others_blocks_cost_the_same(kind: BlockKind, shape: BlockShape, theirs: nn.Module) -> None:
    cost = block_cost(kind, shape)
    assert (cost.parameters, cost.multiply_adds) == count(theirs, shape.channels_in, shape.size)


def test_a_preactivation_block_of_timm_costs_the_same() -> None:
    """timm's has the norms of He et al. 2016b too: before each convolution."""
    conv = timm.layers.create_conv2d
    theirs = PreActBottleneck(256, 256, bottle_ratio=0.25, conv_layer=conv, norm_layer=timm.layers.BatchNormAct2d)
    cost = block_cost("preactivation_bottleneck", BlockShape(256, 256, 64, size=14))
    assert (cost.parameters, cost.multiply_adds) == count(theirs, 256, 14)


def test_figures_by_hand() -> None:
    """18 C² against 17 C² / 16, for C = 256."""
    basic, bottleneck = (
        block_cost(kind, BlockShape(256, 256, inner)) for kind, inner in (("basic", 256), ("bottleneck", 64))
    )
    assert basic.weights == 18 * 256**2 == 1_179_648
    assert bottleneck.weights == 17 * 256**2 // 16 == 69_632
    assert basic.multiply_adds == 1_179_648 * 56 * 56
    assert [layer.numbers for layer in bottleneck.layers] == [
        "256 · 64",
        "2 · 64",
        "3² · 64 · 64",
        "2 · 64",
        "64 · 256",
        "2 · 256",
    ]
    assert [layer.formula for layer in bottleneck.layers if layer.multiply_adds] == ["C · B", "k² · B · B", "B · D"]


def test_the_first_stage_of_resnet34() -> None:
    rows = summarise("resnet34").rows
    inside = sum(row.parameters for row in rows if row.name.startswith("stage1.") and row.multiply_adds)
    assert inside == 6 * 9 * 64**2 == 221_184
    assert inside == 3 * block_cost("basic", BlockShape(64, 64, 64)).weights


def test_sizes_that_do_not_go_together() -> None:
    with pytest.raises(AppError, match="4"):
        BlockShape(64, 64, 64, kernel=4)
    with pytest.raises(AppError, match="5"):
        BlockShape(64, 64, 64, groups=5)
