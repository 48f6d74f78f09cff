"""`app.py` as a person starts and ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.attack.conftest import App
from tests.launched import NO_KEEPALIVE, ROOT, free_port, launched
from tests.tiny import photos, saved_tiny_model

pytestmark = pytest.mark.slow


def test_answers_and_leaves_nothing(tmp_path: Path) -> None:
    """Photos and what was made of them lie where nobody else may read or list them, and go when the app ends."""
    model = tmp_path / "model"
    saved_tiny_model(model)
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path / "home")]
    with launched(command, TMPDIR=str(folder)) as url:
        app = App(url, httpx.Client(base_url=url, timeout=60, trust_env=False, limits=NO_KEEPALIVE))
        sent = app.upload(*photos(tmp_path / "photos", 3)).json()
        dropped = [{"rel": "a.jpg", "file": {"path": path, "meta": {"_type": "gradio.FileData"}}} for path in sent]
        functions = {one["api_name"]: one["id"] for one in app.http.get("config").json()["dependencies"]}
        for name, data in (
            ("take_drop", ["en", None, dropped]),
            ("run", ["en", None, None, str(model), "crop", [], False, None, ""]),
        ):
            app.queued({"data": data, "fn_index": functions[name], "session_hash": "visitor"})
        [private] = [child for child in folder.iterdir() if child.name.startswith("resnet-demo-")]
        assert private.stat().st_mode & 0o777 == 0o700
        [table] = private.glob("uploads/*/photos.csv")
        thumbnails = sorted(table.parent.glob("[0-9].jpg"))
        assert len(thumbnails) == 3
        assert app.http.get(f"gradio_api/file={thumbnails[0]}").content == thumbnails[0].read_bytes()
        for listed in (table.parent, private / "uploads", private, private / "server.lock"):
            assert app.http.get(f"gradio_api/file={listed}").status_code in {403, 404}
        app.http.close()
    assert list(folder.glob("resnet*")) == []


def test_ended_while_starting_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path / "home")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("resnet-demo-*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert list(tmp_path.glob("resnet-demo-*")) == []


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
