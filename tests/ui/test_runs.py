"""Runs as visitors see them: nobody another's on a public page, whatever names and secrets are sent."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from resnet_demo.labs.configs import Gradients
from resnet_demo.labs.lab_run import LabRun
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_events import EVENTS
from resnet_demo.ui.runs import HISTORIES_KEPT, VISITORS, Runs
from resnet_demo.ui.tabs.finetune.run_list import RunList, as_html
from resnet_demo.ui.visitor_context import Visitor, visited_by

MINE, THEIRS = "a" * 32, "b" * 32


def make(settings: Settings, owner: object = None, **creation: Any) -> Run:
    return Run.create(settings.home, TrainConfig(data="/photos"), {} if owner is None else {"owner": owner}, **creation)


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public=True)


def sent_by(visitor: object) -> AbstractContextManager[None]:
    """Inside, a browser has sent this as its visitor's token."""
    return visited_by(Visitor.from_browser(visitor))


def require_refused(runs: Runs, name: object, visitor: object = None) -> None:
    with sent_by(visitor), pytest.raises(AppError, match="no longer exists"):
        runs.find(name)


def test_here_everybody_sees_everything(local: Settings) -> None:
    mine, unowned = make(local, MINE), make(local)
    runs = Runs(local)
    for visitor in (None, MINE, THEIRS, 7):
        with sent_by(visitor):
            assert runs.listed() == [unowned, mine]
            assert runs.find(mine.name) == mine


def test_visitors_see_their_own(public: Settings) -> None:
    mine, theirs, unowned = make(public, MINE), make(public, THEIRS), make(public)
    runs = Runs(public)
    with sent_by(MINE):
        assert runs.listed() == [mine]
        assert runs.find(mine.name) == mine
    with sent_by(THEIRS):
        assert runs.listed() == [theirs]
    for run in (theirs, unowned):
        require_refused(runs, run.name, MINE)


def test_experiments_are_seen_by_those_whose_they_are(public: Settings) -> None:
    mine, theirs = (LabRun.create(public.home, "gradients", Gradients(), {"owner": owner}) for owner in (MINE, THEIRS))
    training = make(public, MINE)
    runs = Runs(public)
    with sent_by(MINE):
        assert runs.experiments("gradients") == [mine]
        assert runs.experiments("paths") == []
        assert runs.listed() == [training]
        assert runs.find_experiment(mine.name) == mine
        assert runs.before(mine) < runs.before(training) == 2
        for other in (theirs.name, training.name, "", None, 7, "../x"):
            with pytest.raises(AppError, match="no longer exists"):
                runs.find_experiment(other)
        with pytest.raises(AppError, match="no longer exists"):
            runs.find(mine.name)


def test_experiments_count_as_runs_in_the_queue(public: Settings) -> None:
    public = replace(public, max_runs=2)
    make(public, MINE)
    LabRun.create(public.home, "gradients", Gradients(), {"owner": MINE})
    with sent_by(MINE), pytest.raises(AppError, match="2 of your trainings"):
        Runs(public).admit()


def test_nobody_fills_the_queue(public: Settings, local: Settings) -> None:
    public = replace(public, max_runs=2)
    runs = Runs(public)
    ended, *_ = (make(public, MINE) for _ in range(3))
    ended.events.append("failed", key="x", fields={})
    with sent_by(MINE), pytest.raises(AppError, match="2 of your trainings"):
        runs.admit()
    with sent_by(THEIRS):
        runs.admit()
    for number in range(VISITORS):
        for _ in range(2 if number else 0):
            make(public, f"visitor {number}")
    with sent_by(THEIRS), pytest.raises(AppError, match=f"{2 * VISITORS} trainings of all"):
        runs.admit()
    for nobody in (None, "", 7, "x" * 101):
        with sent_by(nobody):
            with pytest.raises(AppError, match="does not know your browser"):
                runs.admit()
            Runs(local).admit()


@pytest.mark.parametrize(
    "forged", [None, "", 0, True, [], [MINE], {"owner": MINE}, MINE[:-1], MINE.upper(), "é", "\ud800"]
)
@pytest.mark.parametrize("owner", [MINE, "", None, 0, True, [MINE], "\ud800x"])
def test_a_forged_secret_opens_nothing(public: Settings, owner: object, forged: object) -> None:
    run = make(public, owner)
    runs = Runs(public)
    with sent_by(forged):
        assert runs.listed() == []
    require_refused(runs, run.name, forged)


@pytest.mark.parametrize(
    "name", [None, 3, [], {}, "", ".", "..", "../runs", "/etc", "a/b", "x" * 200, "A", "ü", "a\n", ".lock"]
)
def test_a_forged_name_is_no_run(local: Settings, name: object) -> None:
    make(local)
    require_refused(Runs(local), name, MINE)


def test_a_refusal_names_no_place_of_this_machine(public: Settings) -> None:
    run = make(public, THEIRS)
    with sent_by(MINE), pytest.raises(AppError) as refusal:
        Runs(public).find(run.name)
    assert refusal.value.say() == text("runs.problem.none")
    assert str(public.home) not in refusal.value.say()


def test_what_comes_and_goes_is_noticed(local: Settings) -> None:
    runs = Runs(local)
    assert runs.listed() == []
    first, second = make(local), make(local)
    assert set(runs.listed()) == {first, second}
    (first.folder / "config.json").write_text("{")
    assert runs.listed() == [second]
    assert {one.name for one in runs.listing() if isinstance(one, Unreadable)} == {first.folder.name}
    second.folder.rename(local.home / "gone")
    assert runs.listed() == []
    require_refused(runs, second.folder.name)


def test_a_run_elsewhere_is_found_by_its_name(local: Settings, tmp_path: Path) -> None:
    run = make(local, folder=tmp_path / "out")
    assert Runs(local).find(run.name).folder == tmp_path / "out"


def test_the_state_follows_the_folder(local: Settings) -> None:
    run, runs = make(local), Runs(local)
    me = Process.of(os.getpid())
    states = [runs.state(run)]
    run.events.append("launched", pid=me.pid, born=me.born)
    states.append(runs.state(run))
    with run.worker.lock():
        run.events.append("started")
        states.append(runs.state(run))
    states.append(runs.state(run))
    run.events.append("stopped", how="now")
    states += [runs.state(run), runs.state(run)]
    run.queue_again()
    states.append(runs.state(run))
    assert states == ["queued", "starting", "running", "lost", "stopped", "stopped", "queued"]


def test_how_many_come_before(local: Settings) -> None:
    runs, queued = Runs(local), [make(local, owner) for owner in (MINE, THEIRS, MINE)]
    assert [runs.before(run) for run in queued] == [0, 1, 2]
    me = Process.of(os.getpid())
    queued[0].events.append("launched", pid=me.pid, born=me.born)
    assert [runs.before(run) for run in queued[1:]] == [1, 2]
    queued[1].events.append("stopped", how="keep")
    assert runs.before(queued[2]) == 1
    queued[0].events.append("finished")
    assert runs.before(queued[2]) == 0


def test_the_line_moves_on_but_once_a_second(local: Settings) -> None:
    first, runs = make(local), Runs(local)
    runs.advance()
    worker = first.events.launched_process
    assert worker is not None
    psutil.Process(worker.pid).kill()  # it would only find that there are no photos
    first.events.append("failed", key="run.problem.unexpected")
    second = make(local)
    runs.advance()
    assert second.state() == "queued"
    Runs(local).advance()
    worker = second.events.launched_process
    assert worker is not None
    psutil.Process(worker.pid).kill()


def test_a_line_that_cannot_move_on_breaks_no_page(local: Settings, caplog: pytest.LogCaptureFixture) -> None:
    run = make(local)
    (local.home / "runs" / ".lock").mkdir()
    runs = Runs(local)
    runs.advance()
    runs.advance()
    assert len(caplog.records) == 1
    assert run.state() == "queued"


def test_one_that_cannot_be_read_is_listed_and_does_not_hold_up_the_others(local: Settings) -> None:
    good, broken = make(local), make(local)
    runs = Runs(local)
    assert runs.listed() == [broken, good]
    (broken.folder / EVENTS).unlink()
    (broken.folder / EVENTS).symlink_to(EVENTS)  # a loop
    unreadable = runs.unreadable(broken.name)
    assert unreadable is not None
    assert unreadable.name == broken.name
    assert runs.unreadable(good.name) is None
    rows = RunList(runs).rows()
    assert [row.name for row in rows] == [broken.name, good.name]
    assert rows[0] == unreadable
    assert text("run.state.unreadable") in as_html(rows, broken.name, [])
    assert runs.current(broken.name) == good
    assert runs.before(good) == 0
    assert runs.test_set_uses(good) == 0
    with sent_by(MINE):
        Runs(replace(local, public=True, max_runs=1)).admit()
    assert runs.deletable(broken.name) == broken.name
    require_refused(Runs(replace(local, public=True)), broken.name, MINE)
    runs.advance()
    worker = good.events.launched_process
    assert worker is not None
    psutil.Process(worker.pid).kill()  # it would only find that there are no photos


def test_strangers_see_nothing_of_one_whose_owner_cannot_be_read(public: Settings) -> None:
    run = make(public, MINE)
    (run.folder / "config.json").write_text("{")
    runs = Runs(public)
    with sent_by(MINE):
        assert runs.listing() == []
        assert runs.unreadable(run.folder.name) is None
        with pytest.raises(AppError, match="no longer exists"):
            runs.deletable(run.folder.name)


def test_a_course_is_read_once_and_kept_for_few_runs(local: Settings) -> None:
    runs, run = Runs(local), make(local)
    run.events.append("started", epochs=3, resumed=None)
    with runs.history(run) as first:
        assert first.total_epochs == 3
    run.events.append("said", key="train.said.damaged_best", fields={})
    with runs.history(Run(run.folder)) as again:
        assert again is first
        assert again.text_events[-1]["kind"] == "said"
    for number in range(HISTORIES_KEPT):
        with runs.history(make(local, folder=local.home / f"out-{number}")):
            pass
    with runs.history(run) as later:
        assert later is not first
        assert list(later.text_events) == list(first.text_events)
