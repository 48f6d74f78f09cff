"""The retried step: what failed leaves nothing behind, and what memory cannot do at all is said."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from resnet_demo.models import variants
from resnet_demo.texts import AppError
from resnet_demo.training.retried_step import RetriedStep
from tests.conftest import ROOT
from tests.training.test_train_state import batch, fail_above, network, train_state

SHORT_OF_MEMORY = """
import json, resource, sys
import torch
from resnet_demo.texts import AppError
from resnet_demo.training.retried_step import RetriedStep
from tests.training.test_train_state import batch, train_state, network
torch.set_num_threads(1)
torch.backends.mkldnn.set_flags(False)  # its own compiler faults where it is refused memory
photos, size, megabytes = map(int, sys.argv[1:])
told = []
state = train_state(network(), log_message=lambda key, **fields: told.append(key))
step = RetriedStep(state)
step(batch(0, 16), 1e-3)
given = batch(1, photos, size)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 10**6,) * 2)
try:
    step(given, 1e-3)
except AppError as error:
    told.append(error.message.key)
print(json.dumps([state.steps, state.micro_batching.count, told]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may take")
@pytest.mark.parametrize(("photos", "size", "megabytes", "steps"), [(512, 32, 200, 2), (3, 512, 20, 1)])
def test_memory_that_runs_out_makes_micro_batches_smaller(photos: int, size: int, megabytes: int, steps: int) -> None:
    """In a process that may take only so much more: the operating system itself refuses."""
    command = [sys.executable, "-c", SHORT_OF_MEMORY, *map(str, (photos, size, megabytes))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found, micro_batches, told = json.loads(done.stdout.splitlines()[-1])
    assert found == steps
    if steps == 2:
        assert micro_batches > 1
        assert set(told) == {"train.said.smaller_pieces"}
    else:
        assert told == ["train.problem.out_of_memory"]


def test_an_attempt_that_failed_leaves_nothing_behind() -> None:
    """What norms count on the way, too: the step is that of a state with two micro-batches from the beginning."""
    told: list[str] = []
    warned, careful = train_state(network(), log_message=lambda key, **_: told.append(key)), train_state(network())
    fail_above(warned, 8)
    careful.micro_batching.count = 2
    steps = RetriedStep(warned), RetriedStep(careful)
    for number in range(2):
        losses = [step(batch(number, 16), 1e-3) for step in steps]
        assert torch.equal(*losses)
    for file, tensors in careful.state_dict().items():
        assert all(torch.equal(one, warned.state_dict()[file][name]) for name, one in tensors.items())
    assert told == ["train.said.smaller_pieces"]


def test_after_smaller_micro_batches_a_batch_of_any_size_is_learned_from() -> None:
    """At the end of resnet18 a map of 32 pixels is one value: a norm cannot learn from a single photo."""
    torch.manual_seed(0)
    built = variants.build("resnet18", 3)
    state = train_state(built)
    state.micro_batching.count = 4
    step = RetriedStep(state)
    sizes: list[int] = []
    built.conv1.register_forward_hook(lambda _layer, given, _found: sizes.append(len(given[0])))
    for photos, expected in ((8, [2, 2, 2, 2]), (7, [3, 2, 2]), (3, [3]), (2, [2])):
        sizes.clear()
        before = built.fc.weight.detach().clone()
        step(batch(0, photos), 1e-3)
        assert sizes == expected
        assert not torch.equal(built.fc.weight, before)
    assert (state.steps, state.micro_batching.count) == (4, 4)


def test_memory_that_runs_out_in_the_update_is_said_and_the_step_not_taken_twice() -> None:
    """Some weights may have moved by then, so smaller micro-batches would not make the same step."""
    told: list[str] = []
    state = train_state(network(), log_message=lambda key, **_: told.append(key))
    updates: list[int] = []

    def refuse(*_given: object) -> None:
        updates.append(state.steps)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    state.optimiser.register_step_pre_hook(refuse)
    with pytest.raises(AppError) as caught:
        RetriedStep(state)(batch(), 1e-3)
    assert caught.value.message.key == "train.problem.out_of_memory"
    assert (updates, told) == ([0], [])
