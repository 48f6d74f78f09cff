"""Gradients by depth: against finite differences in float64, networks cut by hand, and the published orderings."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_demo.labs import gradients, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.networks import KINDS
from resnet_demo.labs.pictures import Pictures, open_pictures
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.models.oracles import noise

CLASSES = 5


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    return open_pictures("drawn", Settings(), size=8, per_class=1, test_per_class=1)


def test_drawn_pictures_are_one_of_each_kind(drawn: Pictures) -> None:
    assert drawn.train.shape == (CLASSES, 3, 8, 8)
    assert drawn.train_classes.tolist() == [0, 1, 2, 3, 4]
    assert not torch.equal(drawn.train, drawn.test)


@pytest.mark.parametrize("norms", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_norms_are_those_of_finite_differences(kind: Kind, norms: bool) -> None:
    """In float64, each number of a block's input moved up and down by a little; in training mode."""
    network = networks.build(kind, 8, seed=1, classes=3, norms=norms).double()
    images, classes = noise(3, 3, 2, 2).double(), torch.tensor([0, 1, 2])
    found = gradients.measure(network, images, classes, kind=kind, norms=norms, init="kaiming")
    for place, name in enumerate(network.blocks()):
        before = "stem" if place == 0 else list(network.blocks())[place - 1]
        with torch.no_grad():
            x = network.forward_to(before, images)

            def loss(x: Tensor, before: str = before) -> float:
                return F.cross_entropy(network.forward_from(before, x), classes).item()

            little, numbers = 1e-6, x.numel()
            moved = torch.zeros(numbers, dtype=torch.float64)
            for number in range(numbers):
                step = torch.zeros(numbers, dtype=torch.float64)
                step[number] = little
                step = step.view_as(x)
                moved[number] = (loss(x + step) - loss(x - step)) / (2 * little)
        assert found.gradient_norms[place] == pytest.approx(moved.norm().item(), rel=1e-4), name
        assert found.signal_sizes[place] == pytest.approx(x.pow(2).mean().sqrt().item())


def test_a_depth_that_there_is_none_of() -> None:
    with pytest.raises(AppError, match="20"):
        networks.build("plain", 21, 0)


def test_without_norms_there_are_none_and_naive_weights_are_naive() -> None:
    network = networks.build("highway", 14, 0, norms=False, init="naive")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert all(weight.std().item() == pytest.approx(0.01, rel=0.2) for weight in weights if weight.numel() > 500)
    gates = [module.bias for module in network.modules() if isinstance(module, nn.Conv2d) and module.bias is not None]
    assert len(gates) == 6
    assert all((gate == -3).all() for gate in gates)


def test_the_plain_twin_is_the_residual_one_with_its_shortcut_taken_away(drawn: Pictures) -> None:
    """The same weights, the same norms; a block without what it adds to F(x)."""
    plain, residual = (networks.build(kind, 14, 3, classes=CLASSES) for kind in ("plain", "residual"))
    assert plain.state_dict().keys() == residual.state_dict().keys()
    assert all(torch.equal(value, residual.state_dict()[name]) for name, value in plain.state_dict().items())
    for block in residual.blocks().values():
        assert block.has_shortcut
        block.shortcut = lambda x, block=block: torch.zeros_like(block.residual(x))  # type: ignore[method-assign]
    with torch.no_grad():
        torch.testing.assert_close(plain.eval()(drawn.train), residual.eval()(drawn.train))


def test_what_vanishes_and_what_does_not(drawn: Pictures) -> None:
    """Only without norms and with naive weights; He et al. 2016, section 4.1, found healthy norms in plain networks."""
    threads = torch.get_num_threads()
    rows = {(row.kind, row.norms, row.init): row for row in gradients.compare(drawn, 32)}
    assert torch.get_num_threads() == threads
    assert len(rows) == 16
    assert all(len(row.gradient_norms) == 15 for row in rows.values())
    assert rows["plain", False, "naive"].verdict == "vanishes"
    assert rows["plain", True, "kaiming"].verdict != "vanishes"
    assert rows["residual", True, "kaiming"].verdict == "stays"
    assert rows["plain", True, "kaiming"].shortcut_norms == []


def test_numbers_too_small_for_squares_are_still_measured(drawn: Pictures) -> None:
    """Each layer takes about the same factor away: the logarithm of the gradient falls in a line, to 1e-100 and on."""
    network = networks.build("plain", 110, 0, classes=CLASSES, norms=False, init="naive").double()
    images = drawn.train.double()
    row = gradients.measure(network, images, drawn.train_classes, kind="plain", norms=False, init="naive")
    first, last = row.gradient_norms[0], row.gradient_norms[-1]
    assert first is not None and last is not None  # noqa: PT018
    assert 0 < first < 1e-80 < last
    assert gradients.size(torch.tensor([3e-200, 4e-200], dtype=torch.float64)) == pytest.approx(5e-200)
    assert gradients.size(torch.tensor([3e200, 4e200], dtype=torch.float64)) == pytest.approx(5e200)
    assert gradients.size(torch.tensor([1.0, math.nan])) is None


def test_cosines_by_lag_by_hand() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    assert gradients.cosines_by_lag(rows) == pytest.approx([0.0, 1.0])
    assert gradients.cosines_by_lag(torch.zeros(3, 2)) == [None, None]


def test_neighbours_of_a_linear_network_have_one_gradient(drawn: Pictures) -> None:
    network = networks.build("plain", 8, 0, classes=CLASSES, norms=False).double()
    for module in network.modules():
        if hasattr(module, "relu"):
            module.relu = nn.Identity()
    assert gradients.correlations(network, drawn.train.double()) == pytest.approx([1.0] * (gradients.NEIGHBOURS - 1))


def test_gradients_of_deep_plain_networks_are_shattered(drawn: Pictures) -> None:
    """Balduzzi et al. 2017: likeness falls with depth in plain networks, far less so in residual ones."""
    images = drawn.train.double()
    cosine = {}
    for kind in ("plain", "residual"):
        for depth in (8, 56):
            network = networks.build(kind, depth, 0, classes=CLASSES).double()
            cosine[kind, depth] = gradients.correlations(network, images)[0] or 0.0
    assert cosine["plain", 56] < cosine["plain", 8] / 2
    assert cosine["plain", 56] < cosine["residual", 56]


@pytest.mark.parametrize("kind", ["residual", "preactivation", "highway"])
def test_the_terms_at_a_block(kind: Kind, drawn: Pictures) -> None:
    """(1 + dF/dx) dy: the part through F is what automatic differentiation gives for F alone."""
    network = networks.build(kind, 14, 0, classes=CLASSES).double()
    images, classes = drawn.train.double(), drawn.train_classes
    terms = gradients.block_terms(network, images, classes, kind)
    assert terms.block == "stage2.1"
    product = 2 * terms.cosine * terms.shortcut * terms.residual
    assert terms.total**2 == pytest.approx(terms.shortcut**2 + terms.residual**2 + product)
    block = network.blocks()["stage2.1"]
    x = network.forward_to("stage2.0", images).detach().requires_grad_()
    y = block(x)
    [dy] = torch.autograd.grad(F.cross_entropy(network.forward_from("stage2.1", y), classes), [y], retain_graph=True)
    assert terms.output == pytest.approx(dy.norm().item())
    if kind == "preactivation":  # nothing behind the sum: the identity passes all of it on
        assert terms.shortcut == pytest.approx(terms.output)
        [through] = torch.autograd.grad(block.residual(x), [x], dy)
        assert terms.residual == pytest.approx(through.norm().item())


def test_steps_change_what_is_measured(drawn: Pictures) -> None:
    row = next(gradients.compare(drawn, 8, steps=2))
    assert row.loss != next(gradients.compare(drawn, 8)).loss
