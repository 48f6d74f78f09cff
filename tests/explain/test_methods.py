"""Every method on every kind of network: what it gives, what it leaves behind (nothing), and who else it disturbs."""

from __future__ import annotations

import copy
import itertools
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import torch
from torch import Tensor

from resnet_demo.explain import gradients
from resnet_demo.explain.activations import ForwardPass
from resnet_demo.explain.methods import METHODS, method_named
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.explain.targets import best, difference, named
from resnet_demo.models.batch_norm_folding import fold_norms
from resnet_demo.models.blocks import BasicBlock, Bottleneck
from resnet_demo.models.resnet import ResNet, stage_name
from resnet_demo.texts import LANGUAGES, AppError
from tests.explain.networks import FAMILIES, SIDE, assert_same_state, images, lively, state
from tests.models.oracles import enliven, noise, stage_outputs

MiB = 1 << 20
TARGETS = (best(), best(1), named(3), difference(best(), best(1)))


def small(bottlenecks: bool = False) -> ResNet:
    """A network quick enough to be asked hundreds of times."""
    torch.manual_seed(0)
    network = ResNet(Bottleneck if bottlenecks else BasicBlock, [1, 2], [8, 16], classes=4, small_images=True)
    enliven(network, noise(8, 3, SIDE, SIDE))
    return network


def few(count: int) -> Tensor:
    """Photos for it (count, 3, 16, 16)."""
    return noise(count, 3, 16, 16, seed=2)


def look(network: ResNet, photos: Tensor) -> dict[str, Tensor]:
    """Maps of every method."""
    return {name: explain(network, photos, method, "stage2.0", TARGETS).values for name, method in METHODS.items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_of_every_family(name: str) -> None:
    network, photos = lively(name), images(2)
    before = state(network)
    outputs = stage_outputs(network, photos)
    for method in METHODS.values():
        for layer in (None, "layer2") if not method.slow else ():
            maps = explain(network, photos, method, layer, TARGETS[2:])
            size = outputs[stage_name(layer or network.stage_names[-1])].shape[-2:]
            assert maps.values.shape == (2, 2, *(size if method.layered else (SIDE, SIDE)))
            assert maps.values.isfinite().all()
            assert maps.values.min() >= 0
            most = maps.values.amax(dim=(2, 3))
            assert ((most == 0) | (most == 1)).all()
            torch.testing.assert_close(maps.logits, network.forward_head(outputs[network.stage_names[-1]]).detach())
    assert_same_state(network, before)


@pytest.mark.parametrize("bottlenecks", [False, True])
def test_every_method_leaves_the_network_as_it_was(bottlenecks: bool) -> None:
    network, photos = small(bottlenecks), few(2)
    before = state(network)
    maps = look(network, photos)
    assert_same_state(network, before)
    assert all(values.isfinite().all() and values.amax() == 1 for values in maps.values())


class StopError(Exception):
    pass


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.slow and name != "eigencam"])
def test_and_after_an_exception(name: str) -> None:
    network = small()
    before = state(network)
    with pytest.raises(RuntimeError):  # what is asked about has more classes than the network
        explain(network, few(1), METHODS[name], "stage1", [lambda logits: torch.ones(len(logits), 7)])
    assert_same_state(network, before)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.slow])
def test_slow_ones_tell_how_far_they_are_and_can_be_stopped(name: str) -> None:
    network = small()
    before = state(network)
    told: list[tuple[int, int]] = []
    explain(network, few(2), METHODS[name], "stage1", progress=lambda *step: told.append(step))
    assert told[0][0] == 0
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == told[0][1] > 1

    def stop(done: int, steps: int) -> None:
        if done:
            raise StopError

    with pytest.raises(StopError):
        explain(network, few(2), METHODS[name], "stage1", progress=stop)
    assert_same_state(network, before)


def test_two_at_once_see_what_each_would_alone() -> None:
    """Guided backpropagation, which changes how ReLUs behave, beside all others."""
    network, photos = small(), few(2)
    alone = look(network, photos)

    def ask(name: str) -> tuple[str, Tensor]:
        return name, explain(network, photos, METHODS[name], "stage2.0", TARGETS).values

    names = [name for name in METHODS for _ in range(3)] + ["guidedbackprop"] * 10
    with ThreadPoolExecutor(4) as pool:
        for name, values in pool.map(ask, sorted(names, key=lambda name: hash(name) % 7)):
            torch.testing.assert_close(values, alone[name], atol=1e-5, rtol=1e-4)


def test_several_classes_at_once_are_those_asked_one_by_one() -> None:
    network, photos = small(), few(2)
    together = look(network, photos)
    for name, method in METHODS.items():
        for number in (1, 3):
            alone = explain(network, photos[1:2], method, "stage2.0", [TARGETS[number]]).values[0, 0]
            torch.testing.assert_close(together[name][number, 1], alone, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ["resnet18", "preact_resnet18", "highway18", "cifar_resnet20"])
def test_with_norms_folded_the_same_is_seen(name: str) -> None:
    network, photos = lively(name), images(2)
    folded = fold_norms(copy.deepcopy(network))
    for method in METHODS.values():
        if not method.slow:
            maps, expected = (explain(one, photos, method, "stage1.0", TARGETS[:2]) for one in (folded, network))
            torch.testing.assert_close(maps.values, expected.values, atol=2e-3, rtol=1e-3)


def test_what_speaks_for_one_class_and_against_the_other_is_told_apart() -> None:
    """Two classes, each the mean of one channel: the map of their difference is that of the channels."""
    network = small()
    with torch.no_grad():
        network.fc.weight.zero_()
        network.fc.weight[0, 0], network.fc.weight[1, 1] = 1, 1
    photos = few(4)
    for_first, for_second, why, reverse = explain(
        network,
        photos,
        METHODS["hirescam"],
        targets=[named(0), named(1), difference(named(0), named(1)), difference(named(1), named(0))],
    ).values
    activations = network.forward_to("stage2", photos).detach()

    def scaled(values: Tensor) -> Tensor:
        positive = values.clamp(min=0)
        return positive / positive.amax(dim=(1, 2), keepdim=True)

    torch.testing.assert_close(for_first, scaled(activations[:, 0]))
    torch.testing.assert_close(for_second, scaled(activations[:, 1]))
    torch.testing.assert_close(why, scaled(activations[:, 0] - activations[:, 1]))
    torch.testing.assert_close(reverse, scaled(activations[:, 1] - activations[:, 0]))


def test_a_class_that_nothing_speaks_for_gets_an_empty_map() -> None:
    network = small()
    with torch.no_grad():
        network.fc.weight[2] = -1
    maps = explain(network, few(2), METHODS["gradcam"], targets=[named(2), best()]).values
    assert not maps[0].any()
    assert (maps[1].amax(dim=(1, 2)) == 1).all()


def test_integrated_gradients_add_up_to_the_difference_of_the_scores() -> None:
    """Completeness: Sundararajan et al. 2017, proposition 1."""
    network, photos = small(), few(3)
    run = ForwardPass(network, photos, "stage2", [best()], differentiable=False)
    sums = gradients.integrated_gradients(run, lambda *_: None).sum(dim=(2, 3, 4))[0]
    with torch.no_grad():
        expected = ((network(photos) - network(torch.zeros_like(photos))) * run.target_weights[0]).sum(dim=1)
    torch.testing.assert_close(sums, expected, atol=0.03, rtol=0.03)


def test_ablation_behind_the_last_stage_is_what_leaving_channels_out_gives() -> None:
    network, photos = small(), few(2)
    known = explain(network, photos, METHODS["ablationcam"], "stage2", TARGETS).values
    network.head_is_linear = False  # type: ignore[misc]  # of this object alone: now every channel is left out in turn
    torch.testing.assert_close(
        explain(network, photos, METHODS["ablationcam"], "stage2", TARGETS).values, known, atol=1e-4, rtol=1e-3
    )


@pytest.mark.slow
def test_memory_stays_flat_over_200_maps() -> None:
    network, photos, process = small(), noise(1, 3, 64, 64), psutil.Process()  # what one computes takes 2 megabytes

    def look_often(times: int) -> None:
        for method in itertools.islice(itertools.cycle(METHODS.values()), times):
            explain(network, photos, method, "stage1")

    look_often(len(METHODS))
    before = process.memory_info().rss
    look_often(200)
    assert process.memory_info().rss - before < 16 * MiB


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_method_says_what_it_is(language: str) -> None:
    said = [method.title(language) for method in METHODS.values()]
    assert len(set(said)) == len(METHODS)
    assert all(len(method.about(language)) > 10 for method in METHODS.values())


def test_an_unknown_method_or_layer_is_named_with_the_choices() -> None:
    with pytest.raises(AppError, match=r'no method "GradCam".*gradcam, gradcam\+\+, .*integratedgradients'):
        method_named("GradCam")
    with pytest.raises(AppError, match=r"stage1 \(stage1\.0"):
        explain(small(), few(1), METHODS["gradcam"], "stage7")
