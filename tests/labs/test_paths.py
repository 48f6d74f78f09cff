"""Paths: against the binomial and all paths of a small network, one by one; blocks taken away and moved by hand."""

from __future__ import annotations

from itertools import combinations, product

import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from resnet_demo.labs import networks, paths
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.pictures import Pictures
from tests.models.oracles import enliven, noise

CLASSES = torch.tensor([0, 1, 2, 1])


def small(depth: int = 14, kind: Kind = "residual") -> networks.ResNet:
    network = networks.build(kind, depth, 0, classes=3).double()
    enliven(network, noise(8, 3, 4, 4).double())
    return network


def images() -> torch.Tensor:
    return noise(4, 3, 4, 4, seed=5).double()


def pictures() -> Pictures:
    return Pictures("noise", ("a", "b", "c"), images(), CLASSES, images(), CLASSES)


@pytest.mark.parametrize("blocks", [1, 3, 8])
def test_counts_are_those_of_all_paths(blocks: int) -> None:
    lengths = [sum(path) for path in product((0, 1), repeat=blocks)]
    assert paths.path_counts(blocks) == [lengths.count(length) for length in range(blocks + 1)]


def test_most_paths_of_54_blocks_are_of_middling_length() -> None:
    """Veit et al. 2016, section 4.2: more than 95 % of them cross 19 to 35 blocks; a narrower range would do."""
    binomial = stats.binom(54, 0.5)
    share = sum(paths.path_counts(54)[19:36]) / 2**54
    assert share == pytest.approx(binomial.cdf(35) - binomial.cdf(18))
    assert share > 0.95
    low, high = paths.usual_lengths(54)
    assert 19 <= low < high <= 35
    assert binomial.cdf(high) - binomial.cdf(low - 1) >= 0.95 > binomial.cdf(high - 1) - binomial.cdf(low)


@pytest.mark.parametrize("kind", ["residual", "preactivation"])
def test_all_paths_together_carry_the_whole_gradient(kind: Kind) -> None:
    network = small(8, kind)
    blocks = len(network.blocks())
    start = network.forward_stem(images()).detach().requires_grad_()
    loss = F.cross_entropy(network.forward_from("stem", start), CLASSES, reduction="sum")
    [whole] = torch.autograd.grad(loss, [start])
    every = [set(through) for length in range(blocks + 1) for through in combinations(range(blocks), length)]
    assert len(every) == 2**blocks
    torch.testing.assert_close(sum(paths.path_gradient(network, images(), CLASSES, one) for one in every), whole)


def test_gradients_by_length_of_the_only_path() -> None:
    """There is one path through no block and one through all."""
    network = small(8)
    found = list(paths.gradient_by_length(network, images(), CLASSES, samples=2, seed=0))
    assert [one.length for one in found] == [0, 1, 2, 3]
    for number, through in ((0, set()), (3, {0, 1, 2})):
        gradient = paths.path_gradient(network, images(), CLASSES, through)
        assert found[number].norm == pytest.approx(gradient.flatten(1).norm(dim=1).mean().item())


def test_blocks_left_out() -> None:
    network = small()
    single = paths.errors_without_each(network, pictures())
    assert list(single) == ["", "stage1.0", "stage1.1", "stage2.1", "stage3.1"]
    removals = list(paths.errors_without_some(network, pictures(), draws=2, seed=0))
    assert [(one.removed, len(one.errors)) for one in removals] == [(1, 2), (2, 2), (3, 2), (4, 1)]
    assert set(removals[0].errors) <= set(single.values())


def test_shuffled_blocks() -> None:
    network = small(20)
    with torch.no_grad():
        whole = (network(images()).argmax(1) != CLASSES).double().mean().item()
    first, *others = paths.errors_when_shuffled(network, pictures(), swaps=3, seed=0)
    assert (first.tau, first.error) == (1.0, whole)
    assert all(one.tau < 1 for one in others[:1])


def test_kendalls_tau_is_scipys() -> None:
    order = [2, 0, 1, 4, 3]
    assert paths.kendall_tau(order) == pytest.approx(stats.kendalltau(order, range(5)).statistic)
    assert paths.kendall_tau([2, 1, 0]) == -1
