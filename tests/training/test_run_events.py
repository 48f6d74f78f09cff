"""The events of a run: what is written is read back, whatever its writer was killed in."""

from __future__ import annotations

import json
import time

import pytest

from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from tests.training.other_processes import python


def test_events_come_back_in_order(run: Run) -> None:
    before = time.time()
    run.events.append("step", step=1, loss=float("nan"), lr=0.5, name="花\n\u2028")
    run.events.append("said", key="run.event.started", fields={})
    kinds = [event["kind"] for event in run.events.all()]
    assert kinds == ["queued", "step", "said"]
    step = run.events.all()[1]
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
    assert [event["kind"] for event in run.events.all()] == ["queued"]
    assert run.state() == "queued"
    run.events.append("finished")
    assert [event["kind"] for event in run.events.all()] == ["queued", "finished"]
    assert run.state() == "finished"


def test_a_reader_that_follows_sees_each_event_once(run: Run) -> None:
    seen, offset = run.events.since(0)
    line = b'{"t": 1, "kind": "epoch", "epoch": 1}\n'
    for byte in line:
        with (run.folder / "events.jsonl").open("ab") as file:
            file.write(bytes([byte]))
        events, offset = run.events.since(offset)
        seen += events
    assert [event["kind"] for event in seen] == ["queued", "epoch"]
    assert run.events.since(offset) == ([], offset)


def test_several_processes_append_whole_lines(run: Run) -> None:
    code = """
from resnet_demo.training.run import Run
for number in range(200):
    Run(Path(sys.argv[1])).events.append("step", who=int(sys.argv[2]), number=number, filler="x" * (number * 37 % 5000))
"""
    writers = [python(code, run.folder, who) for who in range(3)]
    assert [writer.communicate()[0] for writer in writers] == [b"", b"", b""]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    steps = [event for event in run.events.all() if event["kind"] == "step"]
    for who in range(3):
        assert [event["number"] for event in steps if event["who"] == who] == list(range(200))


def test_the_newest_event_is_found_in_a_long_file(run: Run) -> None:
    run.events.append("launched", pid=1, born=2.0)
    for step in range(3000):
        run.events.append("step", step=step, filler="花" * 20)
    assert run.events.newest()["step"] == 2999  # type: ignore[index]
    assert run.events.launched_process == Process(1, 2.0)
    assert run.events.newest("finished") is None


def test_what_is_long_beyond_reason_is_cut(run: Run) -> None:
    long = "花" * 15_000_000
    run.events.append("failed", key="run.problem.no_run", fields={"folder": long}, more=[{long: [long] * 5}] * 5_000)
    run.events.append("said", key=long, fields={})
    run.log.write(f"begins {long} ends")
    events, log = run.folder / "events.jsonl", run.log.path
    assert events.stat().st_size < 200_000
    assert log.stat().st_size < 400_000
    assert run.events.all()[1]["fields"]["folder"].startswith("花花")
    assert run.events.newest() == run.events.all()[1]
    assert " ends\n" in log.read_text(encoding="utf-8")[-100:]
