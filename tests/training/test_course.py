"""The course of a run: read on piece by piece, taken back where it was done again, thinned out, never out of step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.training.config import TrainConfig
from resnet_demo.training.course import MOST_POINTS, SENTENCES, Course
from resnet_demo.training.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, TrainConfig(data="/photos"), {})


def start(run: Run, epochs: int = 10, resumed: dict[str, int] | None = None) -> None:
    run.append("started", epochs=epochs, resumed=resumed)


def step(run: Run, number: int, epochs: int = 10, per_epoch: int = 5, loss: float | None = 1.0) -> None:
    run.append("step", step=number, steps=epochs * per_epoch, epoch=1, epochs=epochs, loss=loss, lr=0.1)


def epoch(run: Run, number: int, accuracy: float, best: bool = True, **more: Any) -> None:
    fields: dict[str, Any] = {"epochs": 10, "train_loss": 1.0, "val_loss": 1.0, "val_photos": 50, **more}
    run.append("epoch", epoch=number, val_accuracy=accuracy, best=best, **fields)


def read(run: Run) -> Course:
    course = Course(run)
    course.read_on()
    return course


def told(course: Course) -> tuple[object, ...]:
    return course.points, course.epochs, course.started, course.latest, list(course.spoken), course.seconds_left


def test_read_piece_by_piece_it_is_the_same(run: Run) -> None:
    piecemeal = Course(run)
    piecemeal.read_on()
    start(run)
    for number in range(1, 16):
        step(run, number, loss=1 / number)
        if number % 5 == 0:
            epoch(run, number // 5, number / 20)
        piecemeal.read_on()
    assert told(piecemeal) == told(read(run))
    assert [point.step for point in piecemeal.points] == list(range(1, 16))
    assert piecemeal.steps_per_epoch == 5
    assert piecemeal.total_epochs == 10


def test_nothing_yet(run: Run) -> None:
    course = read(run)
    assert (course.points, course.epochs, course.best, course.seconds_left, course.total_epochs) == (
        [],
        [],
        None,
        None,
        0,
    )
    assert [event["kind"] for event in course.spoken] == ["queued"]


def test_what_was_done_again_counts_once(run: Run) -> None:
    start(run)
    for number in range(1, 14):
        step(run, number)
        if number % 5 == 0:
            epoch(run, number // 5, 0.5)
    start(run, resumed={"epoch": 1, "step": 2})  # killed in step 13, its checkpoint was made in step 7
    course = read(run)
    assert [point.step for point in course.points] == [1, 2, 3, 4, 5, 6, 7]
    assert [event["epoch"] for event in course.epochs] == [1]
    assert course.latest is None
    start(run, resumed={"epoch": 1, "step": 2})  # and killed again before the next step
    for number in range(8, 12):
        step(run, number)
    course.read_on()
    assert [point.step for point in course.points] == list(range(1, 12))
    start(run)  # afresh: the checkpoints were removed
    course.read_on()
    assert (course.points, course.epochs) == ([], [])


def test_thousands_of_steps_become_hundreds_of_points(run: Run) -> None:
    start(run, epochs=2000)
    for number in range(1, 5001):
        step(run, number, epochs=2000, loss=float(number))
    course = read(run)
    assert MOST_POINTS / 2 <= len(course.points) < MOST_POINTS
    numbers = [point.step for point in course.points]
    size = numbers[0]
    assert numbers == list(range(size, size * len(numbers) + 1, size))
    assert all(point.loss == (point.step - size + 1 + point.step) / 2 for point in course.points)  # the mean
    assert len(course.spoken) < SENTENCES


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


def test_the_time_left_knows_that_pictures_grow(run: Run) -> None:
    """Two steps an epoch, with pictures of 64, 80, 96, 112 and 128 pixels: a step takes as long as it has pixels."""
    run.append("started", epochs=5, config={"epochs": 5, "first_size": 64, "image_size": 128})
    seconds = [side**2 / 1000 for side in (64, 64, 80, 80, 96, 96, 112, 112, 128, 128)]
    with (run.folder / "events.jsonl").open("a") as file:
        for number in range(1, 5):
            event = {"kind": "step", "step": number, "steps": 10, "epoch": 1, "epochs": 5, "loss": 1, "lr": 1}
            file.write(json.dumps({"t": 100 + sum(seconds[:number]), **event}) + "\n")
    assert read(run).seconds_left == pytest.approx(sum(seconds[4:]))


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
    course = read(run)
    assert [point.step for point in course.points] == [4]
    assert course.epochs == []
