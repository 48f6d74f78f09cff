"""Decompression bombs of hundreds of megabytes, sent to a public page by several visitors at once."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from resnet_demo.settings import MEGABYTE, find_settings
from tests.attack.conftest import App
from tests.data import bombs
from tests.data.drawn import jpeg
from tests.launched import NO_KEEPALIVE, free_port, launched

pytestmark = pytest.mark.attack
META = {"_type": "gradio.FileData"}
LIMIT = find_settings(["--public"], {}).max_decoding_bytes or 0
SPARE = 400 * MEGABYTE
"""What answering visitors takes beside their pictures: batches, answers, what the allocator keeps."""


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A public page, warm: its model has answered."""
    home = tmp_path_factory.mktemp("home")
    command = ["app.py", "--no-browser", "--public", "--port", str(free_port()), "--home", str(home)]
    with (
        launched(command) as url,
        httpx.Client(base_url=url, timeout=300, trust_env=False, limits=NO_KEEPALIVE) as client,
    ):
        app = App(url, client)
        assert "guesses" in str(classified(app, {f"{number}.jpg": jpeg(number) for number in range(6)}, home))
        yield app


def classified(app: App, files: dict[str, bytes], folder: Path) -> list[dict[str, Any]]:
    """What the page says of each photo that a visitor of their own brings."""
    place = folder / secrets.token_hex(4)
    place.mkdir()
    paths = []
    for name, data in files.items():
        (place / name).write_bytes(data)
        paths.append(place / name)
    given = [
        {"path": path, "orig_name": name, "meta": META}
        for path, name in zip(app.upload(*paths).json(), files, strict=True)
    ]
    outcome = app.call("classify", given, "flowers", 1, "crop")
    assert outcome["success"], outcome
    answers: list[dict[str, Any]] = outcome["output"]["data"][0]
    return answers


@contextmanager
def watched(app: App) -> Iterator[list[int]]:
    """By how many bytes the page's process has grown, looked at again and again; the first is 0."""
    port = app.url.rstrip("/").rpartition(":")[2]
    [server] = [child for child in psutil.Process(os.getpid()).children() if port in child.cmdline()]
    before, over = server.memory_info().rss, threading.Event()
    grown = [0]

    def look() -> None:
        while not over.wait(0.005):
            grown.append(server.memory_info().rss - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield grown
    finally:
        over.set()
        thread.join()


def test_refused_pictures_take_no_memory(public: App, tmp_path: Path) -> None:
    files = {f"{name}.jpg": make(10_000, 10_000) for name, make in bombs.FORMATS.items() if name != "BMP"}
    files |= {f"{number}.webp": bombs.webp(7_000, 7_000) for number in range(6)}
    with watched(public) as grown:
        answers = classified(public, files, tmp_path)
    assert all(answer["problem"] for answer in answers), answers
    assert max(grown) < SPARE


def test_pictures_that_are_allowed_are_decoded_within_one_bound(public: App, tmp_path: Path) -> None:
    """Three visitors with two pictures each that take nearly all of it, and a fourth who is answered beside them."""
    side = 5_500
    large = {f"{number}.webp": bombs.webp(side, side) for number in range(2)}
    assert LIMIT / 2 < 16 * side * side < LIMIT
    with watched(public) as grown, ThreadPoolExecutor(4) as pool:
        visitors = [pool.submit(classified, public, large, tmp_path) for _ in range(3)]
        beside = pool.submit(classified, public, {"small.jpg": jpeg(1)}, tmp_path)
        assert beside.result(300)[0]["guesses"]
        answers = [answer for visitor in visitors for answer in visitor.result(300)]
    assert all(answer["guesses"] for answer in answers)
    assert LIMIT / 4 < max(grown) < LIMIT + SPARE


def test_what_is_sent_as_a_webcams_picture_is_not_decoded_by_gradio(public: App, tmp_path: Path) -> None:
    (tmp_path / "a.tiff").write_bytes(bombs.tiff(12_000, 12_000))
    config = public.http.get("config").json()
    webcam = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "classify-webcam")
    number = next(one["id"] for one in config["dependencies"] if one["inputs"][-1:] == [webcam])
    [path] = public.upload(tmp_path / "a.tiff").json()
    picture = {"path": path, "orig_name": "a.tiff", "meta": META}
    with watched(public) as grown:
        body = {"data": ["en", None, picture], "fn_index": number, "session_hash": secrets.token_hex(8)}
        outcome = json.loads(public.queued(body).removeprefix("data:"))
    assert outcome["success"]
    assert max(grown) < 12_000 * 12_000
