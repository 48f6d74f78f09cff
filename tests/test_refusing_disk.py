"""The command line where the data home cannot be written to, read or made: it works, or says why it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from resnet_demo.settings import Settings
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import facts_of
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.tiny import saved_tiny_model
from tests.training.small_runs import SMALL, draw_photos

pytestmark = pytest.mark.slow

# A superuser whom permissions bind like anybody else, as far as Linux can: without two of the capabilities, for good.
BOUND = """
import ctypes, os, sys
if sys.platform == "linux" and os.geteuid() == 0:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        assert ctypes.CDLL(None, use_errno=True).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""
COMMANDS = """
import contextlib, io, json, sys, traceback
if sys.argv[2] == "full":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # stands in for the full disk: each write breaks off
from resnet_demo.cli import main
told = []
for words in json.loads(sys.argv[1]):
    out, complaints = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
        try:
            code = main(words)
        except BaseException:
            code = traceback.format_exc()
    told.append([code, out.getvalue(), complaints.getvalue()])
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Place:
    """A folder with photos, a model, and a home with a finished run and a queued one."""

    folder: Path
    run: Run
    waiting: Run

    @property
    def home(self) -> Path:
        return self.folder / "home"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("place")
    settings = Settings(home=folder / "home")
    config = replace(SMALL, data=str(draw_photos(folder / "photos", 8)), epochs=1)
    run = Run.create(settings.home, config, facts_of(config, settings))
    torch.set_num_threads(1)
    train(run, settings)
    saved_tiny_model(folder / "model")
    return Place(folder, run, Run.create(settings.home, TrainConfig("/photos"), {}))


@contextmanager
def closed(home: Path) -> Iterator[None]:
    """Nothing below the home can be written to."""
    modes = {path: path.stat().st_mode for path in (home, *home.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def tried(*commands: list[object], home: Path, way: str = "") -> list[tuple[object, str, str]]:
    """Exit code or traceback, output and complaints of each command, all in one other process."""
    words = [["--home", str(home), *map(str, command)] for command in commands]
    environ = {**os.environ, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    environ.pop("LC_ALL", None)
    command = [sys.executable, "-c", BOUND, COMMANDS, json.dumps(words), way]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(one) for one in json.loads(done.stdout.splitlines()[-1])]


def as_it_is(home: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with its size and time."""
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in home.rglob("*")}


def reading(place: Place) -> list[list[object]]:
    """Commands that need to write nothing to the home."""
    photo = place.folder / "photos" / "red" / "000.png"
    return [
        ["classify", photo, "--model", place.folder / "model"],
        ["evaluate", place.run.artefacts.best, place.folder / "photos"],
        ["models"],
        ["summary", "resnet18"],
        ["runs"],
    ]


def changing(place: Place, name: str, waiting: str) -> list[list[object]]:
    """Commands that cannot do what they are asked to there."""
    return [
        ["runs", "delete", name],
        ["runs", "stop", waiting],
        ["runs", "resume", name, "--more-epochs", 1],
        ["runs", "resume", name, "--more-epochs", 1, "--foreground"],
        ["train", place.folder / "photos", "--variant", "cifar_resnet20", "--scratch"],
    ]


def require_refused(found: list[tuple[object, str, str]]) -> None:
    for code, _, complaints in found:
        assert code == 2, code
        assert len(complaints.strip().splitlines()) >= 1
        assert "Traceback" not in complaints


@pytest.mark.parametrize("way", ["closed", "full"])
def test_what_needs_no_writing_works(way: str, place: Place, tmp_path: Path) -> None:
    before = as_it_is(place.home)
    if way == "closed":
        with closed(place.home):
            found = tried(*reading(place), home=place.home)
    else:
        found = tried(*reading(place), home=place.home, way=way)
    assert [code for code, _, _ in found] == [0] * len(found), found
    assert "could not be recorded" in found[1][1]
    assert place.run.name in found[4][1]
    after = as_it_is(place.home)
    if way == "closed":
        assert after == before
    assert {name for name in after if "/runs/" in name} == {name for name in before if "/runs/" in name}


def test_what_needs_writing_is_refused_in_words(place: Place) -> None:
    before = as_it_is(place.home)
    with closed(place.home):
        found = tried(*changing(place, place.run.name, place.waiting.name), home=place.home)
    require_refused(found)
    assert all("cannot be written to" in complaints or "could not be" in complaints for _, _, complaints in found)
    assert as_it_is(place.home) == before


def test_a_full_disk_is_told_in_words(place: Place) -> None:
    commands = changing(place, place.run.name, place.waiting.name)[2:]
    require_refused(tried(*commands, home=place.home, way="full"))
    assert place.run.state() == "finished"


def test_a_home_that_cannot_be_made(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    found = tried(*reading(place), *changing(place, "a-run", "another"), home=home)
    assert [code for code, _, _ in found[:5]] == [0] * 5, found
    require_refused(found[5:])


def test_one_that_is_closed_to_its_owner_is_listed_and_can_be_deleted(tmp_path: Path) -> None:
    good, broken = (Run.create(tmp_path, TrainConfig("/photos"), {}) for _ in range(2))
    names = good.name, broken.name
    deep = broken.folder / "best" / "deeper"
    deep.mkdir(parents=True)
    (deep / "model").touch()
    deep.chmod(0)
    broken.folder.chmod(0)
    found = tried(["runs"], ["runs", "delete", names[1]], ["runs"], home=tmp_path)
    assert [code for code, _, _ in found] == [0, 0, 0], found
    assert f"{names[1]}  unreadable" in found[0][1]
    assert f"{names[0]}  queued" in found[0][1]
    assert names[1] not in found[2][1]
    assert not broken.folder.exists()
