"""The training state: its step is torch's own, micro-batches do as whole batches do, and its state dict is complete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from resnet_demo.training.accuracy_and_loss import Scores, score
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.config import ResolvedConfig
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.micro_batching import LogMessage
from resnet_demo.training.precision import Precision
from resnet_demo.training.presets import Start
from resnet_demo.training.train_state import TrainState
from tests.training.small_runs import SMALL

CPU = torch.device("cpu")


def resolve(**overrides: Any) -> ResolvedConfig:
    config = replace(SMALL, **overrides)
    start = Start(config.scratch, 32)
    return config.resolved(photos=64, per_class={"a": 32, "b": 32}, device="cpu", start=start)


def network(seed: int = 0) -> ResNet:
    torch.manual_seed(seed)
    return variants.build("cifar_resnet20", 3)


def silent(key: str, **fields: object) -> None:
    """For tests that listen to nothing."""


def train_state(
    built: ResNet,
    *,
    precision: str = "float32",
    weights: Tensor | None = None,
    log_message: LogMessage = silent,
    **overrides: Any,
) -> TrainState:
    numbers = Precision(precision, CPU)  # type: ignore[arg-type]
    return TrainState(
        built, resolve(**overrides), DistributedContext(CPU), numbers, weights=weights, log_message=log_message
    )


def batch(seed: int = 0, photos: int = 8, size: int = 32) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (photos,), generator=draw)
    return Batch(torch.randn(photos, 3, size, size, generator=draw), F.one_hot(labels, 3).float(), photos)


def weights_of(built: ResNet) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in built.state_dict().items()}


def test_steps_are_torchs_own() -> None:
    """Against the plainest loop: two groups, mean cross-entropy. SGD, since Adam makes much of rounding at zero."""
    mine, plain = network(), network().to(memory_format=torch.channels_last)
    state = train_state(mine, optimiser="sgd", weight_decay=0.1, label_smoothing=0.1)
    kernels = [one for one in plain.parameters() if one.dim() > 1]
    others = [one for one in plain.parameters() if one.dim() == 1]
    groups = [{"params": kernels, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True)
    plain.train()
    for step, rate in enumerate((1e-3, 3e-3, 2e-3)):
        given = batch(step)
        loss = state.step(given, rate)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        expected = F.cross_entropy(plain(given.inputs), given.targets.argmax(dim=1), label_smoothing=0.1)
        expected.backward()
        optimiser.step()
        torch.testing.assert_close(loss, expected.detach() * 8, rtol=1e-4, atol=1e-4)
    for (name, one), other in zip(mine.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4, msg=name)


def test_micro_batches_have_the_effect_of_the_whole() -> None:
    """With frozen norms to the last digits; a norm that learns sees each micro-batch by itself."""
    gradients = []
    for micro_batches in (1, 3, 4):
        built = network()
        state = train_state(built, scratch=False, train_depth="head", optimiser="sgd", weight_decay=0.0)
        before = built.fc.weight.detach().clone()
        state.step(batch(), 1.0, micro_batches)
        gradients.append(built.fc.weight.detach() - before)
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-5, atol=1e-7)


def test_class_weights_count() -> None:
    weights = torch.tensor([2.0, 1.0, 0.5])
    state = train_state(network(), weights=weights, label_smoothing=0.0)
    given, plain = batch(), network().train()
    each = F.cross_entropy(plain(given.inputs), given.targets.argmax(dim=1), weights, reduction="none")
    torch.testing.assert_close(state.step(given, 0.0), each.sum().detach(), rtol=1e-4, atol=1e-4)


def test_the_average_is_what_is_kept() -> None:
    built = network()
    state = train_state(built, ema=0.9)
    before = weights_of(built)
    state.step(batch(), 1e-2)
    average = state.eval_model.network.state_dict()
    expected = 0.1 * before["fc.weight"] + 0.9 * built.state_dict()["fc.weight"]  # at first the decay is 1 / 10
    torch.testing.assert_close(average["fc.weight"], expected)
    assert state.eval_model is not state.trainable
    plain = train_state(network(), ema=0.0)
    assert plain.eval_model is plain.trainable


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_its_state_is_all_there_is(optimiser: str, precision: str) -> None:
    def fresh(seed: int) -> TrainState:
        return train_state(network(seed), optimiser=optimiser, ema=0.9, precision=precision)

    whole, broken = fresh(0), fresh(0)
    for step in range(4):
        whole.step(batch(step), 1e-2)
    for step in range(2):
        broken.step(batch(step), 1e-2)
    # As it comes out of a file: contiguous copies.
    saved = {
        name: {key: one.clone().contiguous() for key, one in file.items()} for name, file in broken.state_dict().items()
    }
    other = fresh(1)
    other.load_state_dict(saved)
    other.steps = broken.steps
    for parameter, entries in other.optimiser.state.items():
        assert all(one.stride() == parameter.stride() for one in entries.values() if one.shape == parameter.shape)
    for step in range(2, 4):
        other.step(batch(step), 1e-2)
    for name, tensors in whole.state_dict().items():
        found = other.state_dict()[name]
        assert tensors.keys() == found.keys()
        assert all(torch.equal(tensors[key], found[key]) for key in tensors), name


def test_fp16_scales_its_gradients() -> None:
    """fp16 on a CPU is slow, but it is the same code as on an older GPU."""
    state = train_state(network(), precision="fp16")
    before = state.scaler.get_scale()
    first = float(state.step(batch(), 1e-2))
    for _ in range(3):
        last = float(state.step(batch(), 1e-2))
    assert state.scaler.is_enabled()
    assert before > 1
    assert last < first


def test_scores_are_exact_sums() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]])
    targets = F.one_hot(torch.tensor([0, 1, 2, 2]), 3).float()
    batches = [Batch(logits[:3], targets[:3], 3), Batch(logits[3:], targets[3:], 1)]
    found = score(lambda one: one.inputs, batches, DistributedContext(CPU))
    assert (found.correct, found.photos, found.accuracy) == (3, 4, 0.75)
    assert found.loss_sum == pytest.approx(float(F.cross_entropy(logits, targets, reduction="sum")))


def test_better_means_more_right_then_a_lower_loss() -> None:
    good = Scores(3.0, 8, 10)
    assert good.better_than(None)
    assert Scores(9.0, 9, 10).better_than(good)
    assert Scores(2.9, 8, 10).better_than(good)
    assert not Scores(3.0, 8, 10).better_than(good)
    assert not Scores(1.0, 7, 10).better_than(good)
    assert Scores().better_than(Scores())


def fail_above(state: TrainState, photos: int, times: int = 10**6) -> None:
    """From here on memory runs out in the network's last layer, so many times, where it is given more photos."""
    left = [times]

    def refuse(_layer: object, given: tuple[Tensor, ...], _found: object) -> None:
        if len(given[0]) > photos and left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    for layer in {state.trainable.network.fc, state.eval_model.network.fc}:
        layer.register_forward_hook(refuse)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_evaluation_goes_on_with_fewer_photos_too(ema: float) -> None:
    told: list[tuple[str, int]] = []
    state = train_state(network(), ema=ema, log_message=lambda key, **fields: told.append((key, fields["photos"])))
    with torch.no_grad():
        expected = state.eval_logits(batch(0, 12))
        fail_above(state, 3)
        torch.testing.assert_close(state.eval_logits(batch(0, 12)), expected, rtol=1e-4, atol=1e-5)
    assert told == [("train.said.smaller_looks", 3)]
    assert score(state.eval_logits, [batch(0, 12), batch(1, 5)], DistributedContext(CPU)).photos == 17
    assert len(told) == 1


def test_frozen_stages_go_on_with_fewer_photos_too() -> None:
    state = train_state(network(), scratch=False, train_depth="head")
    assert state.frozen_backbone is not None
    expected = state.frozen_features(batch(0, 12).inputs)
    sizes: list[int] = []

    def refuse(_layer: object, given: tuple[Tensor, ...], _found: object) -> None:
        sizes.append(len(given[0]))
        if sizes[-1] > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    state.frozen_backbone.network.conv1.register_forward_hook(refuse)
    found = state.frozen_features(batch(0, 12).inputs)
    assert sizes == [12, 6, 6]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
