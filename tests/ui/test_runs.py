"""Runs as visitors see them: nobody another's on a public page, whatever names and secrets are sent."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.process import Process
from resnet_demo.training.run import EVENTS, Run
from resnet_demo.ui.runs import COURSES_KEPT, VISITORS, Runs
from resnet_demo.ui.tabs.finetune.run_list import RunList, as_html

MINE, THEIRS = "a" * 32, "b" * 32


def make(settings: Settings, owner: object = None, **creation: Any) -> Run:
    return Run.create(settings.home, TrainConfig(data="/photos"), {} if owner is None else {"owner": owner}, **creation)


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public=True)


def require_refused(runs: Runs, name: object, visitor: object) -> None:
    with pytest.raises(AppError, match="no such run"):
        runs.find(name, visitor)


def test_here_everybody_sees_everything(local: Settings) -> None:
    mine, unowned = make(local, MINE), make(local)
    runs = Runs(local)
    for visitor in (None, MINE, THEIRS, 7):
        assert runs.listed(visitor) == [unowned, mine]
        assert runs.find(mine.name, visitor) == mine


def test_strangers_see_their_own(public: Settings) -> None:
    mine, theirs, unowned = make(public, MINE), make(public, THEIRS), make(public)
    runs = Runs(public)
    assert runs.listed(MINE) == [mine]
    assert runs.listed(THEIRS) == [theirs]
    assert runs.find(mine.name, MINE) == mine
    for run in (theirs, unowned):
        require_refused(runs, run.name, MINE)


def test_nobody_fills_the_line(public: Settings, local: Settings) -> None:
    public = replace(public, max_runs=2)
    runs = Runs(public)
    ended, *_ = (make(public, MINE) for _ in range(3))
    ended.append("failed", key="x", fields={})
    with pytest.raises(AppError, match="2 of your trainings"):
        runs.admit(MINE)
    runs.admit(THEIRS)
    for number in range(VISITORS):
        for _ in range(2 if number else 0):
            make(public, f"visitor {number}")
    with pytest.raises(AppError, match=f"{2 * VISITORS} trainings of all"):
        runs.admit(THEIRS)
    for nobody in (None, "", 7, "x" * 101):
        with pytest.raises(AppError, match="does not know your browser"):
            runs.admit(nobody)
        Runs(local).admit(nobody)


@pytest.mark.parametrize(
    "forged", [None, "", 0, True, [], [MINE], {"owner": MINE}, MINE[:-1], MINE.upper(), "é", "\ud800"]
)
@pytest.mark.parametrize("owner", [MINE, "", None, 0, True, [MINE], "\ud800x"])
def test_a_forged_secret_opens_nothing(public: Settings, owner: object, forged: object) -> None:
    run = make(public, owner)
    runs = Runs(public)
    assert runs.listed(forged) == []
    require_refused(runs, run.name, forged)


@pytest.mark.parametrize(
    "name", [None, 3, [], {}, "", ".", "..", "../runs", "/etc", "a/b", "x" * 200, "A", "ü", "a\n", ".lock"]
)
def test_a_forged_name_is_no_run(local: Settings, name: object) -> None:
    make(local)
    require_refused(Runs(local), name, MINE)


def test_a_refusal_names_no_place_of_this_machine(public: Settings) -> None:
    run = make(public, THEIRS)
    with pytest.raises(AppError) as refusal:
        Runs(public).find(run.name, MINE)
    assert refusal.value.say() == text("runs.problem.none")
    assert str(public.home) not in refusal.value.say()


def test_what_comes_and_goes_is_noticed(local: Settings) -> None:
    runs = Runs(local)
    assert runs.listed(None) == []
    first, second = make(local), make(local)
    assert set(runs.listed(None)) == {first, second}
    (first.folder / "config.json").write_text("{")
    assert runs.listed(None) == [second]
    assert {one.name for one in runs.listing(None) if isinstance(one, Unreadable)} == {first.folder.name}
    second.folder.rename(local.home / "gone")
    assert runs.listed(None) == []
    require_refused(runs, second.folder.name, None)


def test_a_run_elsewhere_is_found_by_its_name(local: Settings, tmp_path: Path) -> None:
    run = make(local, folder=tmp_path / "out")
    assert Runs(local).find(run.name, None).folder == tmp_path / "out"


def test_the_state_follows_the_folder(local: Settings) -> None:
    run, runs = make(local), Runs(local)
    me = Process.of(os.getpid())
    states = [runs.state(run)]
    run.append("launched", pid=me.pid, born=me.born)
    states.append(runs.state(run))
    with run.lock():
        run.append("started")
        states.append(runs.state(run))
    states.append(runs.state(run))
    run.append("stopped", how="now")
    states += [runs.state(run), runs.state(run)]
    run.queue_again()
    states.append(runs.state(run))
    assert states == ["queued", "starting", "running", "lost", "stopped", "stopped", "queued"]


def test_how_many_come_before(local: Settings) -> None:
    runs, line = Runs(local), [make(local, owner) for owner in (MINE, THEIRS, MINE)]
    assert [runs.before(run) for run in line] == [0, 1, 2]
    me = Process.of(os.getpid())
    line[0].append("launched", pid=me.pid, born=me.born)
    assert [runs.before(run) for run in line[1:]] == [1, 2]
    line[1].append("stopped", how="keep")
    assert runs.before(line[2]) == 1
    line[0].append("finished")
    assert runs.before(line[2]) == 0


def test_the_line_moves_on_but_once_a_second(local: Settings) -> None:
    first, runs = make(local), Runs(local)
    runs.move_on()
    worker = first.worker
    assert worker is not None
    psutil.Process(worker.pid).kill()  # it would only find that there are no photos
    first.append("failed", key="run.problem.unexpected")
    second = make(local)
    runs.move_on()
    assert second.state() == "queued"
    Runs(local).move_on()
    worker = second.worker
    assert worker is not None
    psutil.Process(worker.pid).kill()


def test_a_line_that_cannot_move_on_breaks_no_page(local: Settings, caplog: pytest.LogCaptureFixture) -> None:
    run = make(local)
    (local.home / "runs" / ".lock").mkdir()
    runs = Runs(local)
    runs.move_on()
    runs.move_on()
    assert len(caplog.records) == 1
    assert run.state() == "queued"


def test_one_that_cannot_be_read_is_listed_and_does_not_hold_up_the_others(local: Settings) -> None:
    good, broken = make(local), make(local)
    runs = Runs(local)
    assert runs.listed(None) == [broken, good]
    (broken.folder / EVENTS).unlink()
    (broken.folder / EVENTS).symlink_to(EVENTS)  # a loop
    unreadable = runs.unreadable(broken.name, None)
    assert unreadable is not None
    assert unreadable.name == broken.name
    assert runs.unreadable(good.name, None) is None
    rows = RunList(runs).rows(None)
    assert [row.name for row in rows] == [broken.name, good.name]
    assert rows[0] == unreadable
    assert text("run.state.unreadable") in as_html(rows, broken.name, [], "en")
    assert runs.shown(broken.name, None) == good
    assert runs.before(good) == 0
    assert runs.test_looks(good, None) == 0
    Runs(replace(local, public=True, max_runs=1)).admit(MINE)
    assert runs.deletable(broken.name, None) == broken.name
    require_refused(Runs(replace(local, public=True)), broken.name, MINE)
    runs.move_on()
    worker = good.worker
    assert worker is not None
    psutil.Process(worker.pid).kill()  # it would only find that there are no photos


def test_strangers_see_nothing_of_one_whose_owner_cannot_be_read(public: Settings) -> None:
    run = make(public, MINE)
    (run.folder / "config.json").write_text("{")
    runs = Runs(public)
    assert runs.listing(MINE) == []
    assert runs.unreadable(run.folder.name, MINE) is None
    with pytest.raises(AppError, match="no such run"):
        runs.deletable(run.folder.name, MINE)


def test_a_course_is_read_once_and_kept_for_few_runs(local: Settings) -> None:
    runs, run = Runs(local), make(local)
    run.append("started", epochs=3, resumed=None)
    with runs.course(run) as first:
        assert first.total_epochs == 3
    run.append("said", key="train.said.range_test", fields={})
    with runs.course(Run(run.folder)) as again:
        assert again is first
        assert again.spoken[-1]["kind"] == "said"
    for number in range(COURSES_KEPT):
        with runs.course(make(local, folder=local.home / f"out-{number}")):
            pass
    with runs.course(run) as later:
        assert later is not first
        assert list(later.spoken) == list(first.spoken)
