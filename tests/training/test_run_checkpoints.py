"""Checkpoints of a run are whole, however full the disk is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from tests.damage import flip_in_the_midst
from tests.training.other_processes import python


def test_two_checkpoints_are_kept_and_the_newest_counts(run: Run) -> None:
    for step in (5, 90, 100):
        with run.checkpoints.write(step) as folder:
            (folder / "deeper").mkdir()
            (folder / "deeper" / "network").write_text(str(step))
    assert sorted(path.name for path in run.folder.glob("last-*")) == ["last-100", "last-90"]
    newest = run.checkpoints.newest()
    assert newest == run.folder / "last-100"
    assert (newest / "deeper" / "network").read_text() == "100"
    with run.checkpoints.write(100) as folder:
        (folder / "again").touch()
    assert (run.folder / "last-100" / "again").exists()


def test_a_checkpoint_that_is_not_whole_does_not_count(run: Run) -> None:
    for step in (1, 2):
        with run.checkpoints.write(step) as folder:
            (folder / "network").write_bytes(b"x" * 1000)
    with pytest.raises(ZeroDivisionError), run.checkpoints.write(3) as folder:
        (folder / "network").write_bytes(bytes(1 // 0))
    assert run.checkpoints.newest() == run.folder / "last-2"
    (run.folder / "last-2" / "network").write_bytes(b"x" * 999)  # copied in half
    assert run.checkpoints.newest() == run.folder / "last-1"
    (run.folder / "last-1" / "complete.json").unlink()
    assert run.checkpoints.newest() is None
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]


def test_a_damaged_checkpoint_goes_once_a_later_training_has_written_one(run: Run) -> None:
    """Not before: whoever damaged it may bring it back. And it never takes the place of a whole one."""
    for step in (80, 90):
        with run.checkpoints.write(step) as folder:
            (folder / "network").write_bytes(b"x" * 1000)
    flip_in_the_midst(run.checkpoints.at(90) / "network")
    assert run.checkpoints.newest() == run.checkpoints.at(80)
    assert run.checkpoints.steps() == [90, 80]
    with run.checkpoints.write(85) as folder:
        (folder / "network").write_bytes(b"y" * 1000)
    assert run.checkpoints.steps() == [85, 80]


def test_a_disk_without_room_is_a_sentence_and_the_last_checkpoint_stands(run: Run) -> None:
    """The system's limit on a file's size stands in for the full disk: the write breaks off in the same way."""
    code = """
import resource
import numpy, safetensors.numpy
from resnet_demo.texts import AppError
from resnet_demo.training.run import Run
run = Run(Path(sys.argv[1]))
for step, size in enumerate((1000, 1_000_000)):
    try:
        with run.checkpoints.write(step) as folder:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            if sys.argv[2] == "plain":
                (folder / "network").write_bytes(bytes(size))
            else:
                safetensors.numpy.save_file({"x": numpy.zeros(size, numpy.uint8)}, folder / "network")
    except AppError as error:
        run.events.append("failed", key=error.message.key, fields=dict(error.message.fields))
"""
    for how in ("plain", "safetensors"):
        writer = python(code, run.folder, how)
        writer.communicate()
        assert writer.returncode == 0
        assert run.checkpoints.newest() == run.folder / "last-0"
        newest = run.events.newest()
        assert newest is not None
        assert newest["key"] == "run.problem.not_written"
        assert run.state() == "failed"
        assert [path.name for path in run.folder.glob(".*")] == []
    assert "could not be written to" in run.log.path.read_text(encoding="utf-8")


def test_a_full_disk(tmp_path: Path) -> None:
    """A real one, two megabytes small."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount") or "mount"
    try:
        subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only the superuser of a Linux machine may mount a small disk")
    try:
        run = Run.create(disk, TrainConfig(data="/photos"), {})
        with run.checkpoints.write(1) as folder:
            (folder / "network").write_bytes(bytes(1_000_000))
        with pytest.raises(AppError, match="No space left"), run.checkpoints.write(2) as folder:
            (folder / "network").write_bytes(bytes(3_000_000))
        run.events.append("failed", key="run.problem.busy", fields={"name": run.name})
        assert run.checkpoints.newest() == run.folder / "last-1"
        assert run.state() == "failed"
        (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
        with pytest.raises(AppError, match="0 MB are free"):
            run.events.append("step", filler="x" * 5000)
        (disk / "filler").unlink()
        run.events.append("finished")
        assert run.state() == "finished"
    finally:
        subprocess.run([shutil.which("umount") or "umount", disk], check=True)
