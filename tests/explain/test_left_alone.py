"""Whoever looks into a network leaves it as it was, disturbs nobody who looks at the same time, and keeps no memory."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import torch
from torch import Tensor

from resnet_demo.explain import ablation, block_parts, feature_maps
from resnet_demo.explain.architecture import architecture
from resnet_demo.explain.gradient_flow import gradient_flow
from resnet_demo.explain.targets import named
from resnet_demo.models.batch_norm_folding import fold_norms
from resnet_demo.models.blocks import BasicBlock
from resnet_demo.models.resnet import ResNet
from tests.explain.networks import FAMILIES, assert_same_state, images, lively, state
from tests.models.oracles import noise

MiB = 1 << 20


def look(network: ResNet, image: Tensor) -> list[Tensor]:
    """Everything there is to see, as numbers."""
    seen = [ablation.run_without(network, image, ablation.removable_blocks(network)[:1])]
    flow = gradient_flow(network, image, named(1))
    maps = feature_maps.feature_maps(network, image, "stage2.0", named(1))
    numbers = [*flow.total.values(), *flow.residual.values(), *flow.shortcut.values()]
    seen += [torch.tensor(numbers), torch.from_numpy(maps.values), torch.from_numpy(maps.contributions)]
    if flow.shortcut:
        seen.append(torch.from_numpy(block_parts.parts(network, image, "stage1.1").values))
        seen.append(torch.tensor(list(block_parts.ratios(network, image).values())))
    last = list(ablation.ablation_sweep(network, [(image, torch.tensor([1]))]))[-1]
    return [*seen, torch.tensor([last.whole, *last.without.values()])]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_network_is_as_it_was(name: str) -> None:
    network = lively(name)
    before = state(network)
    look(network, images(1))
    architecture(network, name, 32)
    feature_maps.stem_filters(network)
    assert_same_state(network, before)


def broken_batches() -> Iterator[tuple[Tensor, Tensor]]:
    yield images(1), torch.tensor([0])
    raise OSError("the disk is gone")


FAILING: dict[str, Callable[[ResNet], object]] = {
    "parts": lambda network: block_parts.parts(network, torch.zeros(1, 4, 32, 32), "stage1.0"),
    "ratios": lambda network: block_parts.ratios(network, torch.zeros(1, 4, 32, 32)),
    "run": lambda network: ablation.run_without(network, torch.zeros(1, 4, 32, 32), ["stage1.0"]),
    "accuracy": lambda network: list(ablation.ablation_sweep(network, broken_batches())),
    "maps": lambda network: feature_maps.feature_maps(network, images(1), "stage1.1", named(99)),
    "flow": lambda network: gradient_flow(network, images(1), named(99)),
}


@pytest.mark.parametrize("failing", FAILING)
@pytest.mark.parametrize("name", ["resnet18", "preact_resnet18", "cifar_resnet20"])
def test_and_after_an_exception(name: str, failing: str) -> None:
    network = lively(name)
    before = state(network)
    with pytest.raises((RuntimeError, IndexError, OSError)):
        FAILING[failing](network)
    assert_same_state(network, before)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    "name",
    ["cifar_resnet20", "cifar_plain20", "cifar_preact_resnet20", pytest.param("highway18", marks=pytest.mark.slow)],
)
def test_two_at_once_see_what_each_would_alone(name: str) -> None:
    network = lively(name)
    before = state(network)
    photos = [images(1, seed=seed) for seed in (3, 4)]
    alone = [look(network, photo) for photo in photos]
    meeting = threading.Barrier(2)

    def look_often(photo: Tensor) -> list[list[Tensor]]:
        meeting.wait(timeout=60)
        return [look(network, photo) for _ in range(3)]

    with ThreadPoolExecutor(2) as pool:
        for expected, times in zip(alone, pool.map(look_often, photos), strict=True):
            for seen in times:
                torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-4)
    assert_same_state(network, before)


@pytest.mark.parametrize("name", ["resnet18", "preact_resnet18", "highway18", "cifar_plain20", "cifar_resnet20"])
def test_with_norms_folded_the_same_is_seen(name: str) -> None:
    """The page shares the network that a classifier runs, in which norms are part of the convolutions."""
    network, photo = lively(name), images(1)
    folded = fold_norms(copy.deepcopy(network))
    for seen, expected in zip(look(folded, photo), look(network, photo), strict=True):
        torch.testing.assert_close(seen, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_memory_stays_flat() -> None:
    network = ResNet(BasicBlock, [2, 2], [8, 16], classes=3, small_images=True).eval()
    photo, process = noise(1, 3, 64, 64), psutil.Process()  # what one look computes takes more than a megabyte
    for _ in range(20):
        look(network, photo)
    before = process.memory_info().rss
    for _ in range(200):
        look(network, photo)
    assert process.memory_info().rss - before < 16 * MiB
