"""Estimates: as many steps as trainings take, whatever one of them lasts."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from resnet_demo.labs import time_estimate
from resnet_demo.labs.configs import Degradation, Kind, Training
from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.labs.time_estimate import step_seconds, training_seconds


def test_steps_are_counted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_estimate, "step_seconds", lambda *sizes: sizes[1] / 100)
    config = Degradation(epochs=3, per_class=21, test_per_class=20, batch_size=10, seeds=2, shallow=20, deep=56)
    steps = 3 * (11 + (20 * 5 / 10) / 3)  # 105 drawn pictures, 100 to test on
    assert training_seconds(config) == pytest.approx(2 * 2 * (0.2 + 0.56) * steps)
    assert training_seconds(replace(config, pictures="cifar10")) == pytest.approx(4 * 0.76 * 3 * (21 + 20 / 3))


@pytest.mark.parametrize("name", [name for name, one in EXPERIMENTS.items() if issubclass(one.config, Training)])
def test_every_experiment_that_trains_says_what(name: str) -> None:
    config = EXPERIMENTS[name].config()
    assert isinstance(config, Training)
    trainings = config.trainings()
    assert trainings
    assert all(kind in get_args(Kind) and depth % 6 == 2 for kind, depth in trainings)


def test_deeper_networks_take_longer() -> None:
    assert step_seconds("plain", 8, 4, 8) < step_seconds("plain", 56, 4, 8)
