"""Requests that must not reach Gradio: foreign names and origins, too much, and routes nobody needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import text
from resnet_demo.ui.gate import CLOSED, MAX_JSON_BYTES
from tests.attack.conftest import LIMITS, App, small_app

pytestmark = pytest.mark.attack


def port(app: App) -> str:
    return app.url.rstrip("/").rpartition(":")[2]


@pytest.mark.parametrize("path", ["", "config", "gradio_api/info", "gradio_api/heartbeat/x", "theme.css"])
def test_foreign_host(app: App, path: str) -> None:
    """DNS rebinding: a name of somebody else's that was made to point at this machine."""
    for host in (
        "evil.example",
        f"evil.example:{port(app)}",
        "127.0.0.1.evil.example",
        "203.0.113.7",
        "[::ffff:1]x",
        "",
    ):
        assert app.http.get(path, headers={"Host": host}).status_code == 421, host


def test_own_host(app: App) -> None:
    for host in (f"127.0.0.1:{port(app)}", f"localhost:{port(app)}", "localhost", "LOCALHOST.", "[::1]:80"):
        assert app.http.get("", headers={"Host": host}).status_code == 200, host


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "http://["]
)
def test_foreign_origin(app: App, uploads: Path, photo: Path, origin: str) -> None:
    before = set(uploads.rglob("*"))
    assert app.upload(photo, headers={"Origin": origin}).status_code == 403
    assert set(uploads.rglob("*")) == before
    run = app.http.post("gradio_api/run/image_path", json={"data": [None]}, headers={"Origin": origin})
    assert run.status_code == 403
    assert app.http.get("config", headers={"Origin": origin}).status_code == 403
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert app.http.options("gradio_api/upload", headers=asked).headers.get("access-control-allow-origin") != "*"


def test_own_origin(app: App, photo: Path) -> None:
    assert app.upload(photo, headers={"Origin": app.url.rstrip("/")}).status_code == 200
    assert app.upload(photo).status_code == 200


def test_refusal_in_the_askers_language(app: App) -> None:
    answer = app.http.get("", headers={"Host": "evil.example", "Accept-Language": "zh-CN,zh;q=0.9"})
    assert answer.text == text("gate.problem.name", "zh-CN", name="evil.example")
    assert answer.headers["content-type"].startswith("text/plain")


def test_large_file(app: App, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    for size, status in ((MEGABYTE, 200), (MEGABYTE + 1, 413)):
        file.write_bytes(bytes(size))
        assert app.upload(file).status_code == status


def test_large_request(app: App, tmp_path: Path) -> None:
    """Files that are each small enough, but not together; with the length announced and without."""
    file = tmp_path / "part.bin"
    file.write_bytes(bytes(MEGABYTE))
    assert app.upload(file, file).status_code == 200
    assert app.upload(file, file, file).status_code == 413
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n' + bytes(900_000) + b"\r\n"
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    for parts, status in ((2, 200), (4, 413)):
        pieces = (piece for piece in [*[part] * parts, b"--x--\r\n"])
        assert app.http.post("gradio_api/upload", content=pieces, headers=head).status_code == status


def test_too_many_files(app: App, tmp_path: Path) -> None:
    file = tmp_path / "empty.bin"
    file.touch()
    assert app.upload(*[file] * 1000).status_code == 200
    assert app.upload(*[file] * 1001).status_code == 400


def test_large_json(app: App) -> None:
    body = b'{"data": ["' + b"x" * MAX_JSON_BYTES + b'"]}'
    head = {"Content-Type": "application/json"}
    assert app.http.post("gradio_api/queue/join", content=body, headers=head).status_code == 413
    small = {"data": ["x" * 1000], "fn_index": 0, "session_hash": "attack"}
    assert app.http.post("gradio_api/queue/join", json=small).status_code == 200


@pytest.mark.parametrize("route", ["run", "api"])
def test_nobody_goes_past_the_queue(app: App, real_page: App, route: str) -> None:
    """Nor past how many may be served together: a direct POST is refused, by name and by number."""
    for asked, name in ((app, "image_path"), (real_page, "classify")):
        functions = asked.http.get("config").json()["dependencies"]
        queued = [function["id"] for function in functions if function["queue"] is not False]
        assert queued
        assert asked.http.post(f"gradio_api/{route}/{name}", json={"data": [None]}).status_code == 404
        for number in queued:
            body = {"data": [None], "fn_index": number, "session_hash": "attack"}
            assert asked.http.post(f"gradio_api/{route}/predict", json=body).status_code == 404


def test_allowance(tmp_path: Path) -> None:
    file = tmp_path / "part.bin"
    file.write_bytes(bytes(900_000))
    with small_app(tmp_path / "uploads", max_stored_bytes=2 * MEGABYTE, keep_seconds=3600) as app:
        assert [app.upload(file).status_code for _ in range(3)] == [200, 200, 429]
        assert app.http.get("config").status_code == 200


@pytest.mark.parametrize("path", CLOSED)
def test_closed_route(app: App, path: str) -> None:
    refused = text("gate.problem.closed")
    assert app.http.get(f"{path}x").text == refused
    assert app.http.post(f"{path}x").text == refused
    assert app.http.get(f"{path.upper()}x").text == refused


def test_icon_of_any_size(app: App) -> None:
    for size, status in (("192", 200), ("512", 200), ("100000", 404), ("0192", 404), ("193", 404)):
        assert app.http.get(f"pwa_icon/{size}").status_code == status, size
    manifest = app.http.get("manifest.json").json()
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}


def test_streams_pass(app: App) -> None:
    with app.http.stream("GET", "gradio_api/heartbeat/x") as stream:
        assert next(stream.iter_lines()) == "data: ALIVE"


def test_page_is_told_to_stay_here(app: App) -> None:
    policy = app.http.get("").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "http" not in policy.replace("frame-ancestors", "")


def test_limits_are_the_settings(app: App) -> None:
    assert app.http.get("config").json()["max_file_size"] == LIMITS["max_upload_bytes"]
