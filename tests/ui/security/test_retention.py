"""What visitors leave on a public page: photos, runs and models expire, and nobody holds up the queue."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_demo.data.dataset_storage import storage_folder
from resnet_demo.jobs import queue
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_events import EVENTS
from resnet_demo.ui.security.retention import enforce_limits, within_storage_limit
from tests.data.drawn import write
from tests.jobs.small import coloured_photos, small_config, wait_for, wait_for_event

MINE = "a" * 32


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public=True, keep_seconds=3_600, max_stored_bytes=150_000)


def make(settings: Settings, kind: str, age: float = 0, owner: str | None = MINE, parent: str | None = None) -> Run:
    """A run whose newest event is so many seconds old."""
    run = Run.create(
        settings.home,
        TrainConfig("/photos", parent=parent),
        {"owner": owner, "stranger": settings.public} if owner else {},
    )
    run.events.append(kind)
    happened = run.events.all()
    happened[-1]["t"] -= age
    (run.folder / EVENTS).write_text("".join(json.dumps(event) + "\n" for event in happened))
    return run


def test_runs_of_visitors_expire_with_their_models(public: Settings) -> None:
    ended = [make(public, kind, 4_000) for kind in ("finished", "stopped", "failed", "started")]
    write(ended[0].artefacts.best, {"model.safetensors": b"x"})
    own, parent, new = (
        make(replace(public, public=False), "finished", 4_000),
        make(public, "stopped", 4_000),
        make(public, "failed"),
    )
    waiting = make(public, "queued", 4_000, parent=parent.name)
    enforce_limits(replace(public, public=False))
    assert all(run.folder.exists() for run in ended)
    enforce_limits(public)
    assert [run.folder.exists() for run in (*ended, own, parent, new, waiting)] == [False] * 4 + [True] * 4


def test_photos_go_once_their_run_has_ended(public: Settings) -> None:
    photos = write(storage_folder(public) / "my", {"a/1.jpg": b"x"})
    os.utime(photos, (0, 0))
    run = Run.create(public.home, TrainConfig(str(photos)), {"owner": MINE, "stranger": True})
    enforce_limits(public)
    assert photos.exists()
    run.events.append("finished")
    enforce_limits(public)
    assert not photos.exists()


def test_runs_of_visitors_count_towards_the_disk_quota(public: Settings) -> None:
    write(make(public, "finished", owner=None).artefacts.best, {"model.safetensors": bytes(200_000)})
    before = within_storage_limit(public).max_stored_bytes
    run = make(public, "finished")
    write(run.artefacts.best, {"model.safetensors": bytes(50_000)})
    assert (
        50_000 < before - within_storage_limit(public).max_stored_bytes < 80_000
    )  # and the blocks of its small files and folders
    write(run.artefacts.best, {"model.safetensors": bytes(150_000)})
    with pytest.raises(AppError, match="no room"):
        within_storage_limit(public)
    assert within_storage_limit(replace(public, public=False)).max_stored_bytes == 150_000


@pytest.mark.slow
def test_a_training_that_takes_too_long_is_stopped_and_saved(public: Settings, tmp_path: Path) -> None:
    public = replace(public, max_training_seconds=1)
    config = small_config(coloured_photos(tmp_path / "photos"), epochs=1_000)
    run = queue.submit(config, public, owner=MINE)
    wait_for_event(run, "step")
    launched = run.events.newest("launched")
    assert launched
    time.sleep(max(0.0, launched["t"] + 1.1 - time.time()))
    enforce_limits(replace(public, max_training_seconds=None))
    assert run.worker.stop_asked() is None
    enforce_limits(public)
    assert wait_for(run, "stopped", "finished", "failed") == "stopped"
    assert run.checkpoints.newest()
    assert [event["key"] for event in run.events.all() if event["kind"] == "said"][-1] == "keeping.too_long"


def test_one_of_the_hosts_own_is_not_stopped(public: Settings) -> None:
    me = Process.of(os.getpid())
    run = Run.create(public.home, TrainConfig("/photos"), {})
    run.events.append("launched", pid=me.pid, born=me.born)
    enforce_limits(replace(public, max_training_seconds=0))
    assert run.worker.stop_asked() is None
