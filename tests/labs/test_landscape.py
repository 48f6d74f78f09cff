"""The landscape: filter normalisation by its formula written out, places by hand, and nothing moved for good."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from resnet_demo.labs import landscape, networks
from tests.explain.networks import assert_same_state, state
from tests.models.oracles import enliven, noise

IMAGES, CLASSES = noise(4, 3, 8, 8, seed=5), torch.tensor([0, 1, 2, 1])


@pytest.fixture(scope="module")
def network() -> networks.ResNet:
    network = networks.build("residual", 8, 0, classes=3)
    enliven(network, noise(8, 3, 8, 8))
    return network.to(memory_format=torch.channels_last)  # as training leaves it


def test_directions_are_normalised_filter_by_filter(network: networks.ResNet) -> None:
    """d_ij <- d_ij / ‖d_ij‖ · ‖θ_ij‖ for the same random numbers, one filter at a time."""
    found = landscape.filter_normalised(network, seed=3)
    random = torch.Generator().manual_seed(3)
    for name, parameter in network.named_parameters():
        if parameter.dim() == 1:
            assert not found[name].any()
            continue
        drawn = torch.randn(parameter.shape, generator=random)
        for number in range(len(parameter)):
            d, theta = drawn[number], parameter[number].detach()
            expected = d / d.pow(2).sum().sqrt() * theta.pow(2).sum().sqrt()
            torch.testing.assert_close(found[name][number], expected)


def test_a_surface_by_hand(network: networks.ResNet) -> None:
    before = state(network)
    rows = list(landscape.surface(network, IMAGES, CLASSES, points=3, reach=0.5, seed=1))
    assert_same_state(network, before)
    with torch.no_grad():
        assert rows[1][1] == pytest.approx(F.cross_entropy(network(IMAGES), CLASSES).item())
        across = landscape.filter_normalised(network, seed=2)
        up = landscape.filter_normalised(network, seed=3)
        weights = {name: one + 0.5 * across[name] - 0.5 * up[name] for name, one in network.named_parameters()}
        logits = torch.func.functional_call(network, weights, (IMAGES,))
        assert rows[0][2] == pytest.approx(F.cross_entropy(logits, CLASSES).item(), rel=1e-4)
    assert len({one for row in rows for one in row}) == 9


def test_places_have_the_network_among_them() -> None:
    assert landscape.places(5, 1.0) == [-1, -0.5, 0, 0.5, 1]


def test_a_probe_moves_one_weight(network: networks.ResNet) -> None:
    before = state(network)
    found = landscape.probe(network, IMAGES, CLASSES, "layer1.0.conv1.weight", points=3, reach=2.0)
    assert_same_state(network, before)
    weight = network.get_parameter("layer1.0.conv1.weight").detach().flatten()
    assert weight.abs().max() == abs(found.weight)
    assert found.values == pytest.approx([-found.weight, found.weight, 3 * found.weight])
    changed = weight.clone()
    changed[found.index] = 3 * found.weight
    with torch.no_grad():
        weights = {"layer1.0.conv1.weight": changed.view(16, 16, 3, 3)}
        expected = F.cross_entropy(torch.func.functional_call(network, weights, (IMAGES,)), CLASSES).item()
    assert found.losses[2] == pytest.approx(expected, rel=1e-5)


def test_roughness_by_hand() -> None:
    assert landscape.roughness([[1.0, 0.0, 1.0]] * 3) == 0
    assert landscape.roughness([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) == pytest.approx(2 / 6)


def test_basin_by_hand() -> None:
    assert landscape.basin([[0.69, 0.70], [0.0, 9.0]], 2) == 0.5
