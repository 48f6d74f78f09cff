"""Workers as they are: real processes that are stopped, killed, run out of room, and go on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from resnet_demo.jobs import processes, queue
from resnet_demo.models.saved import open_saved
from resnet_demo.settings import Settings
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.jobs.small import CLASSES, coloured_photos, small_config, wait_for, wait_for_event


def kinds(run: Run) -> list[str]:
    """What moved the run on, steps and sentences left out."""
    return [event["kind"] for event in run.events.all() if event["kind"] not in {"step", "said"}]


def process_of(run: Run) -> psutil.Process:
    worker = run.events.launched_process
    assert worker is not None
    return psutil.Process(worker.pid)


def test_a_run_is_executed(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data), settings)
    assert wait_for(run, "finished", "failed") == "finished", run.log.path.read_text(encoding="utf-8")
    told = [kind for kind in kinds(run) if kind != "phase"]
    assert told == ["queued", "launched", "started", "epoch", "epoch", "finished"]
    assert open_saved(run.artefacts.best).labels == tuple(sorted(CLASSES))
    assert run.checkpoints.newest() is not None


@pytest.mark.slow
def test_a_worker_is_apart_from_us(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=500), settings)
    wait_for(run, "running")
    worker = process_of(run)
    assert os.getsid(worker.pid) == os.getpgid(worker.pid) == worker.pid != os.getsid(0)
    files = {number: Path(f"/proc/{worker.pid}/fd/{number}") for number in range(3)}
    if files[0].exists():  # Linux shows them
        assert [str(file.readlink()) for file in files.values()] == ["/dev/null", str(run.log.path), str(run.log.path)]
        assert "gradio" not in Path(f"/proc/{worker.pid}/maps").read_text()
    queue.stop(run, settings.home, "now")
    assert run.state() == "stopped"


@pytest.mark.slow
def test_a_worker_never_imports_gradio() -> None:
    code = "import resnet_demo.jobs.worker, resnet_demo.training.loop, sys; print('gradio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_stop_and_keep_leaves_a_model_and_goes_on(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=30), settings)
    wait_for_event(run, "epoch")
    queue.stop(run, settings.home, "keep")
    assert wait_for(run, "stopped", "finished", "failed") == "stopped"
    assert open_saved(run.artefacts.best).variant == "cifar_resnet20"
    done = [event["epoch"] for event in run.events.all() if event["kind"] == "epoch"]
    queue.resume(run, settings.home)
    assert wait_for(run, "finished", "failed") == "finished"
    assert [event["epoch"] for event in run.events.all() if event["kind"] == "epoch"] == list(range(1, 31))
    assert 0 < len(done) < 30


@pytest.mark.slow
def test_sigterm_stops_at_once(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=500), settings)
    wait_for_event(run, "epoch")
    process_of(run).terminate()
    assert wait_for(run, "stopped", "lost", "failed") == "stopped"
    newest = run.events.newest()
    assert newest is not None
    assert newest["how"] == "now"


@pytest.mark.slow
def test_stop_now_ends_a_worker_that_does_not_hear(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=500), settings)
    wait_for_event(run, "epoch")
    worker = process_of(run)
    worker.suspend()
    before = time.monotonic()
    queue.stop(run, settings.home, "now")
    assert time.monotonic() - before < queue.GRACE_SECONDS + 5
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert run.state() == "stopped"
    queue.resume(run, settings.home)
    wait_for_event(run, "started", 2)
    queue.stop(run, settings.home, "now")


@pytest.mark.slow
def test_killed_at_random_instants_it_loses_no_more_than_since_its_checkpoint(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=40), settings)
    for attempt in range(1, 4):
        wait_for_event(run, "started", attempt)
        time.sleep(random.uniform(0, 1.5))
        if run.state() == "finished":
            break
        process_of(run).kill()
        assert wait_for(run, "lost", "finished") in {"lost", "finished"}
        with (run.folder / "events.jsonl").open("ab") as file:
            file.write(b'{"t": 1, "kind": "fini')  # as if it had been killed in the midst of a line
        checkpoint = run.checkpoints.newest()
        told = [event["epoch"] for event in run.events.all() if event["kind"] == "epoch"]
        saved = 0 if checkpoint is None else json.loads((checkpoint / "state.json").read_text())["position"]["epoch"]
        assert saved >= max(told, default=0) - 1
        queue.resume(run, settings.home)
        wait_for_event(run, "started", attempt + 1)
        started = run.events.newest("started")
        assert started is not None
        assert (started["resumed"] or {"epoch": 0})["epoch"] == saved
    assert wait_for(run, "finished", "failed") == "finished", run.log.path.read_text(encoding="utf-8")
    assert {event["epoch"] for event in run.events.all() if event["kind"] == "epoch"} == set(range(1, 41))
    open_saved(run.artefacts.best)


@pytest.mark.slow
def test_more_epochs_can_be_asked_for(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=1), settings)
    assert wait_for(run, "finished", "failed") == "finished"
    queue.resume(run, settings.home, more_epochs=2)
    assert wait_for(run, "finished", "failed") == "finished"
    assert [event["epoch"] for event in run.events.all() if event["kind"] == "epoch"] == [1, 2, 3]


def test_what_a_person_can_act_on_is_a_sentence(data: Path, tmp_path: Path, settings: Settings) -> None:
    photos = coloured_photos(tmp_path / "photos")
    run = queue.create(small_config(photos), settings)
    (photos / "red" / "0.jpg").unlink()
    queue.start_next(settings.home)
    assert wait_for(run, "failed", "finished") == "failed"
    newest = run.events.newest()
    assert newest is not None
    assert newest["key"] == "train.problem.other_data"
    assert newest["fields"] == {"folder": str(photos)}


@pytest.mark.slow
def test_what_nobody_expected_is_told_whole_in_the_log(data: Path, settings: Settings) -> None:
    run = queue.create(small_config(data), settings)
    config = json.loads((run.folder / "config.json").read_text())
    config["facts"]["weights"] = 5  # no path
    (run.folder / "config.json").write_text(json.dumps(config))
    queue.start_next(settings.home)
    assert wait_for(run, "failed", "finished") == "failed"
    newest = run.events.newest()
    assert newest is not None
    assert newest["key"] == "run.problem.unexpected"
    log = run.log.path.read_text(encoding="utf-8")
    assert newest["fields"]["number"] in log
    assert "Traceback" in log
    assert "TypeError" in log


@pytest.mark.slow
def test_a_disk_without_room_fails_in_words_and_keeps_the_last_checkpoint(data: Path, settings: Settings) -> None:
    """The system's limit on a file's size stands in for the full disk."""
    run = queue.submit(small_config(data, epochs=500), settings)
    wait_for_event(run, "epoch", 2)  # the first is in a checkpoint then
    worker = process_of(run)
    if not hasattr(worker, "rlimit"):
        pytest.skip("another process's limits can be set on Linux alone")
    worker.rlimit(psutil.RLIMIT_FSIZE, (200_000, 200_000))
    assert wait_for(run, "failed", "finished", "lost") == "failed"
    newest = run.events.newest()
    assert newest is not None
    assert newest["key"] in {"run.problem.not_written", "saved.problem.not_written"}
    checkpoint = run.checkpoints.newest()
    assert checkpoint is not None
    queue.resume(run, settings.home)
    wait_for_event(run, "started", 2)
    started = run.events.newest("started")
    assert started is not None
    assert started["resumed"] is not None
    queue.stop(run, settings.home, "now")
    assert open_saved(run.artefacts.best)


@pytest.mark.slow
def test_nobody_starts_what_nobody_announced(data: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that is killed before it can write down whom it launched has launched nobody."""
    run = queue.create(small_config(data), settings)
    monkeypatch.setenv("RESNET_DEMO_HOME", str(settings.home))
    code = "import sys; from resnet_demo.jobs import worker; worker.ANNOUNCED_SECONDS = 0.5; worker.main()"
    subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=ROOT, check=True)
    assert kinds(run) == ["queued"]
    assert run.state() == "queued"


@pytest.mark.slow
def test_a_killed_parent_does_not_end_it(data: Path, settings: Settings) -> None:
    """The parent stands for the page's server, and its whole group is killed as Ctrl+C would."""
    code = """
import sys, time
from pathlib import Path
from resnet_demo.jobs import queue
from resnet_demo.settings import find_settings
from tests.jobs.small import small_config
print(queue.submit(small_config(Path(sys.argv[1]), epochs=30), find_settings()).folder, flush=True)
time.sleep(100)
"""
    command = [sys.executable, "-c", code, str(data)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdout is not None
    run = Run(Path(server.stdout.readline().strip()))
    server.stdout.close()
    wait_for(run, "starting", "running")
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    assert wait_for(run, "finished", "failed", "lost") == "finished"


def test_the_queues_worker_is_no_rank(data: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torchrun told the process that starts it is not for it."""
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = queue.create(small_config(data), settings)
    worker = processes.start_worker(run, settings.home)
    environ = psutil.Process(worker.pid).environ()
    psutil.Process(worker.pid).kill()
    assert not environ.keys() & {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID"}
    assert "OMP_NUM_THREADS" not in environ
    assert environ[processes.COOKIE] == str(run.folder)
