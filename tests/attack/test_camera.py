"""Frames that no camera took, sent to the page as anybody may: an answer in words or none, and nothing kept."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.components.camera_frames import MOST_WAITING
from resnet_demo.ui.security.request_filter import MAX_JSON_BYTES
from resnet_demo.ui.tabs.finetune.recorded_frames import MOST_CLASSES, MOST_FRAMES
from resnet_demo.ui.tabs.finetune.webcam_step import FRAMES as RECORDED
from resnet_demo.ui.tabs.look_inside.live_camera import FRAMES
from tests.attack.conftest import App
from tests.launched import NO_KEEPALIVE, free_port, launched
from tests.shelf import run_with_model
from tests.ui.tabs.look_inside.test_camera_frames import as_sent, noise

pytestmark = pytest.mark.attack
WHOLE = as_sent(noise(), quality=90)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app keeps what it is sent."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Iterator[App]:
    """An app whose only model of its own is small, on a public page."""
    home = tmp_path_factory.mktemp("home")
    run_with_model(Settings(home=home))
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with (
        launched(command, TMPDIR=str(files), OMP_NUM_THREADS="1") as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False, limits=NO_KEEPALIVE) as client,
    ):
        yield App(url, client)


def opened(page: App, elem_id: str, *choices: object) -> Any:
    """What the page answers as a camera is turned on: by screen, the outputs' values."""
    config = page.http.get("config").json()
    screen = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == elem_id)
    number = next(one["id"] for one in config["dependencies"] if [screen, "open"] in one["targets"])
    body = {
        "data": ["en", None, None, *choices],
        "fn_index": number,
        "session_hash": secrets.token_hex(8),
        "event_data": {},
    }
    return json.loads(page.queued(body).removeprefix("data:"))["output"]["data"]


@pytest.fixture(scope="module")
def ticket(page: App) -> str:
    """That of a camera that is on."""
    found: str = opened(page, "camera", "flowers")[2]["ticket"]
    return found


@pytest.fixture(scope="module")
def recorder(page: App) -> str:
    """The ticket of a webcam that records classes."""
    [found] = {one["props"]["answer"]["ticket"] for one in opened(page, "webcam") if one and "answer" in one["props"]}
    return str(found)


def send(page: App, *data: object, **headers: str) -> httpx.Response:
    return page.http.post(f"gradio_api/run/{FRAMES}", json={"data": list(data)}, headers=headers)


def answer(page: App, *data: object) -> Any:
    response = send(page, *data)
    assert response.status_code == 200
    [found] = response.json()["data"]
    return found


def kept(files: Path) -> set[Path]:
    return {path for path in files.rglob("*") if path.is_file()}


def test_frames_leave_no_files(page: App, ticket: str, files: Path) -> None:
    before = kept(files)
    for _ in range(20):
        assert answer(page, ticket, WHOLE)["state"] == "result"
    assert kept(files) == before


@pytest.mark.parametrize(
    "sent",
    [
        *(None, 7, [], {}, "", "data:image/jpeg;base64,AAAA", "file:///etc/passwd", WHOLE[:200], "x" * 10_000_000),
        [WHOLE] * 3,
    ],
    ids=lambda sent: repr(sent)[:20],
)
def test_what_is_no_frame(page: App, ticket: str, files: Path, sent: object) -> None:
    before = kept(files)
    assert answer(page, ticket, sent) == {"state": "failed", "said": text("camera.problem.frame")}
    assert answer(page, ticket, WHOLE)["state"] == "result"
    assert kept(files) == before


@pytest.mark.parametrize(
    "sent", [{"path": "/etc/passwd"}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]
)
def test_a_file_of_this_machine(page: App, ticket: str, sent: object) -> None:
    response = send(page, ticket, sent)
    assert response.status_code == 500
    assert "root:" not in response.text
    assert answer(page, ticket, WHOLE)["state"] == "result"


@pytest.mark.parametrize("guessed", [None, 7, [], {}, "", "x", "' or 1=1"])
def test_what_is_no_ticket(page: App, guessed: object) -> None:
    assert answer(page, guessed, WHOLE) == {"state": "void"}


def test_too_much_and_from_elsewhere(page: App, ticket: str) -> None:
    assert send(page, ticket, "x" * (MAX_JSON_BYTES + 1)).status_code == 413
    assert send(page, ticket, WHOLE, Origin="https://evil.example").status_code == 403
    assert send(page, ticket, WHOLE, Host="evil.example").status_code == 421


def test_a_flood_is_dropped(page: App, ticket: str) -> None:
    """Whoever sends many at once has one looked at, and the page goes on."""
    with ThreadPoolExecutor(2 * MOST_WAITING) as pool:
        states = [found["state"] for found in pool.map(lambda _: answer(page, ticket, WHOLE), range(4 * MOST_WAITING))]
    assert set(states) <= {"result", "dropped"}
    assert "result" in states
    assert "dropped" in states
    assert page.http.get("config").status_code == 200
    assert answer(page, ticket, WHOLE)["state"] == "result"


def record(page: App, recorder: object, task: object, sent: object = WHOLE) -> Any:
    response = page.http.post(f"gradio_api/run/{RECORDED}", json={"data": [recorder, task, sent]})
    assert response.status_code == 200
    [found] = response.json()["data"]
    return found


FRAME = {"act": "record", "class": 1, "recording": 1}


@pytest.mark.parametrize(
    ("task", "sent", "key"),
    [
        (FRAME, "data:image/jpeg;base64,AAAA", "camera.problem.frame"),
        (FRAME, "x" * 10_000_000, "camera.problem.frame"),
        (FRAME, ["/etc/passwd"], "camera.problem.frame"),
        ({**FRAME, "class": 10**9}, WHOLE, "file_access.problem.payload"),
        ({**FRAME, "class": True}, WHOLE, "file_access.problem.payload"),
        ({**FRAME, "recording": "../1"}, WHOLE, "file_access.problem.payload"),
        ({"act": "forget", "frames": "all"}, "", "file_access.problem.payload"),
        ({"act": "forget", "frames": [1] * 2_000}, "", "file_access.problem.payload"),
        ({"act": "train"}, "", "file_access.problem.payload"),
        ([], "", "file_access.problem.payload"),
        (None, "", "file_access.problem.payload"),
        ({"act": "name"}, WHOLE, "webcam.problem.untrained"),
    ],
)
def test_what_is_no_recorded_frame(page: App, recorder: str, files: Path, task: object, sent: object, key: str) -> None:
    before = kept(files)
    assert record(page, recorder, task, sent) == {"state": "failed", "said": text(key)}
    assert record(page, recorder, {**FRAME, "class": 2})["state"] == "recorded"
    assert kept(files) == before


def test_no_more_is_recorded_than_fits(page: App, recorder: str, files: Path) -> None:
    """Of one class, and of classes; what is forgotten makes room."""
    before, states = kept(files), []
    numbers = []
    for _ in range(MOST_FRAMES + 1):
        found = record(page, recorder, {**FRAME, "class": 9})
        states.append(found["state"])
        numbers += [found["frame"]] if found["state"] == "recorded" else []
    assert states == ["recorded"] * MOST_FRAMES + ["failed"]
    assert record(page, recorder, {"act": "forget", "frames": numbers[:1]}) == {"state": "forgotten"}
    assert record(page, recorder, {**FRAME, "class": 9})["state"] == "recorded"
    answers = [record(page, recorder, {**FRAME, "class": number}) for number in range(20, 20 + MOST_CLASSES)]
    assert answers[-1] == {"state": "failed", "said": text("webcam.problem.classes", most=MOST_CLASSES)}
    assert kept(files) == before


def test_nobody_records_for_another(page: App) -> None:
    for guessed in (None, 7, [], {}, "", "x"):
        assert record(page, guessed, FRAME) == {"state": "void"}
