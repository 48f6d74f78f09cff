"""Which hosts and origins the request filter accepts, setting by setting; tests/attack shows that an app obeys it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.settings import Settings
from resnet_demo.ui.security.request_filter import AllowedHosts, RefusedError, RequestFilter, UploadAllowance

LOCAL = Settings()
LAN = Settings(host="0.0.0.0", public=True)
SPACE = Settings(host="0.0.0.0", public=True, space_host="me-demo.hf.space")
SHARED = Settings(share=True, public=True)
PROXIED = Settings(names=("demo.example.org",))
NAMED = Settings(host="box.lan", public=True)


@pytest.mark.parametrize(
    ("settings", "host", "answers"),
    [
        (LOCAL, "127.0.0.1:7860", True),
        (LOCAL, "[::1]:7860", True),
        (LOCAL, "localhost", True),
        (LOCAL, "192.168.1.5:7860", False),
        (LOCAL, "evil.example", False),
        (LOCAL, "localhost.evil.example", False),
        (LOCAL, "", False),
        (LOCAL, "[", False),
        (LAN, "192.168.1.5:7860", True),
        (LAN, "[fe80::1]:7860", True),
        (LAN, f"{socket.gethostname()}:7860", True),
        (LAN, "evil.example", False),
        (NAMED, "BOX.lan:7860", True),
        (NAMED, "evil.example", False),
        (SPACE, "me-demo.hf.space", True),
        (SPACE, "10.0.0.7:7860", True),
        (SPACE, "evil.example", False),
        (SHARED, "abc123.gradio.live", True),
        (SHARED, "gradio.live.evil.example", False),
        (LOCAL, "abc123.gradio.live", False),
        (PROXIED, "demo.example.org", True),
        (PROXIED, "example.org", False),
    ],
)
def test_host(settings: Settings, host: str, answers: bool) -> None:
    assert AllowedHosts(settings).accepts_host(host) is answers


@pytest.mark.parametrize(
    ("settings", "origin", "host", "may"),
    [
        (LOCAL, None, "127.0.0.1:7860", True),
        (LOCAL, "http://127.0.0.1:7860", "127.0.0.1:7860", True),
        (LOCAL, "http://localhost:7860", "127.0.0.1:7860", False),
        (LOCAL, "http://127.0.0.1:8888", "127.0.0.1:7860", False),
        (LOCAL, "https://evil.example", "127.0.0.1:7860", False),
        (LOCAL, "null", "127.0.0.1:7860", False),
        (LOCAL, "", "127.0.0.1:7860", False),
        (LAN, "http://192.168.1.5:7860", "192.168.1.5:7860", True),
        (LAN, "https://evil.example", "192.168.1.5:7860", False),
        (SPACE, "https://me-demo.hf.space", "10.0.0.7:7860", True),
        (SPACE, "https://huggingface.co", "me-demo.hf.space", True),
        (SPACE, "https://evil.example", "me-demo.hf.space", False),
        (SPACE, "https://another-demo.hf.space", "me-demo.hf.space", False),
        (SHARED, "https://abc123.gradio.live", "127.0.0.1:7860", True),
        (PROXIED, "https://demo.example.org", "127.0.0.1:7860", True),
        (PROXIED, "https://evil.example", "demo.example.org", False),
    ],
)
def test_origin(settings: Settings, origin: str | None, host: str, may: bool) -> None:
    assert AllowedHosts(settings).accepts_origin(origin, host) is may


def test_allowance_comes_back() -> None:
    now = 1000.0
    allowance = UploadAllowance(Settings(max_stored_bytes=100, keep_seconds=60), lambda: now)
    allowance.take(60)
    allowance.take(40)
    with pytest.raises(RefusedError) as refused:
        allowance.take(1)
    assert (refused.value.status, refused.value.message.fields) == (429, {"minutes": 2})
    now += 60
    allowance.take(100)


def test_broken_off_uploads_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio forgets what a broken connection left in the folder; finished uploads lie one folder deeper and stay."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old, new, finished = tmp_path / "tmp-old", tmp_path / "tmp-new", tmp_path / "hash" / "a.png"
    finished.parent.mkdir()
    for file in (old, new, finished):
        file.touch()
    for file in (old, finished):
        os.utime(file, (time.time() - 120,) * 2)
    now = 0.0
    allowance = UploadAllowance(Settings(keep_seconds=60), lambda: now)
    now = 60.0
    allowance.check(1)
    assert [file.exists() for file in (old, new, finished)] == [False, True, True]


def test_websocket_and_lifespan() -> None:
    """The page needs no websocket, so that none is opened; the server's own start passes."""
    reached: list[str] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    def ask(scope: dict[str, Any]) -> None:
        asyncio.run(RequestFilter(app, LOCAL)(scope, receive, send))

    def websocket(host: bytes) -> dict[str, Any]:
        headers = [(b"host", host), (b"sec-websocket-key", b"x")]
        return {"type": "websocket", "path": "/ws", "headers": headers}

    ask({"type": "lifespan"})
    for host in (b"localhost:7860", b"evil.example"):
        ask(websocket(host))
        assert sent.pop() == {"type": "websocket.close", "code": 1008, "reason": ""}
    assert reached == ["lifespan"]
