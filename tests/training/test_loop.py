"""The loop: a run goes its way, is interrupted and goes on as if it had not been, and ends in words in any case."""

from __future__ import annotations

import math
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from resnet_demo.inference import Classifier
from resnet_demo.jobs import queue
from resnet_demo.jobs.worker import execute_run
from resnet_demo.models.saved import open_saved
from resnet_demo.texts import AppError, text
from resnet_demo.training import checkpoint, optimisation, run_events, run_logger
from resnet_demo.training.config import READING_SETTINGS
from resnet_demo.training.dataset_splits import load_splits
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.loop import Training, train
from resnet_demo.training.optimisation import Cycle
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.training_setup import prepare
from tests.training.small_runs import draw_photos, events_of, make_run, settings_in


@pytest.fixture(autouse=True)
def _every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is told, so that a test can act on it."""
    monkeypatch.setattr(run_logger, "STEP_SECONDS", 0.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run; its model is what others start from."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    run = make_run(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_logger, "STEP_SECONDS", 0.0)
        patch.setattr(checkpoint, "MOST_SHARE", math.inf)
        train(run, settings_in(folder))
    return run


@contextmanager
def stopped_at(run: Run, step: int, how: Any = "keep") -> Iterator[None]:
    """Inside, the run is asked to stop once it tells of this step."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            newest = run.events.newest("step")
            if newest and newest["step"] >= step:
                run.worker.ask_stop(how)
                return
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def save_always(patch: pytest.MonkeyPatch) -> None:
    """From now on a checkpoint is written after every step."""
    patch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    patch.setattr(checkpoint, "MOST_SHARE", math.inf)


def weights(folder: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(folder / "model.safetensors")


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert not different


def test_the_last_step_of_an_epoch_is_always_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_logger, "STEP_SECONDS", math.inf)
    run = make_run(tmp_path)
    train(run, settings_in(tmp_path))
    assert [event["step"] for event in events_of(run, "step")] == [5, 10, 15]


def test_a_run_from_its_beginning_to_its_end(trained: Run) -> None:
    kinds = [event["kind"] for event in trained.events.all() if event["kind"] not in run_events.BESIDE]
    assert (kinds[0], kinds[1], kinds[-1]) == ("queued", "started", "finished")
    assert kinds.count("epoch") == 3
    started, finished = events_of(trained, "started")[0], events_of(trained, "finished")[0]
    assert started["photos"] == {"train": 36, "val": 6, "test": 6}
    assert started["per_class"] == {"blue <b>": 12, "grün": 12, "red": 12}
    may_be_absent = {"parent", "labels", *READING_SETTINGS}
    assert all(value is not None for name, value in started["config"].items() if name not in may_be_absent)
    assert finished["test_photos"] == 6
    assert finished["test_looks"] == 1
    steps = events_of(trained, "step")
    assert [event["step"] for event in steps] == list(range(1, 16))
    assert {event["steps"] for event in steps} == {15}
    peak = started["config"]["learning_rate"]
    schedule = [peak * optimisation.rate_share(step, Cycle(0, 15), started["config"]["warmup"]) for step in range(15)]
    assert [event["lr"] for event in steps] == pytest.approx(schedule, rel=0.01)
    assert {folder.name for folder in trained.folder.glob("last-*")} == {"last-10", "last-15"}
    losses = [event["train_loss"] for event in events_of(trained, "epoch")]
    assert losses[-1] < 0.8 * losses[0]
    assert trained.state() == "finished"


def test_the_saved_model_is_the_best_and_says_what_it_is(trained: Run) -> None:
    model = open_saved(trained.artefacts.best)
    finished = events_of(trained, "finished")[0]
    assert model.labels == ("blue <b>", "grün", "red")
    assert model.variant == "cifar_resnet20"
    assert (model.spec.crop_size, model.spec.resize_size) == (32, 37)
    told = ("val_accuracy", "val_photos", "test_accuracy", "test_photos")
    assert model.training_info.metrics == {name: finished[name] for name in told}
    assert model.training_info.data == trained.facts["data"]["fingerprint"]
    card = (trained.artefacts.best / "README.md").read_text(encoding="utf-8")
    assert "blue \\<b\\>" in card
    assert str(trained.folder.parent) not in card


def test_the_figure_is_what_the_classifier_says(trained: Run) -> None:
    settings = settings_in(trained.folder.parent)
    part = load_splits(trained, settings).test
    model = open_saved(trained.artefacts.best)
    said = list(Classifier(model, settings, "float32", "cpu").classify(part.paths, 3))
    right = [guess.guesses[0].index == label for guess, label in zip(said, part.labels, strict=True)]
    assert events_of(trained, "finished")[0]["test_accuracy"] == sum(right) / len(right)
    kept = trained.artefacts.test_predictions()
    assert kept is not None
    assert kept.correct == sum(right)
    assert kept.classes == model.labels
    assert kept.labels.tolist() == list(part.labels)
    assert [trained.folder.parent / "photos" / file for file in kept.files] == list(part.paths)
    for row, prediction in zip(kept.probabilities, said, strict=True):
        expected = {guess.index: guess.probability for guess in prediction.guesses}
        assert dict(enumerate(row)) == pytest.approx(expected, abs=1e-5)


WAYS: dict[str, dict[str, Any]] = {
    "everything": {"ema": 0.9, "mixup": 0.3, "cutmix": 1.0, "image_size": 48, "first_size": 32, "class_weights": True},
    "sgd": {"optimiser": "sgd", "augment": 0.0},
    "views": {"views": 2, "optimiser": "adam"},
}
DEEPER: dict[str, dict[str, Any]] = {
    "one stage": {"train_depth": 1, "ema": 0.9},
    "features": {"train_depth": 2, "views": 2},
    "head": {"train_depth": "head", "views": 1},
}


@pytest.mark.parametrize(
    "way", ["everything", *(pytest.param(way, marks=pytest.mark.slow) for way in ("sgd", "views", *DEEPER))]
)
def test_interrupted_and_resumed_equals_uninterrupted(
    way: str, tmp_path: Path, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint after every step, so that the one who watches has the time to act."""
    save_always(monkeypatch)
    overrides = (
        WAYS[way]
        if way in WAYS
        else DEEPER[way] | {"parent": str(trained.artefacts.best), "variant": None, "scratch": False}
    )
    settings = settings_in(tmp_path)
    whole, broken = make_run(tmp_path, "whole", **overrides), make_run(tmp_path, "broken", **overrides)
    train(whole, settings)
    stops = []
    for step in (2, 5, 8):
        with stopped_at(broken, step):
            train(broken, settings)
        assert broken.state() == "stopped"
        folder = broken.checkpoints.newest()
        assert folder is not None
        stops.append(int(folder.name.removeprefix("last-")))
        broken.queue_again()
    train(broken, settings)
    assert any(step % 5 for step in stops), "never within an epoch"
    assert_same(weights(whole.artefacts.best), weights(broken.artefacts.best))
    last_whole, last_broken = whole.checkpoints.newest(), broken.checkpoints.newest()
    assert last_whole is not None
    assert last_broken is not None
    for name in ("network", "optimiser"):
        one, other = (safetensors.torch.load_file(last / f"{name}.safetensors") for last in (last_whole, last_broken))
        assert_same(one, other)
    # Of an epoch that was done twice in part, the later account counts; and it is the same.
    told = [{event["epoch"]: event["train_loss"] for event in events_of(run, "epoch")} for run in (whole, broken)]
    assert told[0] == told[1]


def test_a_killed_worker_goes_on_from_its_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`now` saves nothing: steps since the checkpoint are done again, and the end is the same."""
    settings = settings_in(tmp_path)
    whole, broken = make_run(tmp_path, "whole"), make_run(tmp_path, "broken")
    train(whole, settings)
    save_always(monkeypatch)
    with stopped_at(broken, 7, "now"):
        train(broken, settings)
    assert events_of(broken, "stopped")[0]["how"] == "now"
    assert len(list(broken.folder.glob("last-*"))) == 2
    broken.queue_again()
    train(broken, settings)
    assert_same(weights(whole.artefacts.best), weights(broken.artefacts.best))


def test_asked_to_stop_before_it_began(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.worker.ask_stop("keep")
    train(run, settings_in(tmp_path))
    assert run.state() == "stopped"
    assert run.checkpoints.newest() is None


def test_stop_and_keep_in_the_first_epoch_leaves_a_model(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with stopped_at(run, 1):
        train(run, settings_in(tmp_path))
    assert events_of(run, "stopped")[0]["how"] == "keep"
    assert not events_of(run, "finished")
    metrics = open_saved(run.artefacts.best).training_info.metrics
    assert metrics["val_photos"] == 6
    assert "test_accuracy" not in metrics, "the test photos were used too soon"


def test_whole_photos_are_seen_from_the_training_on(tmp_path: Path) -> None:
    """Long photos with the colour at an edge: what the model answers is what the training was judged by."""
    for name, colour in (("red", (220, 40, 40)), ("blue", (40, 40, 220))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(24):
            draw = np.random.default_rng([len(name), number])
            pixels = draw.integers(90, 160, (40, 160, 3), dtype=np.uint8)
            pixels[:, -24:] = colour
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    accuracy = {}
    for framing in ("crop", "whole"):
        run = make_run(tmp_path, name=framing, framing=framing, mirror=False, epochs=3, augment=0.2)
        train(run, settings_in(tmp_path))
        model = open_saved(run.artefacts.best)
        assert model.spec.crop_mode == framing
        part = load_splits(run, settings_in(tmp_path)).test
        said = list(Classifier(model, settings_in(tmp_path), "float32", "cpu").classify(part.paths, 1))
        right = [one.guesses[0].index == label for one, label in zip(said, part.labels, strict=True)]
        accuracy[framing] = sum(right) / len(right)
        assert accuracy[framing] == pytest.approx(events_of(run, "finished")[0]["test_accuracy"], abs=1e-6)
        assert said[0].seen == (
            (0, 0, 160, 40) if framing == "whole" else pytest.approx((62.7, 2.7, 97.3, 37.3), abs=1)
        )
    assert accuracy["whole"] == 1
    child = make_run(tmp_path, "child", parent=str(run.artefacts.best), variant=None, scratch=False, epochs=1)
    train(child, settings_in(tmp_path))
    assert open_saved(child.artefacts.best).spec.crop_mode == "whole"


def test_more_epochs_go_on_where_it_ended(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    run = make_run(tmp_path, epochs=1)
    train(run, settings)
    run.queue_again(more_epochs=2)
    train(run, settings)
    assert [event["epoch"] for event in events_of(run, "epoch")] == [1, 2, 3]
    assert [event["test_looks"] for event in events_of(run, "finished")] == [1, 2]
    rates = [event["lr"] for event in events_of(run, "step")]
    config = events_of(run, "started")[0]["config"]
    shares = [optimisation.rate_share(step, Cycle(5, 10), config["warmup"]) for step in range(5, 15)]
    assert rates[5:] == pytest.approx([config["learning_rate"] * share for share in shares], rel=0.01)


@pytest.mark.slow
def test_it_ends_early_where_nothing_gets_better(tmp_path: Path) -> None:
    """At a learning rate of next to nothing every epoch is as the first."""
    run = make_run(tmp_path, epochs=9, early_stop=2, learning_rate=1e-7, augment=0.0)
    train(run, settings_in(tmp_path))
    epochs = events_of(run, "epoch")
    waited = [event["best"] for event in epochs][-2:]
    assert len(epochs) < 9
    assert waited == [False, False]
    assert events_of(run, "finished")
    run.queue_again(more_epochs=1)
    train(run, settings_in(tmp_path))
    assert len(events_of(run, "epoch")) == len(epochs) + 1


def test_a_loss_that_is_no_number_ends_it_in_words(tmp_path: Path) -> None:
    run = make_run(tmp_path, optimiser="sgd", learning_rate=10.0, warmup=0.0, epochs=30)
    with pytest.raises(AppError) as caught:
        train(run, settings_in(tmp_path))
    assert caught.value.message.key == "train.problem.not_finite"
    folder = run.checkpoints.newest()
    if folder is not None:
        tensors = safetensors.torch.load_file(folder / "network.safetensors")
        assert all(torch.isfinite(tensor.float()).all() for tensor in tensors.values())


def test_the_best_model_outlives_a_loss_that_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a checkpoint is dear beside an epoch, the best model may not be on the disk yet."""
    monkeypatch.setattr(checkpoint, "MOST_SHARE", 1e-9)
    run, distributed = make_run(tmp_path, epochs=4), DistributedContext(torch.device("cpu"))
    training = Training(prepare(run, settings_in(tmp_path), distributed, RunLogger(run, distributed)))
    training.epoch()
    training.epoch()
    assert training.unwritten is not None
    with torch.no_grad():
        training.train_state.trainable.network.fc.weight.fill_(math.nan)
    with pytest.raises(AppError) as caught:
        training.run()
    assert caught.value.message.key == "train.problem.not_finite"
    assert [epoch["best"] for epoch in events_of(run, "epoch")] == [True, True]
    told = events_of(run, "epoch")[-1]["val_loss"]
    part, model = load_splits(run, settings_in(tmp_path)).val, open_saved(run.artefacts.best)
    said = list(Classifier(model, settings_in(tmp_path), "float32", "cpu").classify(part.paths, 3))
    by_class = [{one.index: one.probability for one in prediction.guesses} for prediction in said]
    losses = [-math.log(of[label]) for of, label in zip(by_class, part.labels, strict=True)]
    assert sum(losses) / len(losses) == pytest.approx(told, abs=1e-4)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    """No file may grow beyond 400 kB, as the operating system sees to it: a checkpoint's are larger."""
    settings = settings_in(tmp_path)
    run = make_run(tmp_path, epochs=1)
    train(run, settings)
    good, model = run.checkpoints.newest(), weights(run.artefacts.best)
    run.queue_again(more_epochs=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        with pytest.raises(AppError) as caught:
            train(run, settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.message.key in {"run.problem.not_written", "saved.problem.not_written"}
    assert run.checkpoints.newest() == good
    assert_same(weights(run.artefacts.best), model)
    train(run, settings)
    assert events_of(run, "finished")[-1]["test_looks"] == 2


def test_other_photos_are_noticed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (tmp_path / "photos" / "red" / "000.png").unlink()
    with pytest.raises(AppError) as caught:
        train(run, settings_in(tmp_path))
    assert caught.value.message.key == "train.problem.other_data"


def test_more_epochs_that_were_refused_are_not_added(tmp_path: Path) -> None:
    """Neither where a photo is gone, nor where its content alone is another one, which shows once it is read."""
    settings = settings_in(tmp_path)
    run = make_run(tmp_path, epochs=1)
    train(run, settings)
    photo = tmp_path / "photos" / "red" / "000.png"
    content = photo.read_bytes()
    for refused in (photo.unlink, partial(photo.write_bytes, (photo.parent / "001.png").read_bytes())):
        refused()
        queue.resume(run, settings.home, more_epochs=1, foreground_process=Process.of(os.getpid()))
        execute_run(run, settings)
        newest = run.events.newest()
        assert newest is not None
        assert (newest["kind"], newest["key"]) == ("failed", "train.problem.other_data")
    photo.write_bytes(content)
    queue.resume(run, settings.home, more_epochs=1, foreground_process=Process.of(os.getpid()))
    execute_run(run, settings)
    assert run.state() == "finished"
    assert [event["epoch"] for event in events_of(run, "epoch")] == [1, 2]
    queue.resume(run, settings.home, more_epochs=2, foreground_process=Process.of(os.getpid()))
    execute_run(run, settings)
    assert [event["epoch"] for event in events_of(run, "epoch")] == [1, 2, 3, 4]


def test_more_epochs_that_failed_are_still_to_be_done(tmp_path: Path) -> None:
    """A plain resume does what was asked for before."""
    run = make_run(tmp_path, epochs=1)
    for kind in ("step", "epoch", "finished"):
        run.events.append(kind)
    run.queue_again(more_epochs=2)
    run.events.append("failed", key="x", fields={})
    run.queue_again()
    assert run.events.more_epochs == 2
    run.events.append("started")
    run.events.append("stopped", how="keep")
    run.queue_again(more_epochs=1)
    assert run.events.more_epochs == 3


def damage(path: Path) -> None:
    """Put a photo there that is whole at its beginning and its end alone."""
    draw = np.random.default_rng(list(path.name.encode()))
    Image.fromarray(draw.integers(0, 255, (300, 300, 3), dtype=np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


def test_a_photo_damaged_in_its_midst_is_left_out_and_told(tmp_path: Path) -> None:
    """Whoever looks at its beginning and its end alone does not notice."""
    damage(draw_photos(tmp_path / "photos") / "red" / "broken.png")
    run = make_run(tmp_path, epochs=1)
    train(run, settings_in(tmp_path))
    told = [event["fields"] for event in events_of(run, "said") if event["key"] == "train.said.unreadable"]
    assert [(one["count"], one["name"]) for one in told] == [(1, "red/broken.png")]
    assert sum(events_of(run, "started")[0]["photos"].values()) == 49
    assert run.state() == "finished"


def test_a_test_photo_damaged_in_its_midst_is_left_out_and_named(tmp_path: Path) -> None:
    """All of one class, so that one of them is certainly among the test photos."""
    for path in (draw_photos(tmp_path / "photos") / "red").iterdir():
        damage(path)
    run = make_run(tmp_path, epochs=1)
    train(run, settings_in(tmp_path))
    kept = run.artefacts.test_predictions()
    assert kept is not None
    assert len(kept.unreadable) == 2
    assert all(name.startswith("red/") for name in kept.unreadable)
    assert len(kept.files) == events_of(run, "finished")[0]["test_photos"] == 4
    assert not any(name.startswith("red/") for name in kept.files)


def test_going_on_from_a_model_with_the_same_classes_keeps_its_head(tmp_path: Path, trained: Run) -> None:
    """With a learning rate of next to nothing it is as good as before; with a fresh head it would not be."""
    overrides = {
        "parent": str(trained.artefacts.best),
        "variant": None,
        "scratch": False,
        "epochs": 1,
        "learning_rate": 1e-7,
    }
    run = make_run(tmp_path, **overrides)
    train(run, settings_in(tmp_path))
    before = events_of(trained, "finished")[0]["val_accuracy"]
    assert events_of(run, "epoch")[0]["val_accuracy"] == before > 0.5
    assert open_saved(run.artefacts.best).training_info.parent == "best"


@pytest.mark.slow
def test_uneven_classes_are_weighted(tmp_path: Path) -> None:
    for path in sorted((draw_photos(tmp_path / "photos") / "red").iterdir())[4:]:
        path.unlink()
    losses = []
    for name, weighted in (("default", None), ("weighted", True), ("plain", False)):
        run = make_run(tmp_path, name, epochs=1, class_weights=weighted)
        train(run, settings_in(tmp_path))
        assert events_of(run, "started")[0]["config"]["class_weights"] is not (weighted is False)
        losses.append(events_of(run, "epoch")[0]["train_loss"])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.slow
def test_precision_is_measured_once(tmp_path: Path) -> None:
    """An interruption does not ask again."""
    run = make_run(tmp_path, precision="auto")
    with stopped_at(run, 2):
        train(run, settings_in(tmp_path))
    [chosen] = {event["precision"] for event in events_of(run, "measured")}
    run.queue_again()
    train(run, settings_in(tmp_path))
    assert {event["precision"] for event in events_of(run, "measured")} == {chosen}
    assert [event["precision"] for event in events_of(run, "started")] == [chosen, chosen]


def test_every_sentence_it_says_is_there(trained: Run) -> None:
    for event in events_of(trained, "said"):
        assert text(event["key"], "zh-CN", **event["fields"])
