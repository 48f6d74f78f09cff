"""Launched apps, and a client that talks to them as any visitor may."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from resnet_demo.settings import MEGABYTE
from tests.launched import NO_KEEPALIVE, free_port, launched

META = {"_type": "gradio.FileData"}
LIMITS = {
    "max_upload_bytes": MEGABYTE,
    "max_request_bytes": 3 * MEGABYTE,
    "max_stored_bytes": 400 * MEGABYTE,
    "max_photos": 20,
}


@dataclass(frozen=True)
class App:
    """A launched app's address, and a client for it."""

    url: str
    http: httpx.Client

    def functions(self) -> dict[str, int]:
        """The numbers of named endpoints."""
        listed = self.http.get("config").json()["dependencies"]
        return {function["api_name"]: function["id"] for function in listed}

    def upload(self, *files: Path, **options: Any) -> httpx.Response:
        """Send files as a browser does."""
        parts = [("files", (file.name, file.read_bytes())) for file in files]
        return self.http.post("gradio_api/upload", files=parts, **options)

    def call(self, name: str, *data: object) -> dict[str, Any]:
        """What a named endpoint gives: `success`, and an `output` with `data` or `error`."""
        functions = self.http.get("config").json()["dependencies"]
        number = next(function["id"] for function in functions if function["api_name"] == name)
        line = self.queued({"data": list(data), "fn_index": number, "session_hash": secrets.token_hex(8)})
        outcome: dict[str, Any] = json.loads(line.removeprefix("data:"))
        return outcome

    def queued(self, body: dict[str, Any]) -> str:
        """The last message of a call through the queue, as the page makes it."""
        assert self.http.post("gradio_api/queue/join", json=body).status_code == 200
        with self.http.stream("GET", f"gradio_api/queue/data?session_hash={body['session_hash']}") as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and json.loads(line[5:])["msg"] == "process_completed":
                    return line
        raise AssertionError("the queue gave no answer")


@contextmanager
def small_app(uploads: Path, **settings: int) -> Iterator[App]:
    """tests/attack/small_app.py, launched with these settings and this folder of uploads."""
    command = ["-m", "tests.attack.small_app", json.dumps({"port": free_port(), **settings})]
    with launched(command, GRADIO_TEMP_DIR=str(uploads)) as url, client_of(url) as client:
        yield App(url, client)


@pytest.fixture(scope="package")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that uploads to the small app go to."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="package")
def app(uploads: Path) -> Iterator[App]:
    """The small app."""
    with small_app(uploads, **LIMITS) as app:
        yield app


@pytest.fixture(scope="package")
def real_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The page that visitors get."""
    home = tmp_path_factory.mktemp("home")
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command) as url, client_of(url) as client:
        yield App(url, client)


@pytest.fixture(scope="package")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of this machine's owner that nobody uploaded."""
    path = tmp_path_factory.mktemp("private") / "secret.png"
    Image.new("RGB", (37, 41), "red").save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A visitor's own picture."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (23, 29), "blue").save(path)
    return path


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, trust_env=False, limits=NO_KEEPALIVE)
