"""The blocks of the timeline: as they are in our own networks, and in torchvision's, transformers' and the papers."""

from __future__ import annotations

import pytest
import torch
import torchvision

from resnet_demo.explain.stage_table import stage_table
from resnet_demo.plots.historic_blocks import HISTORIC_BLOCKS


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("highway", "highway18"),
        ("resnet", "resnet34"),
        ("preactivation", "preact_resnet34"),
        ("wide_resnet", "wide_resnet50_2"),
        ("resnext", "resnext50_32x4d"),
        ("res2net", "res2net50_26w_4s"),
    ],
)
def test_those_that_we_have_are_the_real_ones(name: str, network: str) -> None:
    later = stage_table(network, 224).parts["stage1"].groups[-1]
    assert "stage1.1" in later.names
    assert HISTORIC_BLOCKS[name] == later.diagram


def shapes(name: str) -> list[tuple[int, ...]]:
    return [step.shape for step in HISTORIC_BLOCKS[name].units[0].branch if step.shape]


def outputs(layers: list[torch.nn.Module], run: torch.nn.Module, x: torch.Tensor) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for layer in layers:
        layer.register_forward_hook(lambda _layer, _given, output: found.append(tuple(output.shape[1:])))
    run(x)
    return found


def test_a_dense_layer_of_torchvision() -> None:
    with torch.device("meta"):
        block = torchvision.models.densenet121().features.denseblock1.eval()
        x = torch.empty(1, 64, 56, 56)
        first = block.denselayer1
        assert outputs([first.conv1, first.conv2], first, x) == shapes("densenet")
        drawn = HISTORIC_BLOCKS["densenet"]
        assert torch.cat([x, first(x)], 1).shape[1:] == drawn.output
    assert drawn.units[0].join == "concatenation"


def test_an_mbconv_of_torchvision() -> None:
    with torch.device("meta"):
        block = torchvision.models.efficientnet_b0().eval().features[2][1]
        convolutions = [block.block[0][0], block.block[1][0], block.block[3][0]]
        drawn = HISTORIC_BLOCKS["efficientnet"]
        assert outputs(convolutions, block, torch.empty(1, *drawn.input)) == shapes("efficientnet")
    assert convolutions[1].groups == max(step.lanes for step in drawn.units[0].branch)


def test_a_layer_of_a_vision_transformer() -> None:
    """CLIP's ViT-B/32 has torchvision's sizes."""
    with torch.device("meta"):
        network = torchvision.models.vit_b_32().eval()
    layer = network.encoder.layers[0]
    patches = (224 // network.patch_size) ** 2
    assert HISTORIC_BLOCKS["transformer"].input == (patches + 1, layer.self_attention.embed_dim)
    said = [step.say("en") for unit in HISTORIC_BLOCKS["transformer"].units for step in unit.branch]
    assert said == [
        "layer norm",
        f"self-attention, {layer.self_attention.num_heads} heads",
        "layer norm",
        f"MLP, {layer.mlp[0].out_features:,} inside",
    ]


def test_alexnet_by_hand() -> None:
    """(227 - 11) / 4 + 1 = 55, as the figures of 224 pixels come to only with padding; pools of 3 by 2: 27 and 13."""
    assert shapes("alexnet") == [(96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13)]
    assert [(side - 3) // 2 + 1 for side in (55, 27)] == [27, 13]
