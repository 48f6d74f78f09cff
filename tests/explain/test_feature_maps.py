"""Feature maps: against torchvision's layers by hooks, contributions against autograd and the linear head, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from resnet_demo.explain import feature_maps
from resnet_demo.explain.feature_maps import FeatureMaps
from resnet_demo.explain.targets import difference, named
from resnet_demo.models import variants
from resnet_demo.texts import AppError
from tests.explain.networks import FAMILIES, images, lively
from tests.explain.two_blocks import two_blocks
from tests.models.oracles import enliven, noise


@pytest.mark.parametrize("name", ["resnet18", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_maps_and_contributions_are_torchvisions(name: str) -> None:
    theirs = enliven(torchvision.models.get_model(name, weights=None), noise(8, 3, 64, 64))
    ours = variants.build(name).eval()
    ours.load_state_dict(theirs.state_dict())
    image = noise(1, 3, 64, 64, seed=3)
    left: dict[str, Tensor] = {}

    def keep(layer: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Tensor) -> None:
            output.retain_grad()
            left[layer] = output

        return hook

    layers = {"stem": "maxpool", "layer1": "layer1", "layer3.0": "layer3.0", "stage4": "layer4"}
    for layer, module in layers.items():
        theirs.get_submodule(module).register_forward_hook(keep(layer))
    theirs(image)[0, 7].backward()
    for layer, output in left.items():
        maps = feature_maps.feature_maps(ours, image, layer, named(7))
        assert maps.layer == layer.replace("layer", "stage")
        np.testing.assert_allclose(maps.values, output[0].detach().numpy(), atol=1e-4)
        assert output.grad is not None
        expected = (output * output.grad).sum(dim=(0, 2, 3)).detach().numpy()
        np.testing.assert_allclose(maps.contributions, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_of_every_family(name: str) -> None:
    network, image = lively(name), images(1)
    for layer in ("stem", *network.stage_names, *network.blocks()):
        maps = feature_maps.feature_maps(network, image, layer)
        assert maps.contributions is None
        assert maps.values.ndim == 3
        with torch.no_grad():
            logits = network.forward_from(layer, torch.from_numpy(maps.values)[None])
            torch.testing.assert_close(logits, network(image))


@pytest.mark.parametrize("name", ["resnet18", "highway18", "plain18", "cifar_resnet20"])
def test_behind_the_last_stage_contributions_and_bias_are_the_logit(name: str) -> None:
    network, image = lively(name), images(1)
    maps = feature_maps.feature_maps(network, image, network.stage_names[-1], named(3))
    assert maps.contributions is not None
    logit = maps.contributions.sum() + network.fc.bias[3].item()
    assert logit == pytest.approx(network(image)[0, 3].item(), rel=1e-4, abs=1e-4)


def test_contributions_to_a_difference_are_the_difference_of_the_contributions() -> None:
    network, image = lively("preact_resnet18"), images(1)
    targets = (named(3), named(1), difference(named(3), named(1)))
    three, one, both = (feature_maps.feature_maps(network, image, "stage2.0", target) for target in targets)
    assert three.contributions is not None
    np.testing.assert_allclose(three.contributions - one.contributions, both.contributions, atol=1e-5)


def test_by_hand() -> None:
    network = two_blocks(first=(1, -0.5), second=(1, 3))
    maps = feature_maps.feature_maps(network, torch.full((1, 3, 2, 2), 2.0), "stage1.0", named(0))
    np.testing.assert_array_equal(maps.values, np.ones((1, 2, 2)))
    np.testing.assert_allclose(maps.contributions, [8])  # of the logit 2 (1 + 3) all comes through the one channel


def test_the_order_of_channels_by_hand() -> None:
    values = np.array([[[1, 1]], [[0, 3]], [[-2, -2]]], dtype=np.float32)
    maps = FeatureMaps("stage1", values, np.array([0.5, 2, -3], dtype=np.float32))
    assert maps.best("strongest", 9) == [2, 1, 0]
    np.testing.assert_array_equal(maps.scores("strongest"), [1, 1.5, 2])
    assert maps.best("varied", 2) == [1, 0]
    np.testing.assert_array_equal(maps.scores("varied"), [0, 1.5, 0])
    assert maps.best("target", 3) == [2, 1, 0]
    with pytest.raises(ValueError, match="without a target"):
        FeatureMaps("stage1", values).best("target", 1)


@pytest.mark.parametrize("layer", ["stage9", "stage1.7", "fc", ""])
def test_a_layer_that_is_not_there(layer: str) -> None:
    with pytest.raises(AppError, match=r"It has stage1"):
        feature_maps.feature_maps(lively("resnet18"), images(1), layer)


def test_tiles_have_a_scale_each() -> None:
    maps = np.array([[[0, 1]], [[0, 100]], [[0, 0]]], dtype=np.float32)
    tiles = feature_maps.tiles(maps)
    assert tiles.shape == (3, 1, 2, 3)
    np.testing.assert_array_equal(tiles[0], tiles[1])
    assert tiles[0, 0, 1].sum() > 500
    assert tiles[2].max() < 10
    signed = feature_maps.tiles(np.array([[[-1, 0, 1]]], dtype=np.float32))[0, 0]
    assert signed[0, 2] > signed[0, 0]
    assert signed[1].min() > 240
    assert signed[2, 0] > signed[2, 2]


def test_a_sheet_has_every_tile_where_it_says() -> None:
    tiles = np.arange(5, dtype=np.uint8).repeat(2 * 3 * 3).reshape(5, 2, 3, 3) * 40
    sheet = feature_maps.sheet(tiles, columns=3)
    assert sheet.picture.shape == (2 * 4, 3 * 4, 3)  # of tiles that are not square, the longer side
    assert sheet.picture[0, 0, 0] == 0
    assert sheet.picture[1, 10, 0] == 80
    assert sheet.picture[4, 4, 0] == 160
    assert {int(value) for value in sheet.picture[:, 3].ravel()} == {feature_maps.GREY}
    assert {int(value) for value in sheet.picture[4:, 8:].ravel()} == {feature_maps.GREY}


@pytest.mark.parametrize(("name", "shape"), [("resnet18", (64, 7, 7, 3)), ("cifar_resnet20", (16, 3, 3, 3))])
def test_the_stems_filters(name: str, shape: tuple[int, ...]) -> None:
    pictures = feature_maps.stem_filters(lively(name))
    assert pictures.shape == shape
    assert pictures.dtype == np.uint8
    assert all(picture.max() == 255 or picture.min() == 0 for picture in pictures)


def test_a_filter_by_hand() -> None:
    network = two_blocks(first=(1, 1), second=(1, 1))
    with torch.no_grad():
        network.conv1.weight[0, 1, 0, 2] = -0.5
    picture = feature_maps.stem_filters(network)[0]
    assert picture[1, 1].tolist() == [255, 128, 128]
    assert picture[0, 2].tolist() == [128, 64, 128]
    assert picture[2, 2].tolist() == [128, 128, 128]
