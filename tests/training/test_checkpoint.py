"""Where a training stands, and when to write it down."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.texts import AppError
from resnet_demo.training import checkpoint
from resnet_demo.training.accuracy_and_loss import Scores
from resnet_demo.training.checkpoint import CheckpointTimer, Position
from resnet_demo.training.plan import Plan
from tests.training.test_train_state import network, resolve, train_state

PLAN = Plan(resolve(), "bf16", "cifar_resnet20", ImageSpec(32, 37), "resnet18", None)


def test_epochs_that_are_added_get_a_cycle_of_their_own() -> None:
    position = Position(cycles=(3,), epoch=3, waited=2)
    assert position.extended(0) is position
    first = position.extended(2)
    assert (first.cycles, first.epochs, first.waited) == ((3, 2), 5, 0)
    assert first.extended(2) is first, "asked once, added once"
    assert first.extended(6).cycles == (3, 2, 4)


def test_epochs_stay_as_long_as_they_were() -> None:
    position = Position(cycles=(3,)).fitted(5)
    assert position.fitted(5) == position
    with pytest.raises(AppError) as caught:
        position.fitted(6)
    assert caught.value.message.key == "train.problem.other_steps"


@pytest.mark.parametrize(
    ("cycles", "epoch", "left"), [((10,), 4, (4,)), ((3, 5), 4, (3, 1)), ((3, 5), 3, (3,)), ((3, 5), 8, (3, 5))]
)
def test_what_ends_early_has_no_epochs_to_come(cycles: tuple[int, ...], epoch: int, left: tuple[int, ...]) -> None:
    ended = Position(cycles=cycles, epoch=epoch).ended()
    assert ended.cycles == left
    assert ended.epochs == epoch


def test_writing_takes_a_twentieth_of_the_time_at_most() -> None:
    checkpoint_timer = CheckpointTimer()
    assert checkpoint_timer.affordable()
    assert not checkpoint_timer.due()
    checkpoint_timer.wrote(1.0)
    assert not checkpoint_timer.affordable()
    checkpoint_timer.last = time.monotonic() - 19.0
    assert not checkpoint_timer.affordable()
    checkpoint_timer.last = time.monotonic() - 20.1
    assert checkpoint_timer.affordable()
    assert not checkpoint_timer.due()
    checkpoint_timer.last = time.monotonic() - 60.1
    assert checkpoint_timer.due()
    checkpoint_timer.wrote(5.0)
    checkpoint_timer.last = time.monotonic() - 61.0
    assert not checkpoint_timer.due()


def test_written_and_read(tmp_path: Path) -> None:
    position = Position((3, 2), 4, 7, 2, 0.1 + 0.2, 56, Scores(1.5, 5, 6), 1, 9)
    checkpoint.save(tmp_path, PLAN, position, train_state(network()))
    assert checkpoint.read(tmp_path) == (PLAN, position)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "network.safetensors",
        "optimiser.safetensors",
        "state.json",
    ]
    other = train_state(network(1))
    checkpoint.load(tmp_path, other)
    assert other.trainable.network.fc.weight.tolist() == network().fc.weight.tolist()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"plan": 3}', '{"plan": {"config": {"data": "x"}}, "position": {}}', "[" * 100_000],
)
def test_a_damaged_one_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / checkpoint.STATE).write_text(content, encoding="utf-8")
    with pytest.raises(AppError):
        checkpoint.read(tmp_path)


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        ("position", {"step": -1}),
        ("position", {"step": 7}),
        ("position", {"epoch": "2"}),
        ("position", {"cycles": ["3"]}),
        ("position", {"cycles": [2**70]}),
        ("position", {"loss_sum": None}),
        ("position", {"waited": True}),
        ("plan", {"variant": 18}),
        ("plan", {"precision": "float8"}),
        ("plan", {"precision": []}),
        ("plan", {"parent": 3}),
        ("plan", {"licence": {}}),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, part: str, damage: dict[str, object]) -> None:
    checkpoint.save(tmp_path, PLAN, Position((3,), 2), train_state(network()))
    state = json.loads((tmp_path / checkpoint.STATE).read_text(encoding="utf-8"))
    state[part] |= damage
    (tmp_path / checkpoint.STATE).write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(AppError):
        checkpoint.read(tmp_path)


def test_one_of_another_training_is_told(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, PLAN, Position((1,)), train_state(network()))
    with pytest.raises(AppError) as caught:
        checkpoint.load(tmp_path, train_state(network(), ema=0.9))
    assert caught.value.message.key == "train.problem.checkpoint"
    (tmp_path / checkpoint.STATE).write_text(json.dumps({"steps": 1}), encoding="utf-8")
    with pytest.raises(AppError):
        checkpoint.load(tmp_path, train_state(network()))
