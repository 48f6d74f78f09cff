"""A run's folder: what is written is read back, whatever its writer was killed in, and the state is the truth."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import all_runs, find_run
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run, State
from tests.training.others import end, python, wait_for_line

FACTS = {"data": {"name": "花", "fingerprint": "ab12"}, "split": {"train": [0, 2], "val": [1], "test": [3], "seed": 0}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "home", TrainConfig(data="/photos/Wild Flowers"), FACTS)


HOLD_LOCK = """
from resnet_demo.training.run import Run
with Run(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_new_run_is_read_back(run: Run) -> None:
    again = Run.open(run.folder)
    assert again.config == TrainConfig(data="/photos/Wild Flowers")
    assert again.facts == FACTS
    assert again.state() == "queued"
    assert re.fullmatch(r"\d{8}-\d{6}-wild-flowers-resnet18", again.name)
    assert again.folder.name == again.name
    assert again.newest_checkpoint() is None


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


def test_events_come_back_in_order(run: Run) -> None:
    before = time.time()
    run.append("step", step=1, loss=float("nan"), lr=0.5, name="花\n\u2028")
    run.append("said", key="run.event.started", fields={})
    kinds = [event["kind"] for event in run.events()]
    assert kinds == ["queued", "step", "said"]
    step = run.events()[1]
    assert step == {"t": step["t"], "kind": "step", "step": 1, "loss": None, "lr": 0.5, "name": "花\n\u2028"}
    assert before - 1 <= step["t"] <= time.time() + 1
    raw = (run.folder / "events.jsonl").read_text(encoding="utf-8")
    json.loads(raw.split("\n")[1], parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize(
    "torn",
    [
        b'{"t": 1, "kind": "fin',
        b"\xff\xfe\n\n",
        b'["kind"]\n{"t": 1, "kind": 3}\n{"t": 1}\n{"kind": "finished"}\n',
        b"[" * 9_999,
    ],
)
def test_a_torn_line_is_skipped_and_ended(run: Run, torn: bytes) -> None:
    with (run.folder / "events.jsonl").open("ab") as file:
        file.write(torn)
    assert [event["kind"] for event in run.events()] == ["queued"]
    assert run.state() == "queued"
    run.append("finished")
    assert [event["kind"] for event in run.events()] == ["queued", "finished"]
    assert run.state() == "finished"


def test_a_reader_that_follows_sees_each_event_once(run: Run) -> None:
    seen, offset = run.events_from(0)
    line = b'{"t": 1, "kind": "epoch", "epoch": 1}\n'
    for byte in line:
        with (run.folder / "events.jsonl").open("ab") as file:
            file.write(bytes([byte]))
        events, offset = run.events_from(offset)
        seen += events
    assert [event["kind"] for event in seen] == ["queued", "epoch"]
    assert run.events_from(offset) == ([], offset)


def test_several_processes_append_whole_lines(run: Run) -> None:
    code = """
from resnet_demo.training.run import Run
for number in range(200):
    Run(Path(sys.argv[1])).append("step", who=int(sys.argv[2]), number=number, filler="x" * (number * 37 % 5000))
"""
    writers = [python(code, run.folder, who) for who in range(3)]
    assert [writer.communicate()[0] for writer in writers] == [b"", b"", b""]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    steps = [event for event in run.events() if event["kind"] == "step"]
    for who in range(3):
        assert [event["number"] for event in steps if event["who"] == who] == list(range(200))


def test_the_newest_event_is_found_in_a_long_file(run: Run) -> None:
    run.append("launched", pid=1, born=2.0)
    for step in range(3000):
        run.append("step", step=step, filler="花" * 20)
    assert run.newest()["step"] == 2999  # type: ignore[index]
    assert run.worker == Process(1, 2.0)
    assert run.newest("finished") is None


def test_states_without_a_worker(run: Run) -> None:
    def after(kind: str, **fields: object) -> State:
        run.append(kind, **fields)
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
    run.ask_stop("now")
    run.queue_again(waiter=me, more_epochs=2)
    assert run.state() == "queued"
    assert run.stop_asked() is None
    run.queue_again(waiter=gone, more_epochs=3)
    assert run.state() == "lost"
    assert run.more_epochs == 5
    (run.folder / "events.jsonl").unlink()
    assert run.state() == "lost"


@pytest.mark.slow
def test_states_of_a_worker_that_lives_and_dies(run: Run) -> None:
    worker = python(HOLD_LOCK, run.folder)
    try:
        assert wait_for_line(worker) == b"held\n"
        run.append("launched", pid=worker.pid, born=0)
        assert run.state() == "starting"
        run.append("started")
        assert run.state() == "running"
        run.ask_stop("keep")
        assert run.state() == "stopping"
        with pytest.raises(AppError, match=run.name), run.lock():
            pytest.fail("two workers")
    finally:
        end(worker)
    assert run.state() == "lost"
    with run.lock():
        assert run.state() == "stopping"


def test_a_forked_child_does_not_keep_the_lock(run: Run) -> None:
    """A worker's children, such as those that decode photos, may outlive it."""
    code = """
from resnet_demo.training.run import Run
with Run(Path(sys.argv[1])).lock():
    if not os.fork():
        print(os.getpid(), flush=True)
    time.sleep(60)
"""
    worker = python(code, run.folder)
    child = psutil.Process(int(wait_for_line(worker)))
    try:
        assert run.worker_lives()
        end(worker)
        assert child.is_running()
        assert not run.worker_lives()
    finally:
        child.kill()


def test_many_lookers_do_not_take_each_other_for_a_worker(run: Run) -> None:
    run.append("started")
    with run.lock():
        pass
    code = """
from resnet_demo.training.run import Run
print({Run(Path(sys.argv[1])).state() for _ in range(300)})
"""
    lookers = [python(code, run.folder) for _ in range(3)]
    assert {looker.communicate()[0] for looker in lookers} == {b"{'lost'}\n"}


def test_a_process_that_waits_to_be_noticed_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = Process.of(child.pid)
    assert process.alive
    child.kill()
    deadline = time.monotonic() + 10
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
    assert not process.alive
    child.wait()
    assert not process.alive


def test_what_is_long_beyond_reason_is_cut(run: Run) -> None:
    long = "花" * 15_000_000
    run.append("failed", key="run.problem.no_run", fields={"folder": long}, more=[{long: [long] * 5}] * 5_000)
    run.append("said", key=long, fields={})
    run.write_log(f"begins {long} ends")
    events, log = run.folder / "events.jsonl", run.log
    assert events.stat().st_size < 200_000
    assert log.stat().st_size < 400_000
    assert run.events()[1]["fields"]["folder"].startswith("花花")
    assert run.newest() == run.events()[1]
    assert " ends\n" in log.read_text(encoding="utf-8")[-100:]


def test_stop_now_outranks_keep(run: Run) -> None:
    assert run.stop_asked() is None
    run.ask_stop("keep")
    assert run.stop_asked() == "keep"
    run.ask_stop("now")
    run.ask_stop("keep")
    assert run.stop_asked() == "now"


def test_the_log_is_for_people(run: Run) -> None:
    run.append("started")
    run.append("step", step=1, loss=0.5)
    run.append("epoch", epoch=1, epochs=3, train_loss=1.5, val_loss=1.0, val_accuracy=0.914, val_photos=375, best=True)
    run.append("failed", key="of.a.later.version", fields={"x": 1})
    said = [line.split("  ", 1)[1] for line in run.log.read_text(encoding="utf-8").splitlines()]
    assert said[1:] == [
        "Training.",
        "Epoch 1 of 3: loss 1.500; 91.4 % of 375 validation photos right, the best so far.",
        "Failed: of.a.later.version",
    ]


def test_nothing_here_needs_torch() -> None:
    code = "import resnet_demo.training.run; print('torch' in sys.modules, flush=True)"
    assert python(code).communicate()[0] == b"False\n"
