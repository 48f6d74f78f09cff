"""What `make bench-train` takes out of its clocks: arithmetic by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_demo.training.run import Run
from tests.bench.feeding import feeding
from tests.bench.train import Watch, looks
from tests.training.small_runs import SMALL, draw_photos


def test_a_look_lasts_from_the_last_step_to_the_epochs_end(tmp_path: Path) -> None:
    events = [
        {"t": 10.0, "kind": "step", "step": 1, "steps": 4, "epoch": 1, "epochs": 2},
        {"t": 11.0, "kind": "step", "step": 2, "steps": 4, "epoch": 1, "epochs": 2},
        {"t": 13.5, "kind": "epoch", "epoch": 1, "epochs": 2},
        {"t": 14.0, "kind": "step", "step": 3, "steps": 4, "epoch": 2, "epochs": 2},  # the fourth was not told
        {"t": 16.0, "kind": "epoch", "epoch": 2, "epochs": 2},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    assert list(looks(Run(tmp_path))) == [(11.0, 13.5), (14.5, 16.0)]
    (tmp_path / "events.jsonl").write_text(json.dumps(events[2]) + "\n", encoding="utf-8")
    assert list(looks(Run(tmp_path))) == []


def test_processor_seconds_grow_evenly_between_two_samples() -> None:
    watch = Watch()
    watch.times, watch.seconds = [100.0, 102.0, 104.0], [0.0, 4.0, 5.0]
    assert watch.between(100.0, 103.0).tolist() == pytest.approx([3.0, 4.5])
    assert watch.between(101.0, 102.0).tolist() == pytest.approx([1.0, 2.0])


def test_what_photos_cost_is_measured_on_any_device(tmp_path: Path) -> None:
    """Views of photos have to be drawn: noise that lies ready is never much slower to learn from."""
    photos = draw_photos(tmp_path / "photos", per_class=8)
    found = feeding(replace(SMALL, data=str(photos)), tmp_path, rounds=1)
    assert found.photos == 18  # of 24, without those to choose and to judge by
    assert 0 < found.fed < 3 * found.still
