"""The history of a run: read incrementally, undone where steps are repeated, thinned out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.training.config import TrainConfig
from resnet_demo.training.progressive_resizing import picture_size
from resnet_demo.training.run import Run
from resnet_demo.training.run_history import MOST_POINTS, MOST_TEXT_EVENTS, RunHistory


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, TrainConfig(data="/photos"), {})


def start(run: Run, epochs: int = 10, resumed: dict[str, int] | None = None) -> None:
    run.events.append("started", epochs=epochs, resumed=resumed)


def step(run: Run, number: int, epochs: int = 10, per_epoch: int = 5, loss: float | None = 1.0) -> None:
    run.events.append("step", step=number, steps=epochs * per_epoch, epoch=1, epochs=epochs, loss=loss, lr=0.1)


def epoch(run: Run, number: int, accuracy: float, best: bool = True, **more: Any) -> None:
    fields: dict[str, Any] = {"epochs": 10, "train_loss": 1.0, "val_loss": 1.0, "val_photos": 50, **more}
    run.events.append("epoch", epoch=number, val_accuracy=accuracy, best=best, **fields)


def read(run: Run) -> RunHistory:
    history = RunHistory(run)
    history.update()
    return history


def told(history: RunHistory) -> tuple[object, ...]:
    return (
        history.points,
        history.epochs,
        history.started,
        history.latest,
        list(history.text_events),
        history.seconds_left,
    )


def test_read_piece_by_piece_it_is_the_same(run: Run) -> None:
    piecemeal = RunHistory(run)
    piecemeal.update()
    start(run)
    for number in range(1, 16):
        step(run, number, loss=1 / number)
        if number % 5 == 0:
            epoch(run, number // 5, number / 20)
        piecemeal.update()
    assert told(piecemeal) == told(read(run))
    assert [point.step for point in piecemeal.points] == list(range(1, 16))
    assert piecemeal.steps_per_epoch == 5
    assert piecemeal.total_epochs == 10


def test_nothing_yet(run: Run) -> None:
    history = read(run)
    assert (history.points, history.epochs, history.best, history.seconds_left, history.total_epochs) == (
        [],
        [],
        None,
        None,
        0,
    )
    assert [event["kind"] for event in history.text_events] == ["queued"]


def test_what_was_done_again_counts_once(run: Run) -> None:
    start(run)
    for number in range(1, 14):
        step(run, number)
        if number % 5 == 0:
            epoch(run, number // 5, 0.5)
    start(run, resumed={"epoch": 1, "step": 2})  # killed in step 13, its checkpoint was made in step 7
    history = read(run)
    assert [point.step for point in history.points] == [1, 2, 3, 4, 5, 6, 7]
    assert [event["epoch"] for event in history.epochs] == [1]
    assert history.latest is None
    start(run, resumed={"epoch": 1, "step": 2})  # and killed again before the next step
    for number in range(8, 12):
        step(run, number)
    history.update()
    assert [point.step for point in history.points] == list(range(1, 12))
    start(run)  # afresh: the checkpoints were removed
    history.update()
    assert (history.points, history.epochs) == ([], [])


def test_thousands_of_steps_become_hundreds_of_points(run: Run) -> None:
    start(run, epochs=2000)
    for number in range(1, 5001):
        step(run, number, epochs=2000, loss=float(number))
    history = read(run)
    assert MOST_POINTS / 2 <= len(history.points) < MOST_POINTS
    numbers = [point.step for point in history.points]
    size = numbers[0]
    assert numbers == list(range(size, size * len(numbers) + 1, size))
    assert all(point.loss == (point.step - size + 1 + point.step) / 2 for point in history.points)  # the mean
    assert len(history.text_events) < MOST_TEXT_EVENTS


def test_the_best_is_the_one_that_is_kept(run: Run) -> None:
    start(run)
    epoch(run, 1, 0.9)
    epoch(run, 2, 0.9)  # as many right, with a smaller loss
    epoch(run, 3, 0.8, best=False)
    best = read(run).best
    assert best is not None
    assert best["epoch"] == 2


def test_the_time_left_goes_by_the_pace(run: Run) -> None:
    events = run.folder / "events.jsonl"
    start(run)
    with events.open("a") as file:
        for number in range(1, 11):
            line = '{"t": %d, "kind": "step", "step": %d, "steps": 50, "epoch": 1, "epochs": 10, "loss": 1, "lr": 1}\n'
            file.write(line % (100 + 3 * number, number))
    assert read(run).seconds_left == 40 * 3


@pytest.mark.parametrize("seconds", [0, -3])
def test_a_clock_that_stands_or_goes_back_gives_no_pace(run: Run, seconds: int) -> None:
    start(run)
    with (run.folder / "events.jsonl").open("a") as file:
        for number in range(1, 11):
            event = {"kind": "step", "step": number, "steps": 50, "epoch": 1, "epochs": 10, "loss": 1, "lr": 1}
            file.write(json.dumps({"t": 100 + seconds * number, **event}) + "\n")
    assert not read(run).seconds_left


def test_the_time_left_knows_that_pictures_grow(run: Run) -> None:
    """Two steps an epoch, with pictures of 64, 80, 96, 112 and 128 pixels: a step takes as long as it has pixels."""
    run.events.append("started", epochs=5, config={"epochs": 5, "first_size": 64, "image_size": 128})
    seconds = [side**2 / 1000 for side in (64, 64, 80, 80, 96, 96, 112, 112, 128, 128)]
    with (run.folder / "events.jsonl").open("a") as file:
        for number in range(1, 5):
            event = {"kind": "step", "step": number, "steps": 10, "epoch": 1, "epochs": 5, "loss": 1, "lr": 1}
            file.write(json.dumps({"t": 100 + sum(seconds[:number]), **event}) + "\n")
    assert read(run).seconds_left == pytest.approx(sum(seconds[4:]))


STEPS, EPOCHS, VALIDATION = 60, 12, 15.0


def step_seconds(number: int) -> float:
    """Of a step, from 1: as many as its picture has pixels, and somewhat more or less."""
    side = picture_size((number - 1) // STEPS, EPOCHS, 128, 160)
    return 2.0 * (side / 160) ** 2 * (1 + 0.15 * math.sin(number * 7.3))


def seconds_to_come(done: int, validated: int) -> float:
    """In truth: the steps after the first `done`, the validations, and the test, which takes as long as one."""
    steps = sum(step_seconds(number) for number in range(done + 1, STEPS * EPOCHS + 1))
    return steps + (EPOCHS - validated + 1) * VALIDATION


def test_the_time_left_is_steady_through_resume_pause_and_validation(run: Run) -> None:
    """Steps 1 to 200, a day's interruption, and from step 181 to the end again, with a pause of ten minutes."""
    config = {"epochs": EPOCHS, "first_size": 128, "image_size": 160}
    photos = {"train": 1920, "val": 640, "test": 640}
    events, truths = [], []
    now, validated = 1000.0, 0
    plan = [(1, 200, None, 9.0), (181, STEPS * EPOCHS, {"epoch": 3, "step": 0}, 40.0)]
    for first, last, resumed, warm_up in plan:
        now += 86_400
        events.append({"t": now, "kind": "started", "epochs": EPOCHS, "resumed": resumed, "config": config})
        events[-1]["photos"] = photos
        for number in range(first, last + 1):
            now += step_seconds(number) + (warm_up if number == first else 0) + (600 if number == 400 else 0)
            epoch = (number - 1) // STEPS + 1
            place = {"step": number, "steps": STEPS * EPOCHS, "epoch": epoch, "epochs": EPOCHS}
            events.append({"t": now, "kind": "step", **place, "loss": 1, "lr": 1})
            if number - first >= 5:
                truths.append((len(events), seconds_to_come(number, validated)))
            if number % STEPS == 0:
                now, validated = now + VALIDATION, epoch
                events.append({"t": now, "kind": "epoch", "epoch": epoch, "epochs": EPOCHS, "best": True})
                events[-1] |= {"train_loss": 1.0, "val_accuracy": 0.5, "val_photos": 640}
    history, written, shares = RunHistory(run), 0, []
    for count, truth in truths:
        with run.events.path.open("a") as file:
            file.writelines(json.dumps(event) + "\n" for event in events[written:count])
        written = count
        history.update()
        assert history.seconds_left is not None
        shares.append(history.seconds_left / truth)
    assert 0.9 < min(shares) <= max(shares) < 1.1


@pytest.mark.parametrize(
    "line",
    [
        b'{"t": 1, "kind": "step"}',
        b'{"t": 1, "kind": "step", "step": 3, "steps": 9, "epochs": 3, "loss": null, "lr": 0.1}',
        b'{"t": 1, "kind": "epoch", "epoch": "2", "epochs": 3, "train_loss": 1, "val_accuracy": 1}',
        b'{"t": 1, "kind": "epoch", "epoch": 2, "epochs": 3, "train_loss": 1, "val_accuracy": NaN}',
        b'{"t": 1, "kind": "something new", "step": 3}',
        b'{"t": 1, "kind": "st',
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_drawn_is_passed_over(run: Run, line: bytes) -> None:
    start(run)
    with (run.folder / "events.jsonl").open("ab") as file:
        file.write(line + b"\n")
    step(run, 4)
    history = read(run)
    assert [point.step for point in history.points] == [4]
    assert history.epochs == []
