"""`train` and `runs` as a person types them: real processes, real signals, real photos drawn by code."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from resnet_demo.cli import main
from resnet_demo.jobs import queue
from resnet_demo.models.saved import open_saved
from resnet_demo.settings import Settings, find_settings
from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.data.test_archive import zipped
from tests.jobs.small import CLASSES, coloured_photos, small_config, wait_for, wait_for_event
from tests.shelf import run_with_model
from tests.test_cli import said_in_process
from tests.tiny import photos

SMALL = ("--variant", "cifar_resnet20", "--scratch", "--image-size", 32, "--first-size", 32, "--batch-size", 8)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)


@pytest.fixture
def settings() -> Settings:
    return find_settings()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coloured_photos(tmp_path_factory.mktemp("data") / "colours")


def words(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "resnet_demo", *map(str, arguments)]


def run_command(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **variables}
    return subprocess.run(words(*arguments), cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on meanwhile; ended afterwards, if it has not."""
    process = subprocess.Popen(words(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def only_run(settings: Settings) -> Run:
    deadline = time.monotonic() + 60
    while not (runs := all_runs(settings.home)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (run,) = runs
    return run


@pytest.mark.slow
def test_train_then_classify_with_what_was_learned(data: Path, settings: Settings) -> None:
    done = run_command("train", data, *SMALL, "--epochs", 4)
    assert done.returncode == 0, done.stderr
    run = only_run(settings)
    assert run.state() == "finished"
    assert run.name in done.stdout
    assert str(run.artefacts.best) in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("Epoch 4 of 4")]
    named = run_command("classify", data / "green" / "0.jpg", "--model", run.artefacts.best)
    assert named.returncode == 0, named.stderr
    assert all(label in named.stdout for label in CLASSES)
    listed = run_command("runs")
    assert listed.stdout.startswith(f"{run.name}  finished  best ")
    shown = run_command("runs", "show", run.name)
    assert f"python -m resnet_demo --home {settings.home} train {data} --variant cifar_resnet20" in shown.stdout
    deleted = run_command("runs", "delete", run.name)
    assert deleted.returncode == 0, deleted.stderr
    assert not run.folder.exists()


def test_a_run_is_renamed_and_its_model_taken_along(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, photo, file = run_with_model(settings), photos(tmp_path, 1)[0], tmp_path / "model.zip"
    assert main(["runs", "rename", run.name, "郁金香\x1b[2J"]) == 0
    assert run.title is not None
    assert run.title.startswith("郁金香")
    assert capsys.readouterr().out == f"{run.name}  {run.title}\n"
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.startswith(f"{run.name}  {run.title}  ")
    assert main(["runs", "export", run.name, str(file)]) == 0
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    capsys.readouterr()
    answers = []
    for model in (run.artefacts.best, tmp_path / run.name):
        assert main(["classify", str(photo), "--model", str(model)]) == 0
        answers.append(re.sub(r"[0-9.]+ s\b.*", "", capsys.readouterr().out).replace(str(model), ""))
    assert answers[0] == answers[1]
    code, complaint = said_in_process(capsys, "runs", "export", run.name, tmp_path / "absent" / "model.zip")
    assert code == 2
    assert "absent" in complaint


@pytest.mark.slow
def test_a_dry_run_tells_the_time_of_each_preset_and_trains_nothing(data: Path, settings: Settings) -> None:
    told = run_command("train", data, *SMALL, "--epochs", 4, "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "* Balanced" in told.stdout
    assert len([line for line in told.stdout.splitlines() if line[:2] in ("* ", "  ") and line.endswith(")")]) == 3
    assert "4 epochs" in told.stdout
    assert all_runs(settings.home) == []
    begun = run_command("train", data, *SMALL, "--epochs", 1)
    assert "Expected time on this machine: " in begun.stdout
    assert begun.stdout.index("Expected time") < begun.stdout.index("Epoch 1 of 1")


@pytest.mark.slow
def test_an_archive_is_unpacked_and_said(data: Path, settings: Settings, tmp_path: Path) -> None:
    """Its names in GBK, as Chinese Windows packs them, and another archive in it; the same one is unpacked once."""
    names = dict(zip(CLASSES, ("玫瑰", "向日葵", "蒲公英"), strict=True))
    photos = {
        f"{names[path.parent.name]}/{path.name}".encode("gbk"): path.read_bytes() for path in sorted(data.glob("*/*"))
    }
    placeholders = {name: f"{number:x}".rjust(len(name), "_") for number, name in enumerate(photos)}
    packed = zipped({placeholders[name]: content for name, content in photos.items()} | {"old.zip": b"PK"})
    for name, placeholder in placeholders.items():
        packed = packed.replace(placeholder.encode(), name)
    (tmp_path / "flowers.zip").write_bytes(packed)
    done = run_command("train", tmp_path / "flowers.zip", *SMALL, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    (folder,) = (settings.home / "datasets").iterdir()
    (run,) = all_runs(settings.home)
    assert run.config.data == str(folder)
    assert run.facts["data"]["classes"] == sorted(names.values())
    assert str(folder) in done.stdout
    assert "GBK" in done.stdout
    assert all(name in done.stdout for name in names.values())
    assert text("images.problem.inner_archive") in done.stdout


def test_out_is_the_runs_folder_and_the_same_command_goes_on(data: Path, settings: Settings, tmp_path: Path) -> None:
    command = ("train", data, *SMALL, "--epochs", 40, "--out", tmp_path / "out")
    with started(*command) as process:
        run = Run(tmp_path / "out")
        wait_for_event(run, "epoch", 2)
        process.kill()
        process.wait()
    assert [found.folder for found in all_runs(settings.home)] == [run.folder]
    assert run.state() == "lost"
    again = run_command(*command)
    assert again.returncode == 0, again.stderr
    resumed = run.events.newest("started")
    assert resumed is not None
    assert resumed["resumed"]["epoch"] >= 1
    assert open_saved(tmp_path / "out" / "best").labels == tuple(sorted(CLASSES))
    finished = run_command(*command)
    assert finished.returncode == 2
    assert "more epochs" in finished.stderr
    other = run_command(*command, "--seed", 1)
    assert other.returncode == 2
    assert "in use" in other.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_interrupted_once_it_keeps(data: Path, settings: Settings, number: signal.Signals) -> None:
    with started("train", data, *SMALL, "--epochs", 500) as process:
        run = only_run(settings)
        wait_for_event(run, "epoch")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert run.state() == "stopped"
    assert open_saved(run.artefacts.best)
    assert f"python -m resnet_demo --home {shlex.quote(str(settings.home))} runs resume {run.name}" in out


@pytest.mark.slow
def test_interrupted_twice_it_stops_at_once(data: Path, settings: Settings) -> None:
    with started("train", data, *SMALL, "--epochs", 500) as process:
        run = only_run(settings)
        wait_for_event(run, "epoch")
        psutil.Process(process.pid).suspend()
        run.worker.ask_stop("keep")  # what the first Ctrl+C does, before it can be heeded
        process.send_signal(signal.SIGINT)
        psutil.Process(process.pid).resume()
        process.communicate(timeout=60)
    assert process.returncode == 1
    newest = run.events.newest()
    assert newest is not None
    assert newest["how"] == "now"


@pytest.mark.slow
def test_it_waits_for_its_turn_and_hands_it_on(data: Path, settings: Settings) -> None:
    first = queue.submit(small_config(data, epochs=500), settings)
    wait_for_event(first, "epoch")
    with started("train", data, *SMALL, "--epochs", 1) as process:
        assert process.stdout is not None
        while first.name not in process.stdout.readline():
            pass
        queue.stop(first, settings.home, "keep")
        last = queue.submit(small_config(data, epochs=1), settings)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert wait_for(last, "finished", "failed") == "finished"
    second = next(run for run in all_runs(settings.home) if run not in (first, last))
    ends = {run: run.events.all()[-1]["t"] for run in (second, last)}
    launched = last.events.newest("launched")
    assert launched is not None
    assert ends[second] <= launched["t"]


def test_ctrl_c_leaves_the_line(data: Path, settings: Settings) -> None:
    busy = queue.create(small_config(data), settings)
    me = psutil.Process()
    busy.events.append("launched", pid=me.pid, born=me.create_time())
    with started("train", data, *SMALL) as process:
        assert process.stdout is not None
        while busy.name not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 1
    waited = next(run for run in all_runs(settings.home) if run != busy)
    assert waited.state() == "stopped"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "/absent/photos"), "/absent/photos"),
        (("train", "."), "photos"),
        (("train", ".", "--epochs", "0"), "--epochs"),
        (("train", ".", "--variant", "resnet51"), "resnet50"),
        (("train",), "FOLDER"),
        (("runs", "show", "absent"), "no run"),
        (("runs", "stop", "../x"), "is not the name of a run"),
        (("runs", "resume", "absent", "--more-epochs", "-1"), "--more-epochs"),
    ],
)
def test_a_wrong_request_is_exit_code_2(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, complaint = said_in_process(capsys, *arguments)
    assert code == 2
    assert said in complaint


def test_a_failed_run_is_exit_code_1(data: Path, settings: Settings, tmp_path: Path) -> None:
    done = run_command("train", data, "--from", tmp_path / "no model", LC_ALL="zh_CN.UTF-8")
    assert done.returncode == 1
    assert only_run(settings).state() == "failed"
    assert done.stderr.count("训练失败") == 1
    assert "训练失败" not in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_runs_are_stopped_and_resumed_by_name(data: Path, settings: Settings) -> None:
    run = queue.submit(small_config(data, epochs=500), settings)
    wait_for_event(run, "epoch")
    asked = run_command("runs", "stop", run.name)
    assert asked.returncode == 0, asked.stderr
    wait_for(run, "stopped")
    resumed = run_command("runs", "resume", run.name)
    assert resumed.returncode == 0, resumed.stderr
    wait_for_event(run, "started", 2)
    ended = run_command("runs", "stop", run.name, "--now", LC_ALL="zh_CN.UTF-8")
    assert ended.stdout == f"{run.name}  已停止\n"
    with started("runs", "resume", run.name, "--foreground") as process:
        wait_for_event(run, "started", 3)
        assert run.events.launched_process is not None
        assert run.events.launched_process.pid == process.pid
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.slow
def test_a_reader_that_goes_does_not_end_the_training(data: Path, settings: Settings) -> None:
    with started("train", data, *SMALL, "--epochs", 3) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert only_run(settings).state() == "finished"


@pytest.mark.slow
def test_torchrun_executes_one_run(data: Path, settings: Settings) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, *words("train", data, *SMALL, "--epochs", 2)[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    run = only_run(settings)
    assert run.state() == "finished"
    begun = run.events.newest("started")
    assert begun is not None
    assert begun["processes"] == 2
    assert [event["epoch"] for event in run.events.all() if event["kind"] == "epoch"] == [1, 2]
    assert done.stdout.count("Epoch 1 of 2") == 1
    assert "torchrun --nproc-per-node 2" in run_command("runs", "show", run.name).stdout


@pytest.mark.slow
def test_stop_now_ends_all_that_torchrun_started(data: Path, settings: Settings) -> None:
    """The second process does not hear anything, and the first waits for it."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, *words("train", data, *SMALL, "--epochs", 500)[1:]]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run = only_run(settings)
        wait_for_event(run, "epoch")
        ranks = [child for child in psutil.Process(process.pid).children() if child.is_running()]
        second = next(
            rank for rank in ranks if run.events.launched_process and rank.pid != run.events.launched_process.pid
        )
        second.suspend()
        queue.stop(run, settings.home, "now")
        assert run.state() == "stopped"
        assert psutil.wait_procs(ranks, timeout=2)[1] == []
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


@pytest.mark.slow
def test_torchrun_interrupted_keeps(data: Path, settings: Settings) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, *words("train", data, *SMALL, "--epochs", 500)[1:]]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        run = only_run(settings)
        wait_for_event(run, "epoch")
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
        process.communicate(timeout=90)
    finally:
        process.kill()
        process.communicate()
    newest = run.events.newest()
    assert newest is not None
    assert newest["kind"] == "stopped"
    assert newest["how"] == "keep"
    assert open_saved(run.artefacts.best)
