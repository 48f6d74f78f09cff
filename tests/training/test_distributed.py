"""Several processes on one machine, as torchrun starts them: together they do what one process does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.data.preprocessing import normalise
from resnet_demo.models import variants
from resnet_demo.models.batch_norm_folding import fold_norms
from resnet_demo.models.resnet import ResNet
from resnet_demo.models.saved import open_saved
from resnet_demo.texts import AppError
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.dataset_splits import load_splits
from resnet_demo.training.decoded_photos import PhotoDecoder
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.launched import free_port
from tests.training.small_runs import events_of, make_run, settings_in
from tests.training.test_train_state import train_state

TIMEOUT_SECONDS = 120


def together(code: str, *arguments: object, world: int = 2) -> list[Any]:
    """Run `code` in so many processes that know of each other; what each printed last, as JSON."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(world)}
    environ = {**os.environ, **place, "LOCAL_WORLD_SIZE": str(world), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            cwd=ROOT,
            env={**environ, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    try:
        said = [process.communicate(timeout=TIMEOUT_SECONDS)[0] for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert [process.returncode for process in started] == [0] * world
    return [json.loads(out.splitlines()[-1]) for out in said]


ADD_UP = """
import json, torch
from resnet_demo.training.distributed import distributed_context
with distributed_context() as distributed:
    rows = torch.zeros(5, 3, dtype=torch.bfloat16)
    rows[distributed.rank::2] = 1.5 + distributed.rank
    distributed.merge_rows(rows)
    print(json.dumps({
        "max": distributed.all_max([3, 7][distributed.rank]),
        "sum": distributed.all_sum(torch.tensor([1.0, 2.5 * distributed.rank], dtype=torch.float64)).tolist(),
        "dicts": sorted(distributed.merge_dicts({distributed.rank: "x" * distributed.rank}).items()),
        "rows": rows.float().tolist(),
        "main": distributed.is_main,
    }))
"""


@pytest.mark.slow
def test_they_agree_and_add_up() -> None:
    first, second = together(ADD_UP)
    assert (first.pop("main"), second.pop("main")) == (True, False)
    assert first == second
    assert first["max"] == 7
    assert first["sum"] == [2.0, 2.5]
    assert first["dicts"] == [[0, ""], [1, "x"]]
    assert first["rows"] == [[1.5] * 3, [2.5] * 3, [1.5] * 3, [2.5] * 3, [1.5] * 3]


def normless() -> ResNet:
    """A network whose norms are frozen for good: folded into their convolutions."""
    torch.manual_seed(0)
    built = variants.build("cifar_resnet20", 3)
    with torch.no_grad():
        built(torch.randn(8, 3, 32, 32))
    return fold_norms(built.eval())


def whole_batch(photos: int = 7) -> tuple[Tensor, Tensor]:
    """An odd number: the processes' parts differ."""
    draw = torch.Generator().manual_seed(3)
    labels = torch.randint(0, 3, (photos,), generator=draw)
    return torch.randn(photos, 3, 32, 32, generator=draw), F.one_hot(labels, 3).float()


STEP = """
import json, sys, torch
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.retried_step import RetriedStep
from resnet_demo.training.train_state import TrainState
from resnet_demo.training.precision import Precision
from resnet_demo.training.distributed import distributed_context
from tests.training.test_train_state import resolve, silent
from tests.training.test_distributed import normless, whole_batch
with distributed_context() as distributed:
    numbers = Precision("float32", distributed.device)
    state = TrainState(normless(), resolve(), distributed, numbers, weights=None, log_message=silent)
    state.micro_batching.count = int(sys.argv[2])
    step = RetriedStep(state)
    inputs, targets = whole_batch()
    own = slice(distributed.rank, None, distributed.world_size)
    for _ in range(int(sys.argv[3])):  # the first of a size is tried alone
        step(Batch(inputs[own], targets[own], len(inputs)), 0.0)
    found = {name: one.grad for name, one in state.trainable.network.named_parameters()}
    torch.save(found, f"{sys.argv[1]}/{distributed.rank}.pt")
    print(json.dumps(len(found)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("micro_batches", [1, 2])
def test_gradients_are_those_of_one_process(tmp_path: Path, micro_batches: int, times: int) -> None:
    counts = together(STEP, tmp_path, micro_batches, times)
    alone = train_state(normless())
    inputs, targets = whole_batch()
    alone.step(Batch(inputs, targets, len(inputs)), 0.0)
    expected = {name: one.grad for name, one in alone.trainable.network.named_parameters()}
    assert counts == [len(expected)] * 2
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


TRAIN = """
import json, sys, torch
from pathlib import Path
from resnet_demo.training import run_logger
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from tests.training.small_runs import settings_in
torch.set_num_threads(1)
run_logger.STEP_SECONDS = 0.0
run = Run.open(Path(sys.argv[1]))
train(run, settings_in(run.folder.parent))
threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
print(json.dumps([name for name in threads if "gloo" in name]))
"""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved model to start from."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("parent")
    run = make_run(folder, epochs=2)
    train(run, settings_in(folder))
    return str(run.artefacts.best)


def told(run: Run) -> dict[int, dict[str, Any]]:
    """The account of each epoch, the later one where there are two."""
    return {event["epoch"]: event for event in events_of(run, "epoch")}


def head(folder: Path) -> Tensor:
    return safetensors.torch.load_file(folder / "model.safetensors")["fc.weight"]


@pytest.mark.slow
@pytest.mark.parametrize("views", [0, 1])
def test_a_run_of_two_goes_as_that_of_one(tmp_path: Path, parent: str, views: int) -> None:
    """The head alone learns, so all norms are frozen; seven photos to choose by are shared by two."""
    overrides = {"parent": parent, "variant": None, "scratch": False, "train_depth": "head", "views": views}
    one, two, mixed = (make_run(tmp_path, name, **overrides) for name in ("one", "two", "mixed"))
    train(one, settings_in(tmp_path))
    # Threads that outlive the group may bring a process down while it exits.
    assert together(TRAIN, two.folder) == [[], []]

    watcher = threading.Thread(target=stop_at, args=(mixed, 7))
    watcher.start()
    together(TRAIN, mixed.folder)
    watcher.join()
    assert mixed.state() == "stopped"
    middle = mixed.checkpoints.newest()
    assert middle is not None
    mixed.queue_again()
    train(mixed, settings_in(tmp_path))

    for other in (two, mixed):
        assert events_of(other, "finished")[0]["test_photos"] == events_of(one, "finished")[0]["test_photos"]
        assert told(other).keys() == told(one).keys()
        kept, alone = other.artefacts.test_predictions(), one.artefacts.test_predictions()
        assert kept is not None
        assert alone is not None
        assert (kept.files, kept.labels.tolist()) == (alone.files, alone.labels.tolist())
        assert kept.probabilities == pytest.approx(alone.probabilities, abs=1e-3)
        for epoch, expected in told(one).items():
            found = told(other)[epoch]
            assert (found["val_accuracy"], found["val_photos"]) == (expected["val_accuracy"], expected["val_photos"])
            assert found["val_loss"] == pytest.approx(expected["val_loss"], abs=2e-4)
            assert found["train_loss"] == pytest.approx(expected["train_loss"], abs=2e-4)
        torch.testing.assert_close(head(other.artefacts.best), head(one.artefacts.best), rtol=1e-3, atol=1e-4)
    assert len(events_of(two, "started")) == 1, "the second process wrote too"


def stop_at(run: Run, step: int) -> None:
    """Ask a run to stop once it tells of this step."""
    ends = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < ends:
        newest = run.events.newest("step")
        if newest and newest["step"] >= step:
            run.worker.ask_stop("keep")
            return
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_two_train_a_whole_network(tmp_path: Path, ema: float) -> None:
    """Each norm learns from its own process's photos; what is judged and kept is one network, the first's."""
    run = make_run(tmp_path, epochs=2, ema=ema, val_share=0.3)
    assert together(TRAIN, run.folder) == [[], []]
    epochs = told(run)
    assert epochs[2]["train_loss"] < epochs[1]["train_loss"]
    assert events_of(run, "started")[0]["processes"] == 2
    best = max((epoch for epoch in epochs.values() if epoch["best"]), key=lambda epoch: epoch["epoch"])
    model, part = open_saved(run.artefacts.best), load_splits(run, settings_in(tmp_path)).val
    decoder = PhotoDecoder(DistributedContext(torch.device("cpu")), ArrayStore.here(tmp_path, 1), 10**8, lambda: None)
    with torch.no_grad():
        logits = model.network(normalise(decoder.crops(part.paths, model.spec).pictures, model.spec))
    labels = torch.tensor(part.labels)
    assert best["val_loss"] == pytest.approx(float(F.cross_entropy(logits, labels)), abs=1e-4)
    assert best["val_accuracy"] == pytest.approx(float((logits.argmax(dim=1) == labels).float().mean()))


TRY_OUT = """
import json, sys, torch
from pathlib import Path
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.training_setup import prepare
from resnet_demo.training.distributed import distributed_context
from resnet_demo.training.run import Run
from tests.training.small_runs import settings_in
torch.set_num_threads(1)
run = Run.open(Path(sys.argv[1]))
with distributed_context() as distributed:
    setup = prepare(run, settings_in(run.folder.parent), distributed, RunLogger(run, distributed))
    print(json.dumps(setup.plan.config.learning_rate))
    del setup
"""


@pytest.mark.slow
def test_they_agree_on_the_learning_rate_that_they_tried_out(tmp_path: Path) -> None:
    """Each sees other losses; were each to choose by its own, their weights would drift apart."""
    first, second = together(TRY_OUT, make_run(tmp_path, range_test=True).folder)
    assert first == second


@pytest.mark.slow
def test_one_goes_on_with_anothers_run_only_if_epochs_stay_as_long(tmp_path: Path, parent: str) -> None:
    """Batches of two: shared by two, each would have a single photo, so they get four and an epoch fewer steps."""
    overrides = {"parent": parent, "variant": None, "scratch": False, "train_depth": "head", "batch_size": 2}
    run = make_run(tmp_path, epochs=1, **overrides)
    together(TRAIN, run.folder)
    run.queue_again(more_epochs=1)
    with pytest.raises(AppError) as caught:
        train(run, settings_in(tmp_path))
    assert caught.value.message.key == "train.problem.other_steps"
    assert caught.value.message.fields == {"before": 9, "now": 18}


TOO_MUCH = """
import json, sys, torch
from resnet_demo.texts import AppError
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.retried_step import RetriedStep
from resnet_demo.training.train_state import TrainState
from resnet_demo.training.precision import Precision
from resnet_demo.training.distributed import distributed_context
from tests.training.test_train_state import fail_above, resolve, silent
from tests.training.test_distributed import normless, whole_batch
with distributed_context() as distributed:
    numbers = Precision("float32", distributed.device)
    state = TrainState(normless(), resolve(), distributed, numbers, weights=None, log_message=silent)
    if distributed.rank == 1:
        fail_above(state, int(sys.argv[1]))
    inputs, targets = whole_batch(14)
    own = slice(distributed.rank, None, distributed.world_size)
    try:
        RetriedStep(state)(Batch(inputs[own], targets[own], len(inputs)), 0.0)
        print(json.dumps([state.micro_batching.count, state.trainable.network.fc.weight.grad.tolist()]))
    except AppError as error:
        print(json.dumps(error.message.key))
"""


@pytest.mark.slow
def test_one_that_is_short_of_memory_takes_micro_batches_and_the_others_wait() -> None:
    (first, gradient), (second, same) = together(TOO_MUCH, 4)
    assert (first, second) == (1, 2)
    assert gradient == same
    alone = train_state(normless())
    inputs, targets = whole_batch(14)
    alone.step(Batch(inputs, targets, len(inputs)), 0.0)
    assert alone.trainable.network.fc.weight.grad is not None
    torch.testing.assert_close(torch.tensor(gradient), alone.trainable.network.fc.weight.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_where_one_has_no_memory_at_all_every_one_says_so() -> None:
    assert together(TOO_MUCH, 1) == ["train.problem.out_of_memory"] * 2
