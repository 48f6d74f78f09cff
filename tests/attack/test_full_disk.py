"""Uploads, and what is made of them, go to a disk that is full: people get a sentence; with room again, all works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resnet_demo.texts import text
from resnet_demo.ui.errors import VisitorError, visitor_errors
from resnet_demo.ui.visitor_context import speaking
from tests.attack.conftest import App, client_of
from tests.launched import free_port, launched
from tests.tiny import photos, saved_tiny_model

pytestmark = pytest.mark.attack

APART = ["unshare", "--map-root-user", "--mount"]
META = {"_type": "gradio.FileData"}


def beginning(key: str, language: str) -> str:
    """Of a sentence, up to its first gap."""
    return text(key, language, folder="{", free=0).partition("{")[0]


FULL = {language: beginning("dataset_storage.problem.disk_full", language) for language in ("en", "zh-CN")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    if sys.platform != "linux" or subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs to mount a disk of its own (Linux, unshare)")
    disk, home = (tmp_path_factory.mktemp(name) for name in ("disk", "home"))
    inside = [sys.executable, "-m", "tests.attack.full_disk_app", str(disk), "--no-browser", "--home", str(home)]
    command = [*APART, *inside, "--port", str(free_port())]
    with launched(["-c", f"import os; os.execvp({command[0]!r}, {command!r})"]) as url, client_of(url) as client:
        yield App(url, client)


def upload(page: App, *sizes: int, language: str = "en") -> httpx.Response:
    """Send bytes that nobody else sends, as many files as there are sizes."""
    files = [("files", (f"{number}.jpg", os.urandom(size))) for number, size in enumerate(sizes)]
    return page.http.post("gradio_api/upload", files=files, headers={"accept-language": language})


def handled(page: App, name: str, session: str, *data: Any) -> dict[str, Any]:
    functions = {one["api_name"]: one["id"] for one in page.http.get("config").json()["dependencies"]}
    said = page.queued({"data": list(data), "fn_index": functions[name], "session_hash": session})
    output: dict[str, Any] = json.loads(said.removeprefix("data:"))["output"]
    return output


@pytest.mark.parametrize("language", FULL)
def test_an_upload_that_does_not_fit_is_answered_with_a_sentence(page: App, language: str) -> None:
    """Of one that broke off nothing is left, so that the next one finds the room."""
    for _ in range(3):
        answer = upload(page, 300_000, 2_000_000, language=language)
        assert answer.status_code == 507
        assert answer.text.startswith(FULL[language])
        assert answer.headers["content-security-policy"]
    assert upload(page, 400_000).status_code == 200


def test_several_photos_whose_thumbnails_find_no_room(page: App, model: Path, tmp_path: Path) -> None:
    sent = page.upload(*photos(tmp_path, 3)).json()
    dropped = [{"rel": "a.jpg", "file": {"path": path, "meta": META}} for path in sent]
    for size in (100_000, 10_000, 4_000, 1):  # until nothing fits any more
        while upload(page, size).status_code == 200:
            pass
    for language, full in FULL.items():
        handled(page, "take_drop", language, language, None, dropped)
        output = handled(page, "run", language, language, None, None, str(model), "crop", [], False, None, "")
        assert full in json.dumps(output, ensure_ascii=False), output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("language", FULL)
def test_a_handler_that_meets_a_full_disk_says_so(language: str) -> None:
    with (
        pytest.raises(VisitorError) as caught,
        speaking(language),
        visitor_errors(),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"x")
    assert caught.value.said.startswith(FULL[language])
