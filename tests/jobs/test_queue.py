"""Whose turn it is, decided by real processes at once; and what may be stopped, resumed and deleted."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from resnet_demo.cli import build_parser
from resnet_demo.jobs import queue
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.free_memory import total_bytes
from resnet_demo.training.listed_runs import all_runs, find_run
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.jobs.small import coloured_photos, small_config, wait_for
from tests.shelf import run_with_model, ship


def lying_run(settings: Settings, **creation: object) -> Run:
    """A run whose worker is never started here."""
    return Run.create(settings.home, TrainConfig(data="/photos"), {}, **creation)  # type: ignore[arg-type]


def moments(run: Run) -> tuple[float, float]:
    """When it was launched and when it ended."""
    events = run.events.all()
    return next(event["t"] for event in events if event["kind"] == "launched"), events[-1]["t"]


@pytest.mark.slow
def test_runs_submitted_at_once_are_carried_out_one_after_the_other(data: Path, settings: Settings) -> None:
    code = """
import sys
from pathlib import Path
from resnet_demo.jobs import queue
from resnet_demo.settings import find_settings
from tests.jobs.small import small_config
print("ready", flush=True)
sys.stdin.readline()
queue.submit(small_config(Path(sys.argv[1]), epochs=1), find_settings())
"""
    pages = [
        subprocess.Popen([sys.executable, "-c", code, data], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for page in pages:
        assert page.stdout is not None
        page.stdout.readline()
    for page in pages:
        page.communicate(b"\n")
    assert [page.returncode for page in pages] == [0, 0]
    runs = sorted(all_runs(settings.home), key=lambda run: run.events.queued["t"])
    assert len(runs) == 2
    for run in runs:
        assert wait_for(run, "finished", "failed", "lost") == "finished"
    times = [moment for run in runs for moment in moments(run)]
    assert times == sorted(times), "two were executed at once, or not in the order of the queue"


@pytest.mark.slow
def test_the_line_moves_on_past_a_killed_worker(data: Path, settings: Settings) -> None:
    first = queue.submit(small_config(data, epochs=500), settings)
    second = queue.submit(small_config(data, epochs=1), settings)
    wait_for(first, "running")
    assert second.state() == "queued"
    assert queue.start_next(settings.home) is None
    assert first.events.launched_process is not None
    psutil.Process(first.events.launched_process.pid).kill()
    wait_for(first, "lost")
    assert queue.start_next(settings.home) == second
    queue.resume(first, settings.home)
    assert first.state() == "queued"
    assert wait_for(second, "finished", "failed") == "finished"
    wait_for(first, "running")  # started by the worker of the second
    queue.stop(first, settings.home, "now")
    assert first.state() == "stopped"


def test_a_queued_run_can_leave_the_queue(settings: Settings) -> None:
    busy = lying_run(settings)
    me = Process.of(os.getpid())
    busy.events.append("launched", pid=me.pid, born=me.born)
    run = lying_run(settings)
    queue.stop(run, settings.home, "keep")
    assert run.state() == "stopped"
    with pytest.raises(AppError, match="neither running nor queued"):
        queue.stop(run, settings.home, "keep")


def test_the_line_waits_for_one_that_is_carried_out_in_the_foreground(settings: Settings) -> None:
    first = lying_run(settings, foreground_process=Process.of(os.getpid()))
    second = lying_run(settings)
    assert queue.start_next(settings.home) is None
    told: list[Run] = []
    assert queue.wait_for_turn(first, settings.home, Process.of(os.getpid()), told.append)
    assert told == []
    assert first.state() == "starting"
    assert second.state() == "queued"


def test_one_that_was_taken_out_of_the_line_has_no_turn(settings: Settings) -> None:
    run = lying_run(settings, foreground_process=Process.of(os.getpid()))
    queue.stop(run, settings.home, "now")
    assert not queue.wait_for_turn(run, settings.home, Process.of(os.getpid()), lambda _run: None)


def test_what_cannot_be_started_has_failed_in_words(settings: Settings) -> None:
    run = lying_run(settings)
    run.log.path.unlink()
    run.log.path.mkdir()
    assert queue.start_next(settings.home) is None
    newest = run.events.newest()
    assert newest is not None
    assert newest["key"] == "queue.problem.not_started"
    assert run.state() == "failed"


@pytest.mark.parametrize("file", ["events.jsonl", "log.txt"])
def test_a_damaged_run_does_not_stop_the_next_submit(file: str, data: Path, settings: Settings) -> None:
    broken = lying_run(settings)
    (broken.folder / file).unlink()
    (broken.folder / file).mkdir()
    run = queue.submit(small_config(data), settings)
    worker = run.events.launched_process
    assert worker is not None
    assert run.state() == "starting"
    queue.stop(run, settings.home, "now")


def test_what_was_left_by_those_who_made_or_removed_a_run_is_cleared_up(data: Path, settings: Settings) -> None:
    runs, kept = settings.home / "runs", lying_run(settings)
    elsewhere = lying_run(settings, folder=settings.home / "out")
    left = (runs / ".new-0123abcd", runs / ".deleted-0123abcd", runs / "20260101-000000-nothing-came-of-it")
    for folder in left:
        folder.mkdir()
    (left[0] / "config.json").touch()
    part = runs / elsewhere.name / ".elsewhere.txt.0123abcd"
    part.touch()
    queue.clean_up(settings.home)
    assert {path.name for path in runs.iterdir()} == {".lock", kept.name, elsewhere.name}
    assert not part.exists()
    assert {run.name for run in all_runs(settings.home)} == {kept.name, elsewhere.name}


def test_only_what_is_over_goes_on(settings: Settings) -> None:
    run = lying_run(settings)
    with pytest.raises(AppError, match="running or queued"):
        queue.resume(run, settings.home)
    me = Process.of(os.getpid())
    run.events.append("launched", pid=me.pid, born=me.born)
    with pytest.raises(AppError, match="running or queued"):
        queue.resume(run, settings.home)
    run.events.append("finished")
    with pytest.raises(AppError, match="more epochs"):
        queue.resume(run, settings.home)
    queue.resume(run, settings.home, more_epochs=2, foreground_process=me)
    assert run.state() == "queued"
    assert run.events.more_epochs == 2


def test_only_what_is_over_is_deleted(settings: Settings, tmp_path: Path) -> None:
    run = lying_run(settings)
    with pytest.raises(AppError, match="running or queued"):
        queue.delete(run.name, settings.home)
    run.events.append("started")
    with run.worker.lock(), pytest.raises(AppError, match="running"):
        queue.delete(run.name, settings.home)
    queue.delete(run.name, settings.home)
    assert not run.folder.exists()
    assert all_runs(settings.home) == []
    with pytest.raises(AppError):
        queue.delete(run.name, settings.home)
    assert [path.name for path in (settings.home / "runs").iterdir()] == [".lock"]


def test_a_run_elsewhere_is_only_forgotten(settings: Settings, tmp_path: Path) -> None:
    run = lying_run(settings, folder=tmp_path / "out")
    name = run.name
    with pytest.raises(AppError, match="running or queued"):
        queue.delete(name, settings.home)
    run.events.append("finished")
    queue.delete(name, settings.home)
    assert all_runs(settings.home) == []
    assert Run.open(tmp_path / "out").state() == "finished"


@pytest.mark.parametrize("name", ["..", "../runs", "/etc", "", "a/../..", "x" * 101])
def test_nothing_but_a_run_is_deleted(name: str, settings: Settings) -> None:
    kept = lying_run(settings)
    with pytest.raises(AppError):
        queue.delete(name, settings.home)
    assert kept.folder.exists()


def test_a_link_is_not_deleted(settings: Settings, tmp_path: Path) -> None:
    run = lying_run(settings, folder=tmp_path / "out")
    run.events.append("finished")
    (settings.home / "runs" / "linked").symlink_to(tmp_path / "out")
    with pytest.raises(AppError):
        queue.delete("linked", settings.home)
    assert run.state() == "finished"


def test_a_run_that_cannot_be_read_can_be_deleted(settings: Settings) -> None:
    run = lying_run(settings)
    name = run.folder.name
    run.events.append("finished")
    (run.folder / "config.json").write_text("{")
    assert all_runs(settings.home) == []
    queue.delete(name, settings.home)
    assert not run.folder.exists()


def test_the_command_repeats_the_run(settings: Settings, tmp_path: Path) -> None:
    photos = tmp_path / "my 'photos' $HOME"
    config = TrainConfig(
        data=str(photos), variant="resnet34", epochs=3, learning_rate=3e-4, class_weights=False, seed=7
    )
    run = Run.create(settings.home, config, {"weights": str(tmp_path / "w w")})
    code = "import os, sys, json; print(json.dumps([os.environ['RESNET_DEMO_WEIGHTS'], *sys.argv[1:]]))"
    said = queue.repeat_command(run, settings).replace("python ", f"{sys.executable} -c {shlex.quote(code)} ", 1)
    done = subprocess.run(["/bin/sh", "-c", said], capture_output=True, text=True, check=True)
    weights, *words = json.loads(done.stdout)
    assert weights == str(tmp_path / "w w")
    assert words[:2] == ["-m", "resnet_demo"]
    arguments = build_parser("en").parse_args(words[2:])
    assert arguments.home == settings.home
    assert TrainConfig.from_arguments(arguments) == config
    run.events.append("started", processes=2)
    assert " torchrun --nproc-per-node 2 -m resnet_demo train " in queue.repeat_command(
        run, replace(settings, home=Settings().home)
    )


def test_paths_are_whole_wherever_they_were_given(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured_photos(tmp_path / "here")
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    run = queue.create(TrainConfig(data="here", parent="model"), settings)
    assert run.config.data == str(tmp_path / "here")
    assert run.config.parent == str(tmp_path / "model")
    assert (
        queue.with_absolute_paths(TrainConfig(data="/x", parent="hf-hub:owner/name"), settings).parent
        == "hf-hub:owner/name"
    )
    facts = find_run(settings.home, run.name).facts
    assert facts["data"]["classes"] == ["blue", "green", "red"]
    parts = (facts["split"][part] for part in ("train", "val", "test"))
    assert sorted(itertools.chain(*parts)) == list(range(24))


def test_a_model_that_has_a_name_keeps_it(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a folder is called so: the name means the same model wherever the worker starts."""
    settings = replace(settings, built_in_models=ship(tmp_path / "built_in"))
    run = run_with_model(settings)
    monkeypatch.chdir(tmp_path)
    for name in ("flowers", "resnet50", run.name):
        (tmp_path / name).mkdir()
        assert queue.with_absolute_paths(TrainConfig(data="/x", parent=name), settings).parent == name
    assert queue.with_absolute_paths(TrainConfig(data="/x", parent="./flowers"), settings).parent == str(
        tmp_path / "flowers"
    )


def test_without_photos_there_is_no_run(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(AppError, match=str(tmp_path / "absent")):
        queue.submit(small_config(tmp_path / "absent"), settings)
    assert all_runs(settings.home) == []


def test_what_cannot_fit_into_memory_is_refused_before_it_is_a_run(settings: Settings, data: Path) -> None:
    public = replace(settings, max_memory_share=1e-5)
    with pytest.raises(AppError, match="this page gives one training at most"):
        queue.submit(small_config(data), public, owner="a" * 32)
    assert all_runs(settings.home) == []
    run = queue.create(small_config(data), replace(settings, max_memory_share=0.5), owner="a" * 32)
    assert run.facts["max_memory"] == round(0.5 * total_bytes())
    assert "max_memory" not in queue.create(small_config(data), settings, owner="a" * 32).facts


def test_whoever_waits_reads_the_settings_of_no_run_that_is_over(settings: Settings) -> None:
    for _ in range(3):
        lying_run(settings).events.append("finished")
    going_on, me = lying_run(settings), Process.of(os.getpid())
    going_on.events.append("launched", pid=me.pid, born=me.born)
    code = """
import sys
from pathlib import Path
from resnet_demo.jobs import queue
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
assert queue.start_next(Path(sys.argv[1])) is None
print(*dict.fromkeys(name for name in opened if name.endswith("config.json")), sep="\\n")
"""
    command = [sys.executable, "-c", code, str(settings.home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == [str(going_on.folder / "config.json")]


def test_nothing_here_needs_torch() -> None:
    code = "import resnet_demo.jobs.queue, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout == b"False\n"
