"""The time of a training: added up from timed steps, told in words, and the preset that is soon over suggested."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.settings import Settings
from resnet_demo.training import loop, step_timing
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.memory import Workload
from resnet_demo.training.presets import Start
from resnet_demo.training.time_forecast import START_SECONDS, StepTimes, duration_text, seconds, suggested
from tests.training.small_runs import make_run, settings_in


def workload(photos: int = 100, others: int = 40, scratch: bool = False, **settings: Any) -> Workload:
    config = TrainConfig("x", variant="cifar_resnet20", scratch=scratch, precision="float32", **settings)
    resolved = config.resolved(photos=photos, per_class={}, device="cpu", start=Start(scratch, 32))
    return Workload(resolved, "cifar_resnet20", 3, photos, others)


def test_it_is_the_sum_of_what_is_done() -> None:
    times = StepTimes(photo=0.1, step=0.5, evaluation=0.01)
    plain = workload(train_depth=1, epochs=3, batch_size=25, image_size=32, first_size=32, views=0)
    expected = START_SECONDS + 140 * 0.002 + 3 * (100 * 0.1 + 4 * 0.5 + 10 * 0.01) + 30 * 0.01
    assert seconds(plain, 30, times, 0.002) == pytest.approx(expected)
    cached = workload(train_depth="head", epochs=3, batch_size=25, image_size=32, first_size=32, views=2)
    expected = START_SECONDS + (200 + 10) * 0.1 + 3 * (4 + 1) * 0.5 + 30 * 0.01
    assert seconds(cached, 30, times, 0.0) == pytest.approx(expected)
    grows = workload(train_depth=1, epochs=3, batch_size=25, image_size=64, first_size=32, views=0)
    assert seconds(grows, 30, times, 0.0) < seconds(plain, 30, times, 0.0)


@pytest.mark.parametrize(
    ("times", "device", "expected"),
    [
        ({"quick": 40, "balanced": 120, "best": 3000}, "cpu", "balanced"),
        ({"quick": 40, "balanced": 200, "best": 3000}, "cpu", "quick"),
        ({"quick": 400, "balanced": 2000, "best": 30_000}, "cpu", "quick"),
        ({"quick": 4, "balanced": 20, "best": 90}, "cpu", "best"),
        ({"quick": 40, "balanced": 200, "best": 500}, "cuda", "best"),
    ],
)
def test_the_best_that_is_soon_over_is_suggested(times: dict[str, float], device: str, expected: str) -> None:
    assert suggested(times, device) == expected


@pytest.mark.parametrize(
    ("taken", "said"),
    [(12, "under 1 min"), (61, "about 1 min"), (700, "about 12 min"), (10_800, "about 3 h"), (9_000, "about 2.5 h")],
)
def test_it_is_told_as_people_say_it(taken: float, said: str) -> None:
    assert duration_text(taken, "en") == said
    assert duration_text(taken, "zh-CN") != said


def test_steps_are_timed_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    asked = workload(scratch=True, preset="quick")
    assert step_timing.known(asked, settings) is None
    found = step_timing.measure(asked, settings)
    assert found is not None
    assert found.photo > 0
    assert found.evaluation > 0
    assert step_timing.known(asked, settings) == step_timing.measure(asked, settings) == found


def test_cached_features_take_a_time_for_each_view_and_one_for_each_step(tmp_path: Path) -> None:
    asked = workload(preset="quick")
    assert asked.caches_features
    found = step_timing.measure(asked, Settings(home=tmp_path))
    assert found is not None
    assert min(found.photo, found.step, found.evaluation) > 0


@pytest.mark.slow
def test_a_real_training_takes_about_as_long(tmp_path: Path) -> None:
    """The processor's time of both, whatever else runs here: the forecast is no other order of magnitude."""
    run = make_run(tmp_path, epochs=6, ema=0.99)
    counts = {part: len(run.facts["split"][part]) for part in ("train", "val", "test")}
    config = run.config.resolved(photos=counts["train"], per_class={}, device="cpu", start=Start(True, 32))
    asked = Workload(config, "cifar_resnet20", 3, counts["train"], counts["val"] + counts["test"])
    times = step_timing.measure(asked, settings_in(tmp_path))
    assert times is not None
    told = seconds(asked, counts["test"], times, 0.0) - START_SECONDS
    before = time.process_time()
    loop.train(run, settings_in(tmp_path))
    taken = (time.process_time() - before) / step_timing.torch.get_num_threads()
    assert 1 / 3 < told / taken < 3
