"""Ended for want of memory, and told from every other end: by the kernel's own counters, in files and for real."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from resnet_demo.texts import LANGUAGES, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.event_text import event_text
from resnet_demo.training.memory_kills import BOOT, KillCount, go_first
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.memory_group import JOIN, memory_group

MiB = 2**20


def counting(folder: Path, group: int | None, machine: int | None) -> KillCount | None:
    """The count with these numbers in a group's file and in the machine's."""
    (folder / "proc").mkdir(exist_ok=True)
    (folder / "proc" / "cgroup").write_text("0::/app\n")
    if group is not None:
        (folder / "groups" / "app").mkdir(parents=True, exist_ok=True)
        (folder / "groups" / "app" / "memory.current").write_text("1\n")
        (folder / "groups" / "app" / "memory.events").write_text(f"low 0\noom 9\noom_kill {group}\n")
    if machine is not None:
        (folder / "vmstat").write_text(f"pgfault 12\noom_kill {machine}\n")
    return KillCount.here(folder / "proc", folder / "groups", folder / "vmstat")


def test_the_own_group_counts_before_the_machine(tmp_path: Path) -> None:
    before = counting(tmp_path, group=3, machine=7)
    assert before is not None
    assert (before.file, before.number) == (str(tmp_path / "groups" / "app" / "memory.events"), 3)
    where = tmp_path / "groups", tmp_path / "vmstat"
    counting(tmp_path, group=3, machine=8)  # somebody else's
    assert not before.has_risen(*where)
    counting(tmp_path, group=4, machine=9)
    assert before.has_risen(*where)
    assert not KillCount(before.file, before.number, "another boot").has_risen(*where)
    assert not before.has_risen()  # a file elsewhere is none of the kernel's


def test_without_a_group_the_machine_counts(tmp_path: Path) -> None:
    assert counting(tmp_path, group=None, machine=None) is None
    before = counting(tmp_path, group=None, machine=7)
    assert before is not None
    counting(tmp_path, group=None, machine=8)
    assert before.has_risen(tmp_path / "groups", tmp_path / "vmstat")
    (tmp_path / "vmstat").unlink()
    assert not before.has_risen(tmp_path / "groups", tmp_path / "vmstat")


def test_a_count_comes_back_from_an_event() -> None:
    count = KillCount("/proc/vmstat", 3, "boot")
    assert KillCount.from_event(json.loads(json.dumps({"memory_kills": asdict(count)}))) == count
    for told in (None, [], {}, {"file": 1, "number": 1, "boot": ""}, {"file": "/x", "number": True, "boot": ""}):
        assert KillCount.from_event({"memory_kills": told}) is None


def test_a_worker_goes_before_others(tmp_path: Path) -> None:
    file = tmp_path / "oom_score_adj"
    for before, after in (("0\n", "1000"), ("-17", "1000"), ("1000\n", "1000\n"), ("", "")):
        file.write_text(before)
        go_first(file)
        assert file.read_text() == after
    go_first(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


TAKE = (
    JOIN
    + """
import json
from dataclasses import asdict
from resnet_demo.training.memory_kills import KillCount
print(json.dumps({"memory_kills": asdict(KillCount.here())}), flush=True)
"""
)


@pytest.mark.parametrize(
    ("end", "for_memory"),
    [
        ("held = bytearray(400 * 2**20); held[::4096] = b'x' * len(held[::4096])", True),
        ("import signal; os.kill(os.getpid(), signal.SIGKILL)", False),
    ],
    ids=["the kernel", "a person"],
)
def test_the_kernels_kill_is_told_from_a_persons(end: str, for_memory: bool) -> None:
    with memory_group(200 * MiB) as group:
        command = [sys.executable, "-c", TAKE + end, str(group)]
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        count = KillCount.from_event(json.loads(ended.stdout))
        assert ended.returncode == -signal.SIGKILL
        assert count is not None
        assert count.has_risen() is for_memory


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, TrainConfig(data="/photos"), {})


def lost(run: Run, kills: int) -> None:
    """The run's worker is gone without a word; the machine's counter stood at `kills` when it was launched."""
    boot = BOOT.read_text().strip()
    count = {"file": "/proc/vmstat", "number": kills, "boot": boot}
    run.events.append("launched", **asdict(Process(2**30, 0.0)), memory_kills=count)
    assert run.state() == "lost"


@pytest.mark.skipif(not BOOT.exists() or "oom_kill" not in Path("/proc/vmstat").read_text(), reason="Linux counts")
def test_who_finds_a_run_lost_notes_whether_memory_had_run_out(run: Run) -> None:
    lost(run, kills=-1)  # so the counter has risen since
    run.note_kill()
    run.note_kill()
    assert [event for event in run.events.all() if event["kind"] == "killed"] == [
        {"t": run.events.all()[-1]["t"], "kind": "killed", "memory": True, "sure": False}
    ]
    assert run.state() == "lost"
    assert run.events.memory_kills == 1
    for language in LANGUAGES:
        assert event_text(run.events.all()[-1], language) == text("run.event.killed_perhaps", language)
    run.queue_again()
    lost(run, kills=2**40)  # and has not
    run.note_kill()
    assert run.events.all()[-1]["memory"] is False
    assert event_text(run.events.all()[-1], "en") is None
    assert run.events.memory_kills == 1


def test_what_ended_otherwise_is_not_asked_about(run: Run) -> None:
    run.note_kill()
    assert run.state() == "queued"
    lost(run, kills=-1)
    run.worker.ask_stop("now")  # a person has ended it
    run.note_kill()
    run.events.append("stopped", how="now")
    run.note_kill()
    assert run.events.memory_kills == 0
