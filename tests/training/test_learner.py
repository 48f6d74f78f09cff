"""The learner: its step is torch's own, pieces of a batch do as the whole does, and its state is all there is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from resnet_demo.training.config import Settled
from resnet_demo.training.feed import Batch
from resnet_demo.training.learner import Learner
from resnet_demo.training.pieces import Say
from resnet_demo.training.precision import Precision
from resnet_demo.training.presets import Start
from resnet_demo.training.ranks import Ranks
from resnet_demo.training.scores import Scores, score
from tests.conftest import ROOT
from tests.training.schoolroom import SMALL

CPU = torch.device("cpu")


def settled(**knobs: Any) -> Settled:
    config = replace(SMALL, **knobs)
    start = Start(config.scratch, 32)
    return config.resolved(photos=64, per_class={"a": 32, "b": 32}, device="cpu", start=start)


def network(seed: int = 0) -> ResNet:
    torch.manual_seed(seed)
    return variants.build("cifar_resnet20", 3)


def silent(key: str, **fields: object) -> None:
    """For tests that listen to nothing."""


def learner(
    built: ResNet, *, precision: str = "float32", weights: Tensor | None = None, say: Say = silent, **knobs: Any
) -> Learner:
    numbers = Precision(precision, CPU)  # type: ignore[arg-type]
    return Learner(built, settled(**knobs), Ranks(CPU), numbers, weights=weights, say=say)


def batch(seed: int = 0, photos: int = 8, size: int = 32) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (photos,), generator=draw)
    return Batch(torch.randn(photos, 3, size, size, generator=draw), F.one_hot(labels, 3).float(), photos)


def state(built: ResNet) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in built.state_dict().items()}


def test_steps_are_torchs_own() -> None:
    """Against the plainest loop: two groups, mean cross-entropy. SGD, since Adam makes much of rounding at zero."""
    mine, plain = network(), network().to(memory_format=torch.channels_last)
    taught = learner(mine, optimiser="sgd", weight_decay=0.1, label_smoothing=0.1)
    kernels = [one for one in plain.parameters() if one.dim() > 1]
    others = [one for one in plain.parameters() if one.dim() == 1]
    groups = [{"params": kernels, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True)
    plain.train()
    for step, rate in enumerate((1e-3, 3e-3, 2e-3)):
        given = batch(step)
        loss = taught.step(given, rate)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        expected = F.cross_entropy(plain(given.inputs), given.targets.argmax(dim=1), label_smoothing=0.1)
        expected.backward()
        optimiser.step()
        torch.testing.assert_close(loss, expected.detach() * 8, rtol=1e-4, atol=1e-4)
    for (name, one), other in zip(mine.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4, msg=name)


def test_pieces_have_the_effect_of_the_whole() -> None:
    """With frozen norms to the last digits; a norm that learns sees each piece by itself."""
    gradients = []
    for pieces in (1, 3, 4):
        built = network()
        taught = learner(built, scratch=False, train_depth="head", optimiser="sgd", weight_decay=0.0)
        taught.pieces.number = pieces
        before = built.fc.weight.detach().clone()
        taught.step(batch(), 1.0)
        gradients.append(built.fc.weight.detach() - before)
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-5, atol=1e-7)


def test_class_weights_count() -> None:
    weights = torch.tensor([2.0, 1.0, 0.5])
    taught = learner(network(), weights=weights, label_smoothing=0.0)
    given, plain = batch(), network().train()
    each = F.cross_entropy(plain(given.inputs), given.targets.argmax(dim=1), weights, reduction="none")
    torch.testing.assert_close(taught.step(given, 0.0), each.sum().detach(), rtol=1e-4, atol=1e-4)


def test_the_average_is_what_is_kept() -> None:
    built = network()
    taught = learner(built, ema=0.9)
    before = state(built)
    taught.step(batch(), 1e-2)
    average = taught.taught.network.state_dict()
    expected = 0.1 * before["fc.weight"] + 0.9 * built.state_dict()["fc.weight"]  # at first the decay is 1 / 10
    torch.testing.assert_close(average["fc.weight"], expected)
    assert taught.taught is not taught.learning
    plain = learner(network(), ema=0.0)
    assert plain.taught is plain.learning


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_its_state_is_all_there_is(optimiser: str, precision: str) -> None:
    def fresh(seed: int) -> Learner:
        return learner(network(seed), optimiser=optimiser, ema=0.9, precision=precision)

    whole, broken = fresh(0), fresh(0)
    for step in range(4):
        whole.step(batch(step), 1e-2)
    for step in range(2):
        broken.step(batch(step), 1e-2)
    # As it comes out of a file: contiguous copies.
    saved = {
        name: {key: one.clone().contiguous() for key, one in file.items()} for name, file in broken.state().items()
    }
    other = fresh(1)
    other.load_state(saved)
    other.steps = broken.steps
    for parameter, entries in other.optimiser.state.items():
        assert all(one.stride() == parameter.stride() for one in entries.values() if one.shape == parameter.shape)
    for step in range(2, 4):
        other.step(batch(step), 1e-2)
    for name, tensors in whole.state().items():
        found = other.state()[name]
        assert tensors.keys() == found.keys()
        assert all(torch.equal(tensors[key], found[key]) for key in tensors), name


def test_fp16_scales_its_gradients() -> None:
    """fp16 on a CPU is slow, but it is the same code as on an older GPU."""
    taught = learner(network(), precision="fp16")
    before = taught.scaler.get_scale()
    first = float(taught.step(batch(), 1e-2))
    for _ in range(3):
        last = float(taught.step(batch(), 1e-2))
    assert taught.scaler.is_enabled()
    assert before > 1
    assert last < first


def test_scores_are_exact_sums() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]])
    targets = F.one_hot(torch.tensor([0, 1, 2, 2]), 3).float()
    batches = [Batch(logits[:3], targets[:3], 3), Batch(logits[3:], targets[3:], 1)]
    found = score(lambda one: one.inputs, batches, Ranks(CPU))
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


SHORT_OF_MEMORY = """
import json, resource, sys
import torch
from resnet_demo.texts import AppError
from tests.training.test_learner import batch, learner, network
torch.set_num_threads(1)
torch.backends.mkldnn.set_flags(False)  # its own compiler faults where it is refused memory
photos, size, megabytes = map(int, sys.argv[1:])
told = []
taught = learner(network(), say=lambda key, **fields: told.append(key))
taught.step(batch(0, 16), 1e-3)
given = batch(1, photos, size)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 10**6,) * 2)
try:
    taught.step(given, 1e-3)
except AppError as error:
    told.append(error.message.key)
print(json.dumps([taught.steps, taught.pieces.number, told]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may take")
@pytest.mark.parametrize(("photos", "size", "megabytes", "steps"), [(512, 32, 200, 2), (3, 512, 20, 1)])
def test_memory_that_runs_out_makes_pieces_smaller(photos: int, size: int, megabytes: int, steps: int) -> None:
    """In a process that may take only so much more: the operating system itself refuses."""
    command = [sys.executable, "-c", SHORT_OF_MEMORY, *map(str, (photos, size, megabytes))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found, pieces, told = json.loads(done.stdout.splitlines()[-1])
    assert found == steps
    if steps == 2:
        assert pieces > 1
        assert set(told) == {"train.said.smaller_pieces"}
    else:
        assert told == ["train.problem.out_of_memory"]


def fail_above(taught: Learner, photos: int, times: int = 10**6) -> None:
    """From here on memory runs out in the network's last layer, so many times, where it is given more photos."""
    left = [times]

    def refuse(_layer: object, given: tuple[Tensor, ...], _found: object) -> None:
        if len(given[0]) > photos and left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    for layer in {taught.learning.network.fc, taught.taught.network.fc}:
        layer.register_forward_hook(refuse)


def test_an_attempt_that_failed_leaves_nothing_behind() -> None:
    """What norms count on the way, too: the step is that of a learner that took two pieces from the beginning."""
    told: list[str] = []
    warned, careful = learner(network(), say=lambda key, **_: told.append(key)), learner(network())
    fail_above(warned, 8)
    careful.pieces.number = 2
    for step in range(2):
        losses = [one.step(batch(step, 16), 1e-3) for one in (warned, careful)]
        assert torch.equal(*losses)
    for file, tensors in careful.state().items():
        assert all(torch.equal(one, warned.state()[file][name]) for name, one in tensors.items())
    assert told == ["train.said.smaller_pieces"]


def test_after_smaller_pieces_a_batch_of_any_size_is_learned_from() -> None:
    """At the end of resnet18 a map of 32 pixels is one value: a norm cannot learn from a single photo."""
    torch.manual_seed(0)
    taught = learner(variants.build("resnet18", 3))
    taught.pieces.number = 4
    for photos in (8, 7, 3, 2):
        taught.step(batch(0, photos), 1e-3)
    assert taught.steps == 4


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_look_goes_on_with_fewer_photos_too(ema: float) -> None:
    told: list[tuple[str, int]] = []
    taught = learner(network(), ema=ema, say=lambda key, **fields: told.append((key, fields["photos"])))
    with torch.no_grad():
        expected = taught.answer(batch(0, 12))
        fail_above(taught, 3)
        torch.testing.assert_close(taught.answer(batch(0, 12)), expected, rtol=1e-4, atol=1e-5)
    assert told == [("train.said.smaller_looks", 3)]
    assert score(taught.answer, [batch(0, 12), batch(1, 5)], Ranks(CPU)).photos == 17
    assert len(told) == 1


def test_frozen_stages_go_on_with_fewer_photos_too() -> None:
    taught = learner(network(), scratch=False, train_depth="head")
    assert taught.frozen is not None
    expected = taught.frozen_features(batch(0, 12).inputs)
    sizes: list[int] = []

    def refuse(_layer: object, given: tuple[Tensor, ...], _found: object) -> None:
        sizes.append(len(given[0]))
        if sizes[-1] > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    taught.frozen.network.conv1.register_forward_hook(refuse)
    found = taught.frozen_features(batch(0, 12).inputs)
    assert sizes == [12, 6, 6]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
