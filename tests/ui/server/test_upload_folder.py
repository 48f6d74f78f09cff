"""What a killed server leaves of its visitors' uploads goes at the next start; what runs, or is not ours, stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from resnet_demo.ui.server.upload_folder import LOCK, PREFIX, UPLOADS
from tests.attack.conftest import App
from tests.launched import NO_KEEPALIVE, ROOT, free_port, launched
from tests.tiny import photos

SECONDS = 60
OWNER = """
import time
from resnet_demo.ui.server.upload_folder import upload_folder
with upload_folder() as uploads:
    (uploads / "photo.jpg").write_bytes(b"a visitor's")
    print(uploads, flush=True)
    time.sleep(600)
"""


def environ(temporary: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}


@contextmanager
def owner(temporary: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """The uploads of a process that lives, and what kills it as the kernel does when memory runs out."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=ROOT, env=environ(temporary), stdout=subprocess.PIPE, text=True
    )

    def kill() -> None:
        process.kill()
        process.wait(SECONDS)

    assert process.stdout is not None
    try:
        yield Path(process.stdout.readline().strip()), kill
    finally:
        kill()
        process.stdout.close()


def sweep(temporary: Path) -> None:
    """In a process of its own, as at a start."""
    code = "from resnet_demo.ui.server.upload_folder import sweep; sweep()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ(temporary), check=True, timeout=SECONDS)


def test_the_dead_ones_folder_goes_and_the_living_ones_stays(tmp_path: Path) -> None:
    with owner(tmp_path) as (dead, kill), owner(tmp_path) as (alive, _):
        sweep(tmp_path)
        assert (dead / "photo.jpg").is_file()
        kill()
        sweep(tmp_path)
        assert not dead.parent.exists()
        assert (alive / "photo.jpg").is_file()
        assert list(tmp_path.iterdir()) == [alive.parent]


def test_what_else_is_called_so_stays(tmp_path: Path) -> None:
    """A server that is about to start, one whose lock was cleared away, a link, a file."""
    starting, unknown, elsewhere = tmp_path / f"{PREFIX}starting", tmp_path / f"{PREFIX}unknown", tmp_path / "elsewhere"
    starting.mkdir()
    (starting / LOCK).touch()
    (unknown / UPLOADS).mkdir(parents=True)
    (elsewhere / UPLOADS).mkdir(parents=True)
    (elsewhere / LOCK).touch()
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    (tmp_path / f"{PREFIX}file").touch()
    linked = tmp_path / f"{PREFIX}linked"
    (linked / UPLOADS).mkdir(parents=True)
    (linked / LOCK).symlink_to(elsewhere / LOCK)
    before = set(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert set(tmp_path.rglob("*")) == before


def test_links_inside_lead_nowhere(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "keep.txt").touch()
    with owner(tmp_path) as (dead, kill):
        (dead / "link").symlink_to(mine)
        kill()
        sweep(tmp_path)
        assert not dead.exists()
    assert (mine / "keep.txt").is_file()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs to give files to another user")
def test_another_users_folder_stays(tmp_path: Path) -> None:
    with owner(tmp_path) as (dead, kill):
        kill()
        os.chown(dead.parent, 65534, 65534)
        sweep(tmp_path)
        assert (dead / "photo.jpg").is_file()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_page(tmp_path: Path) -> None:
    """The promise of the page: what its visitors sent goes, also where it was killed and started again."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def command() -> list[str]:
        return ["app.py", "--no-browser", "--public", "--port", str(free_port()), "--home", str(tmp_path / "home")]

    first = subprocess.Popen(
        [sys.executable, *command()], cwd=ROOT, env=environ(temporary), stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    try:
        url = next(found[0] for line in first.stdout if (found := re.search(r"http://\S+", line)))
        with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False, limits=NO_KEEPALIVE) as client:
            [sent] = map(Path, App(url, client).upload(*photos(tmp_path, 1)).json())
        assert sent.is_relative_to(temporary)
    finally:
        first.kill()
        first.wait(SECONDS)
        first.stdout.close()
    assert sent.is_file()
    with launched(command(), TMPDIR=str(temporary)):
        deadline = time.monotonic() + SECONDS
        while len(list(temporary.glob(f"{PREFIX}*"))) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not sent.exists()
        [running] = temporary.glob(f"{PREFIX}*")
        assert (running / UPLOADS).is_dir()
