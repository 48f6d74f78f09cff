"""`app.py` as a person starts and ends it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.launched import ROOT, free_port, launched

pytestmark = pytest.mark.slow


def test_answers_and_leaves_nothing(tmp_path: Path) -> None:
    """Photos lie in a folder that nobody else may read, and are gone when the app has ended."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"x")
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path / "home")]
    with launched(command, TMPDIR=str(folder)) as url:
        [path] = httpx.post(f"{url}gradio_api/upload", files={"files": photo.read_bytes()}, trust_env=False).json()
        assert Path(path).read_bytes() == b"x"
        [private] = [child for child in folder.iterdir() if child in Path(path).parents]
        assert private.stat().st_mode & 0o777 == 0o700
    assert not private.exists()


def test_busy_port_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "app.py", "--no-browser", "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert port in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_is_in_the_language_of_the_terminal() -> None:
    ended = subprocess.run(
        [sys.executable, "app.py", "--help"],
        cwd=ROOT,
        env={"LANG": "zh_CN.UTF-8", "PATH": ""},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    for flag in ("--host", "--port", "--share", "--public", "--home", "--no-browser"):
        assert flag in ended.stdout
    assert "监听" in ended.stdout
