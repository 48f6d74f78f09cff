"""A run's folder that cannot be read, in every way that works for a superuser too: it is listed, and passed over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from resnet_demo.cli import main
from resnet_demo.jobs import queue
from resnet_demo.models.model_folders import POINTER
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import Unreadable, all_runs, find_run, listing
from resnet_demo.training.run import CONFIG, Run
from resnet_demo.training.run_events import EVENTS
from resnet_demo.training.run_log import LOG
from resnet_demo.training.worker_state import LOCK, STOP


def loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def point(place: Path, where: str) -> None:
    """Have a place in the data home point elsewhere, as one does that was made with --out."""
    for file in place.iterdir():
        file.unlink()
    (place / POINTER).write_bytes(os.fsencode(where))


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def memory(path: Path) -> None:
    """A file that opens and cannot be read: an input/output error, as a bad disk gives."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("there is no /proc here")
    path.unlink()
    path.symlink_to("/proc/self/mem")


def long_line(path: Path) -> None:
    path.write_bytes(b"x" * 5_000_000)


def loop_in_place(place: Path) -> None:
    for file in place.iterdir():
        file.unlink()
    place.rmdir()
    loop(place)


BREAKAGES: dict[str, Callable[[Path], None]] = {
    "link loop": loop_in_place,
    "settings that are a link loop": lambda place: loop(place / CONFIG),
    "settings that are a folder": lambda place: folder(place / CONFIG),
    "settings that are a pipe": lambda place: pipe(place / CONFIG),
    "settings that cannot be read": lambda place: memory(place / CONFIG),
    "settings that are damaged": lambda place: long_line(place / CONFIG),
    "events that are a link loop": lambda place: loop(place / EVENTS),
    "events that are a folder": lambda place: folder(place / EVENTS),
    "events that are a pipe": lambda place: pipe(place / EVENTS),
    "events that cannot be read": lambda place: memory(place / EVENTS),
    "pointer at a name that is too long": lambda place: point(place, "/" + "x" * 300),
    "pointer at a path that is too long": lambda place: point(place, "/x" * 5_000),
    "pointer at nothing": lambda place: point(place, "/nowhere/at/all"),
    "pointer that is no path": lambda place: point(place, "/a\0b"),
    "pointer below a file": lambda place: point(place, f"{__file__}/run"),
    "pointer of many bytes": lambda place: point(place, "/" + "x" * 1_000_000),
}
NO_START: dict[str, Callable[[Path], None]] = {
    "log that is a pipe": lambda place: pipe(place / LOG),
    "log that is a folder": lambda place: folder(place / LOG),
    "events of one long line": lambda place: long_line(place / EVENTS),
}
"""What leaves a run readable, but in no shape to be executed."""
READABLE = {
    **NO_START,
    "lock that is a pipe": lambda place: pipe(place / LOCK),
    "stop that is a link loop": lambda place: loop(place / STOP),
    "stop that is a pipe": lambda place: pipe(place / STOP),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def make(settings: Settings) -> Run:
    return Run.create(settings.home, TrainConfig(data="/photos"), {})


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_it_is_listed_as_unreadable_and_can_be_deleted(breakage: str, settings: Settings) -> None:
    broken, good = make(settings), make(settings)
    BREAKAGES[breakage](broken.folder)
    found = {one.name: one for one in listing(settings.home)}
    assert found.keys() == {broken.folder.name, good.name}
    unreadable = found[broken.folder.name]
    assert isinstance(unreadable, Unreadable)
    assert "cannot be read" in unreadable.why.say() or "can be read" in unreadable.why.say()
    assert all_runs(settings.home) == [good]
    with pytest.raises(AppError) as refusal:
        find_run(settings.home, broken.folder.name)
    assert refusal.value.message == unreadable.why
    queue.delete(broken.folder.name, settings.home)
    assert [one.name for one in listing(settings.home)] == [good.name]
    assert not os.path.lexists(broken.folder)


@pytest.mark.parametrize("breakage", [*BREAKAGES, *NO_START])
def test_the_line_moves_on_past_it(breakage: str, settings: Settings) -> None:
    """Also past one whose turn it would be."""
    broken, good = make(settings), make(settings)
    {**BREAKAGES, **NO_START}[breakage](broken.folder)
    assert queue.start_next(settings.home) == good
    worker = good.events.launched_process
    assert worker is not None
    psutil.Process(worker.pid).kill()  # it would only find that there are no photos


@pytest.mark.parametrize("breakage", [*BREAKAGES, *READABLE])
def test_the_command_line_lists_it(breakage: str, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    broken, good = make(settings), make(settings)
    name = broken.folder.name
    {**BREAKAGES, **READABLE}[breakage](broken.folder)
    for words in (["runs"], ["models"], ["runs", "show", name]):
        code = main(["--home", str(settings.home), *words])
        if words == ["runs"]:
            lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
            assert lines.keys() == {name, good.name}
            assert ("  unreadable  " in lines[name]) == (breakage in BREAKAGES)
        if words == ["models"]:
            assert code == 0
        if words[-1] == name:
            assert code == (2 if breakage in BREAKAGES else 0)


def test_a_long_line_is_passed_over_backwards_and_what_is_around_it_is_not(settings: Settings) -> None:
    run = make(settings)
    for _ in range(2):
        with (run.folder / EVENTS).open("ab") as file:
            file.write(b"x" * 3_000_000 + b"\n")
        run.events.append("finished")
    assert [event["kind"] for event in run.events.backwards()] == ["finished", "finished", "queued"]


def test_where_nothing_came_of_a_run_nothing_is_listed(settings: Settings) -> None:
    (settings.home / "runs" / "20260101-000000-x").mkdir(parents=True)
    (settings.home / "runs" / "file").touch()
    assert list(listing(settings.home)) == []


def test_one_that_cannot_be_removed_is_told_and_stays_listed(settings: Settings) -> None:
    """A folder that is a mount or immutable cannot be had without rights; one that grows while it is removed can."""
    run = make(settings)
    run.events.append("finished")
    (run.folder / CONFIG).write_text("{")
    code = """
import itertools, sys
from pathlib import Path
place = Path(sys.argv[1])
print("ready", flush=True)
for number in itertools.count():
    for folder in place.parent.glob("*"):
        if folder.name.startswith(".deleted-"):
            try:
                (folder / f"new-{number}").mkdir()
            except OSError:
                pass
"""
    grower = subprocess.Popen([sys.executable, "-c", code, run.folder], stdout=subprocess.PIPE)
    assert grower.stdout is not None
    grower.stdout.readline()
    try:
        for number in range(3_000):
            (run.folder / f"old-{number}").mkdir()
        with pytest.raises(AppError, match="could not be removed"):
            queue.delete(run.folder.name, settings.home)
    finally:
        grower.kill()
        grower.communicate()
    assert [one.name for one in listing(settings.home)] == [run.folder.name]
    queue.delete(run.folder.name, settings.home)
    assert list(listing(settings.home)) == []
    assert [path.name for path in (settings.home / "runs").iterdir()] == [".lock"]
