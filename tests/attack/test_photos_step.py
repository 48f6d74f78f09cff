"""The photos step on a public page: no path of this machine is opened, and nobody gets at another's photos."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resnet_demo.texts import text
from tests.attack.conftest import App
from tests.data.drawn import flowers, write
from tests.data.test_archive import zipped
from tests.launched import NO_KEEPALIVE, free_port, launched

pytestmark = pytest.mark.attack
META = {"_type": "gradio.FileData"}
REFUSED = text("file_access.problem.foreign")
CONTEXT = ("en", None, None)
"""Language, visitor, and the settings that the browser has kept."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def public(home: Path) -> Iterator[App]:
    """A public page."""
    command = ["app.py", "--no-browser", "--public", "--port", str(free_port()), "--home", str(home)]
    with (
        launched(command) as url,
        httpx.Client(base_url=url, timeout=120, trust_env=False, limits=NO_KEEPALIVE) as client,
    ):
        yield App(url, client)


def functions(app: App) -> dict[str, dict[str, Any]]:
    return {str(one["api_name"]): one for one in app.http.get("config").json()["dependencies"]}


def call(app: App, name: str, *data: object, session: str = "") -> tuple[bool, str]:
    """Whether an endpoint did what it was asked to, and its answer."""
    number = functions(app)[name]["id"]
    body = {"data": data, "fn_index": number, "session_hash": session or secrets.token_hex(8)}
    outcome = json.loads(app.queued(body).removeprefix("data:"))
    return outcome["success"], json.dumps(outcome["output"], ensure_ascii=False)


def datasets(home: Path) -> set[Path]:
    return set((home / "strangers" / "datasets").glob("*"))


def test_there_is_no_endpoint_for_folders(public: App, real_page: App) -> None:
    assert "photos_folder" in functions(real_page)
    assert not {"photos_folder", "list_folders"} & set(functions(public))


@pytest.mark.parametrize("key", ["file", "more"])
def test_a_path_of_this_machine_is_not_dropped(public: App, home: Path, tmp_path: Path, key: str) -> None:
    archive = tmp_path / "private.zip"
    archive.write_bytes(zipped(flowers(3)))
    uploaded = {"path": public.upload(archive).json()[0], "meta": META}
    for path in (str(archive), f"{uploaded['path']}/../../../../{archive}", "/etc/passwd"):
        for reference in ({"path": path, "meta": META}, {"path": path}):
            entry = {"rel": "a.zip", "file": uploaded, "more": []}
            entry[key] = [reference] if key == "more" else reference
            assert REFUSED in call(public, "photos_drop", *CONTEXT, [entry])[1]
    for payload in ([{"rel": "a.zip", "file": str(archive)}], str(archive), {"path": str(archive)}):
        assert not call(public, "photos_drop", *CONTEXT, payload)[0]
    assert datasets(home) == set()


def test_a_path_of_this_machine_is_put_into_no_box(public: App, secret: Path) -> None:
    for reference in ({"path": str(secret), "meta": META}, {"path": str(secret)}, str(secret)):
        act = {"act": "fill", "names": {}, "box": 1, "photos": [{"rel": "a.png", "file": reference}]}
        _, answer = call(public, "sort", "en", None, None, act)
        assert REFUSED in answer
        assert "data:image" not in answer


def test_a_hub_data_set_is_no_path(public: App, home: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", flowers(3))
    for name in (str(folder), f"../{folder.name}", "../../etc", f"file://{folder}"):
        assert not call(public, "photos_hub", *CONTEXT, name)[0]
    assert datasets(home) == set()


def test_what_the_server_knows_is_not_taken_from_a_client(public: App, home: Path, tmp_path: Path) -> None:
    """The photos in hand, and what was found in them, are states: whatever a client sends for them is left aside."""
    archive = tmp_path / "theirs.zip"
    archive.write_bytes(zipped(flowers(4)))
    entry = {"rel": "theirs.zip", "file": {"path": public.upload(archive).json()[0], "meta": META}}
    owner, preview = secrets.token_hex(8), (0.4, None)
    _, report = call(public, "photos_drop", *CONTEXT, [entry], session=owner)
    assert text("photos.report.title", photos=8, classes=2) in report
    [folder] = datasets(home)
    assert "data:image" in call(public, "draw", "en", None, None, *preview, session=owner)[1]
    for forged in (str(folder), {"dataset": {"root": str(folder)}}, None):
        assert "data:image" not in call(public, "draw", "en", None, forged, *preview)[1]


def test_photos_of_a_data_set_are_not_served(public: App, home: Path) -> None:
    photos = [path for folder in datasets(home) for path in folder.rglob("*.jpg")]
    assert photos
    for photo in photos[:2]:
        assert public.http.get(f"gradio_api/file={photo}").status_code in {403, 404}
