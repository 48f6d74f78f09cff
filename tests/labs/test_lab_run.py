"""Runs of experiments: their folder, what is read from it, and going on where one was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_demo.jobs import queue, worker
from resnet_demo.labs.configs import Gradients, Twins
from resnet_demo.labs.experiments import EXPERIMENTS, epochs_done, epochs_of
from resnet_demo.labs.lab_run import RESULT, LabRun, lab_runs, open_run, run_at, run_listing
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import Unreadable, all_runs, listing
from resnet_demo.training.run import Run
from tests.jobs.small import wait_for

SMALL = Twins(depth=8, per_class=2, test_per_class=1, epochs=2, size=8, batch_size=10)


def test_it_is_known_by_its_folder_alone(tmp_path: Path) -> None:
    config = Gradients(depth=14, seed=3)
    run = LabRun.create(tmp_path, "gradients", config, {"owner": "a" * 32})
    assert run.name.endswith("-lab-gradients")
    again = open_run(run.folder)
    assert isinstance(again, LabRun)
    assert (again.experiment, again.config, again.facts["owner"]) == ("gradients", config, "a" * 32)
    assert (again.state(), again.result()) == ("queued", None)
    assert again.words() == ["lab", "gradients", "--seed", "3", "--depth", "14"]


def test_trainings_and_experiments_are_listed_apart(tmp_path: Path) -> None:
    lab = LabRun.create(tmp_path, "twins", SMALL, {})
    training = Run.create(tmp_path, TrainConfig(data="/photos"), {})
    assert list(listing(tmp_path)) == all_runs(tmp_path) == [training]
    assert list(lab_runs(tmp_path)) == [lab]
    assert {run.name for run in run_listing(tmp_path)} == {lab.name, training.name}
    assert [run_at(run.folder) for run in (lab, training)] == [lab, training]
    with pytest.raises(AppError):
        Run.open(lab.folder)
    with pytest.raises(AppError):
        LabRun.open(training.folder)


@pytest.mark.parametrize("written", ["", "[]", '{"experiment": "paths"}', '{"experiment": '])
def test_a_damaged_result_is_said(tmp_path: Path, written: str) -> None:
    run = LabRun.create(tmp_path, "twins", SMALL, {})
    (run.folder / RESULT).write_text(written)
    with pytest.raises(AppError, match=run.folder.name):
        run.result()


@pytest.mark.parametrize(
    "damage",
    [{"experiment": "none"}, {"config": {"depth": 9.5}}, {"config": {"what": 1}}, {"config": []}, {"name": "/"}],
)
def test_damaged_settings_are_passed_over_and_listed_as_such(tmp_path: Path, damage: dict[str, object]) -> None:
    run = LabRun.create(tmp_path, "twins", SMALL, {})
    path = run.folder / LabRun.settings_file
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    with pytest.raises(AppError):
        open_run(run.folder)
    assert list(lab_runs(tmp_path)) == []
    [listed] = run_listing(tmp_path)
    assert isinstance(listed, Unreadable)
    assert listed.name == run.folder.name
    queue.advance(tmp_path)
    assert run.events.newest("launched") is None


def test_executed_here_it_writes_what_it_measured(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    run = LabRun.create(tmp_path, "twins", SMALL, {})
    worker.execute_run(run, settings)
    assert run.state() == "finished"
    result = run.result()
    assert result is not None
    assert result["settings"] == SMALL.to_json()
    assert epochs_done(result) == epochs_of(SMALL) == 4


def test_what_goes_wrong_is_in_its_events(tmp_path: Path) -> None:
    run = LabRun.create(tmp_path, "twins", Twins(depth=9), {})
    worker.execute_run(run, Settings(home=tmp_path))
    assert run.state() == "failed"
    assert (run.events.newest() or {})["key"] == "lab.problem.depth"


def test_stopped_it_goes_on_with_the_same_figures(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    whole, stopped = (LabRun.create(tmp_path, "twins", SMALL, {}) for _ in range(2))
    worker.execute_run(whole, settings)
    stopped.worker.ask_stop("keep")
    worker.execute_run(stopped, settings)
    assert stopped.state() == "stopped"
    stopped.queue_again()
    worker.execute_run(stopped, settings)
    assert stopped.state() == "finished"
    first, second = whole.result(), stopped.result()
    assert first is not None
    assert second is not None
    for curve in (*first["curves"], *second["curves"]):
        curve.pop("seconds")
    assert first["curves"] == second["curves"]


def test_every_experiment_says_how_many_epochs_it_has() -> None:
    epochs = {name: epochs_of(experiment.config()) for name, experiment in EXPERIMENTS.items()}
    assert {name for name, count in epochs.items() if not count} >= {"blocks", "gradients"}
    assert epochs["degradation"] == 2 * 2 * 2 * 10


@pytest.mark.slow
def test_the_queue_has_a_worker_execute_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    run = queue.submit_experiment("twins", SMALL, settings, owner="a" * 32)
    wait_for(run, "finished")
    assert run.facts["owner"] == "a" * 32
    result = run.result()
    assert result is not None
    assert [curve["kind"] for curve in result["curves"]] == ["plain", "residual"]
    queue.delete(run.name, tmp_path)
    assert list(lab_runs(tmp_path)) == []
