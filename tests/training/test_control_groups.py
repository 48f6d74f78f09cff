"""Memory control groups, as the kernel lays out their files in both versions; and what a process may take of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from resnet_demo.training.control_groups import groups
from resnet_demo.training.free_memory import free_bytes, total_bytes
from tests.conftest import ROOT
from tests.memory_group import JOIN, memory_group

MiB = 2**20


def write(folder: Path, **files: object) -> None:
    """Files `memory.NAME`, a line each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in files.items():
        (folder / f"memory.{name}").write_text(f"{held}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    return tmp_path / "proc"


def test_version_2_with_the_groups_above(tmp_path: Path, proc: Path) -> None:
    (proc / "cgroup").write_text("0::/user.slice/app.service\n")
    top = tmp_path / "cgroup"
    write(top)  # the top has no limit and no files
    write(top / "user.slice", max=100 * MiB, current=90 * MiB, stat="inactive_file 0")
    app = top / "user.slice" / "app.service"
    write(app, max="max", current=40 * MiB, stat=f"anon 7\ninactive_file {8 * MiB}")
    found = groups(proc, top)
    assert [group.folder for group in found] == [app, top / "user.slice"]
    assert [group.limit for group in found] == [None, 100 * MiB]
    assert [group.free for group in found] == [None, 10 * MiB]
    assert found[0].kills_file == app / "memory.events"
    assert free_bytes(found) == min(10 * MiB, psutil.virtual_memory().available)
    assert total_bytes(found) == 100 * MiB


def test_version_1_in_a_container_whose_path_is_the_hosts(tmp_path: Path, proc: Path) -> None:
    (proc / "cgroup").write_text("5:cpu,cpuacct:/docker/1f\n4:memory:/docker/1f\n0::/\n")
    top = tmp_path / "cgroup" / "memory"
    write(
        top,
        limit_in_bytes=64 * MiB,
        usage_in_bytes=60 * MiB,
        stat=f"inactive_file 1\ntotal_inactive_file {20 * MiB}",
    )
    (only,) = groups(proc, tmp_path / "cgroup")
    assert only.limit == 64 * MiB
    assert only.free == 24 * MiB
    assert only.kills_file == top / "memory.oom_control"


def test_what_the_limit_has_fallen_below_leaves_nothing(tmp_path: Path, proc: Path) -> None:
    (proc / "cgroup").write_text("0::/\n")
    write(tmp_path / "cgroup", max=10 * MiB, current=30 * MiB)
    assert [group.free for group in groups(proc, tmp_path / "cgroup")] == [0]


@pytest.mark.parametrize("said", [None, "", "no such lines", "4:memory:/../../etc\n", "0::/gone\n"])
def test_without_groups_the_machine_counts(tmp_path: Path, proc: Path, said: str | None) -> None:
    if said is not None:
        (proc / "cgroup").write_text(said)
    assert groups(proc, tmp_path / "cgroup") == []
    assert total_bytes([]) == psutil.virtual_memory().total


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_limit_on_addresses_counts() -> None:
    code = """
import resource
from resnet_demo.training.free_memory import free_bytes, total_bytes
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
print(free_bytes([]), total_bytes([]))
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    free, total = map(int, said.split())
    assert 0 < free < total <= 2**31


def test_the_kernels_own_group() -> None:
    """A process in a group of 300 MiB that has touched 100 MiB may take less than 200."""
    code = JOIN + (
        "from resnet_demo.training.free_memory import free_bytes, total_bytes\n"
        "held = bytearray(100 * 2**20); held[::4096] = b'x' * len(held[::4096])\n"
        "print(free_bytes(), total_bytes())"
    )
    with memory_group(300 * MiB) as group:
        command = [sys.executable, "-c", code, str(group)]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    free, total = map(int, said.split())
    assert total == 300 * MiB
    assert 50 * MiB < free < 200 * MiB
