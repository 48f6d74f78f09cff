"""A run: what it is made of is read back, it appears whole or not at all, and the state is the truth."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import all_runs, find_run
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import State
from tests.training.conftest import FACTS
from tests.training.other_processes import end, python, wait_for_line


def test_a_new_run_is_read_back(run: Run) -> None:
    again = Run.open(run.folder)
    assert again.config == TrainConfig(data="/photos/Wild Flowers")
    assert again.facts == FACTS
    assert again.state() == "queued"
    assert re.fullmatch(r"\d{8}-\d{6}-wild-flowers-resnet18", again.name)
    assert again.folder.name == again.name
    assert again.checkpoints.newest() is None


def test_names_are_plain_and_never_taken_twice(tmp_path: Path) -> None:
    configs = [TrainConfig(data=data) for data in ("/data/花/", "/data/花", "/data/Ö<b>../x y")]
    names = [Run.create(tmp_path, config, {}).name for config in configs]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"[0-9a-z-]+", name) for name in names)
    assert "o-b" not in names[2]  # only the folder's own name
    assert names[2].endswith("x-y-resnet18")


def test_a_run_elsewhere_is_listed_by_its_pointer(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "my flowers"
    out.mkdir()
    run = Run.create(home, TrainConfig(data="/photos"), {}, folder=out)
    assert run.folder == out
    assert [found.folder for found in all_runs(home)] == [out]
    assert find_run(home, run.name).folder == out
    with pytest.raises(AppError, match="in use"):
        Run.create(home, TrainConfig(data="/photos"), {}, folder=out)
    with pytest.raises(AppError, match="in use"):
        Run.create(home, TrainConfig(data="/photos"), {}, folder=home / "runs" / "mine")
    assert len(all_runs(home)) == 1
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "events.jsonl", "log.txt"]


def test_a_run_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AppError, match="could not be made"):
        Run.create(tmp_path / "home", TrainConfig(data="/photos"), {}, folder=tmp_path / "file" / "out")
    with pytest.raises(TypeError):
        Run.create(tmp_path / "home", TrainConfig(data="/photos"), {"x": object()})
    assert list((tmp_path / "home").rglob("*")) in ([], [tmp_path / "home" / "runs"])


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".new-1", "A", "-" * 101, "absent"])
def test_only_names_of_runs_are_looked_up(run: Run, name: str) -> None:
    with pytest.raises(AppError):
        find_run(run.folder.parent.parent, name)


BROKEN = (
    *("", "{", "[]", "null", "[" * 100_000, "\udce4\0"),
    *('{"name": 3}', '{"name": "../x", "facts": {}}', '{"name": "x", "facts": [], "config": {}}'),
    '{"name": "x", "facts": {}, "config": {"epochs": "many", "data": "/d"}}',
)


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_config_is_a_sentence(run: Run, content: str) -> None:
    (run.folder / "config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(AppError):
        Run.open(run.folder)
    assert all_runs(run.folder.parent.parent) == []


def test_states_without_a_worker(run: Run) -> None:
    def after(kind: str, **fields: object) -> State:
        run.events.append(kind, **fields)
        return run.state()

    me = Process.of(os.getpid())
    gone = Process(me.pid, me.born - 60)  # the number was another's before
    assert after("launched", pid=me.pid, born=me.born) == "starting"
    assert after("said", key="x", fields={}) == "starting"
    assert after("launched", pid=gone.pid, born=gone.born) == "lost"
    assert after("launched") == "lost"
    assert after("started") == "lost"
    assert after("step", step=3) == "lost"
    assert after("failed", key="x", fields={}) == "failed"
    assert after("stopped", how="keep") == "stopped"
    assert after("finished") == "finished"
    run.worker.ask_stop("now")
    run.queue_again(foreground_process=me, more_epochs=2)
    assert run.state() == "queued"
    assert run.worker.stop_asked() is None
    run.queue_again(foreground_process=gone, more_epochs=3)
    assert run.state() == "lost"
    assert run.events.more_epochs == 3, "nothing has come of the two asked for before"
    (run.folder / "events.jsonl").unlink()
    assert run.state() == "lost"


HOLD_LOCK = """
from resnet_demo.training.run import Run
with Run(Path(sys.argv[1])).worker.lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_states_of_a_worker_that_lives_and_dies(run: Run) -> None:
    worker = python(HOLD_LOCK, run.folder)
    try:
        assert wait_for_line(worker) == b"held\n"
        run.events.append("launched", pid=worker.pid, born=0)
        assert run.state() == "starting"
        run.events.append("started")
        assert run.state() == "running"
        run.worker.ask_stop("keep")
        assert run.state() == "stopping"
        with pytest.raises(AppError, match=run.name), run.worker.lock():
            pytest.fail("two workers")
    finally:
        end(worker)
    assert run.state() == "lost"
    with run.worker.lock():
        assert run.state() == "stopping"


def test_what_killed_writers_left_is_tidied_and_nothing_else(run: Run) -> None:
    kept = {path.name for path in run.folder.iterdir()}
    with run.artefacts.new_best() as folder:
        folder.mkdir()
    for name in (".unfinished", ".unfinished-best", "..unfinished-best.0123abcd", ".replaced"):
        (run.folder / name / "deeper").mkdir(parents=True)
    for name in (".test.safetensors.0123abcd", ".stop.0123abcd", ".my notes"):
        (run.folder / name).touch()
    run.clean_up()
    assert {path.name for path in run.folder.iterdir()} == kept | {"best", ".stop.0123abcd", ".my notes"}
    run.events.append("finished")
    run.queue_again()  # now nobody is stopping it
    assert {path.name for path in run.folder.iterdir()} == kept | {"best", ".my notes"}


def test_nothing_here_needs_torch() -> None:
    code = "import resnet_demo.training.run; print('torch' in sys.modules, flush=True)"
    assert python(code).communicate()[0] == b"False\n"
