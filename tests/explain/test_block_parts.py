"""What a block adds: against torchvision's layers by hooks, and by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from resnet_demo.explain import block_parts
from resnet_demo.explain.block_parts import Parts
from resnet_demo.models import variants
from resnet_demo.models.blocks import HighwayBlock
from resnet_demo.texts import AppError
from tests.explain.networks import WITH_SHORTCUTS, images, lively
from tests.explain.two_blocks import two_blocks
from tests.models.oracles import enliven, noise


def noting(notes: dict[str, Tensor], name: str, before: bool = False) -> Callable[..., None]:
    """A hook that keeps what goes into a module or leaves it."""

    def hook(module: nn.Module, args: Any, output: Any = None) -> None:
        notes[name] = (args[0] if before else output).detach().clone()

    return hook


@pytest.mark.parametrize("name", ["resnet18", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_the_parts_are_those_of_torchvisions_layers(name: str) -> None:
    theirs = enliven(torchvision.models.get_model(name, weights=None), noise(8, 3, 64, 64))
    ours = variants.build(name).eval()
    ours.load_state_dict(theirs.state_dict())
    last_norm = "bn2" if name == "resnet18" else "bn3"
    image = noise(1, 3, 64, 64, seed=3)
    measured = block_parts.ratios(ours, image)
    for block_name in ours.blocks():
        notes: dict[str, Tensor] = {}
        their_block = theirs.get_submodule(block_name.replace("stage", "layer"))
        their_block.register_forward_pre_hook(noting(notes, "shortcut", before=True))
        if their_block.downsample is not None:
            their_block.downsample.register_forward_hook(noting(notes, "shortcut"))
        getattr(their_block, last_norm).register_forward_hook(noting(notes, "residual"))
        their_block.register_forward_hook(noting(notes, "output"))
        with torch.no_grad():
            theirs(image)
        total = notes["residual"] + notes["shortcut"]
        expected = torch.cat([notes["shortcut"], notes["residual"], total, notes["output"]])
        parts = block_parts.parts(ours, image, block_name)
        np.testing.assert_allclose(parts.values, expected.numpy(), atol=2e-5)
        assert measured[block_name] == pytest.approx(
            (notes["residual"].norm() / notes["shortcut"].norm()).item(), rel=1e-4
        )


def test_two_blocks_by_hand() -> None:
    network = two_blocks(first=(1, -0.5), second=(1, -3))
    image = torch.full((1, 3, 2, 2), 2.0)
    np.testing.assert_array_equal(block_parts.parts(network, image, "stage1.0").maps(0)[:, 1, 0], [2, -1, 1, 1])
    np.testing.assert_array_equal(block_parts.parts(network, image, "layer1.1").maps(0)[:, 0, 1], [1, -3, -2, 0])
    assert block_parts.ratios(network, image) == {"stage1.0": 0.5, "stage1.1": 3.0}


def test_ratios_are_means_over_the_photos() -> None:
    network = lively("resnet18")
    photos = images(3)
    together = block_parts.ratios(network, photos)
    alone = [block_parts.ratios(network, photo[None]) for photo in photos]
    for name, ratio in together.items():
        assert ratio == pytest.approx(sum(each[name] for each in alone) / 3, rel=1e-4)


def test_an_empty_shortcut_makes_the_ratio_infinite() -> None:
    network = two_blocks(first=(1, -1), second=(1, 1))
    nn.init.ones_(network.layer1[1].bn2.bias)
    assert block_parts.ratios(network, torch.full((1, 3, 2, 2), 2.0)) == {"stage1.0": 1.0, "stage1.1": float("inf")}


@pytest.mark.parametrize("name", WITH_SHORTCUTS)
def test_each_familys_parts_add_up_to_what_the_block_answers(name: str) -> None:
    network, image = lively(name), images(1)
    x = network.forward_stem(image)
    for block_name, block in network.blocks().items():
        parts = block_parts.parts(network, image, block_name)
        shortcut, residual, total, output = parts.values
        with torch.no_grad():
            x = block(x)
        np.testing.assert_array_equal(output, x[0].numpy())
        np.testing.assert_array_equal(shortcut + residual, total)
        assert parts.name == block_name


def test_a_gate_shares_out_between_x_and_what_is_computed() -> None:
    network, image = copy.deepcopy(lively("highway18")), images(1)
    block = network.layer("stage1.1")
    assert isinstance(block, HighwayBlock)
    came_in = block_parts.parts(network, image, "stage1.0").values[3]
    nn.init.constant_(block.gate.get_submodule("0").get_parameter("bias"), -1000)
    shortcut, residual, *_ = block_parts.parts(network, image, "stage1.1").values
    np.testing.assert_array_equal(shortcut, came_in)
    assert not residual.any()


@pytest.mark.parametrize("name", ["plain18", "cifar_plain20"])
def test_a_plain_block_says_that_it_adds_nothing(name: str) -> None:
    for call in (
        lambda: block_parts.parts(lively(name), images(1), "stage1.1"),
        lambda: block_parts.ratios(lively(name), images(1)),
    ):
        with pytest.raises(AppError, match=r"stage1\.\d is a block of a plain network"):
            call()


@pytest.mark.parametrize(
    ("layer", "said"),
    [("stage9.0", "has no stage or block"), ("stage2", r'"stage2" is a whole stage.*stage2\.0 to stage2\.1')],
)
def test_what_is_no_block_is_told_with_the_choices(layer: str, said: str) -> None:
    with pytest.raises(AppError, match=said):
        block_parts.parts(lively("resnet18"), images(1), layer)


def test_maps_and_pictures_by_hand() -> None:
    values = np.zeros((4, 2, 1, 2), dtype=np.float32)
    values[:, 0, 0, 0] = [1, -3, -2, 0]  # the first channel's first place; all others are zero
    values[:, 1, 0, 1] = [2, 1, 3, 3]
    parts = Parts("stage1.0", values)
    np.testing.assert_array_equal(parts.maps()[:, 0], [[0.5, 1], [-1.5, 0.5], [-1, 1.5], [0, 1.5]])
    np.testing.assert_array_equal(parts.maps(1)[:, 0, 1], [2, 1, 3, 3])
    assert parts.busiest_channels(5) == [0, 1]
    assert parts.busiest_channels(1) == [0]
    pictures = parts.pictures(0)
    assert pictures.shape == (4, 1, 2, 3)
    assert pictures.dtype == np.uint8
    blue, white, red = pictures[1, 0, 0], pictures[3, 0, 0], pictures[0, 0, 0]
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert white.min() > 240
    np.testing.assert_array_equal(pictures[:, 0, 1], np.broadcast_to(white, (4, 3)))
