"""Requests that must not reach Gradio: foreign names and origins, too much, and routes nobody needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import text
from resnet_demo.ui.security.request_filter import MAX_JSON_BYTES
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
    assert answer.text == text("request_filter.problem.name", "zh-CN", name="evil.example")
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


def test_icon_of_any_size(app: App) -> None:
    for size, status in (("192", 200), ("512", 200), ("100000", 404), ("0192", 404), ("193", 404)):
        assert app.http.get(f"pwa_icon/{size}").status_code == status, size
    manifest = app.http.get("manifest.json").json()
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}


def test_streams_pass(app: App) -> None:
    with app.http.stream("GET", "gradio_api/heartbeat/x") as stream:
        assert next(stream.iter_lines()) == "data: ALIVE"


def test_page_is_told_to_stay_here(app: App) -> None:
    answer = app.http.get("")
    policy = answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "http" not in policy.replace("frame-ancestors", "")


def test_limits_are_the_settings(app: App) -> None:
    assert app.http.get("config").json()["max_file_size"] == LIMITS["max_upload_bytes"]


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
EMBEDDING = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "other", ""])
def test_other_sites_reach_the_page_alone(app: App, photo: Path, site: str) -> None:
    """What a browser says that another site caused: links, frames, pictures, scripts, forms and redirects."""
    own = app.upload(photo).json()[0]
    refused = text("request_filter.problem.other_site")
    paths = ("config", "theme.css", "favicon.ico", "gradio_api/info", "gradio_api/heartbeat/x", "none", "logout")
    for path in (*paths, f"gradio_api/file={own}", "gradio_api/file/https://example.org/x.png"):
        for way in (NAVIGATION, EMBEDDING):
            answer = app.http.get(path, headers={"Sec-Fetch-Site": site, **way})
            assert (answer.status_code, answer.text) == (403, refused), (path, way)
    for path in ("gradio_api/queue/join", "gradio_api/run/predict", "gradio_api/upload", "gradio_api/cancel"):
        assert app.http.post(path, headers={"Sec-Fetch-Site": site, **NAVIGATION}).status_code == 403, path


def test_the_page_in_a_window_or_a_frame_of_another_site(app: App) -> None:
    """A link to the page works, and so does the frame in which a Space stands; as a picture or a script it is none."""
    for dest, mode, status in (
        ("document", "navigate", 200),
        ("iframe", "navigate", 200),
        ("object", "navigate", 403),
        ("embed", "navigate", 403),
        ("image", "no-cors", 403),
        ("script", "no-cors", 403),
        ("empty", "cors", 403),
        ("document", "cors", 403),
    ):
        way = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
        assert app.http.get("", headers=way).status_code == status, (dest, mode)
        assert app.http.post("", headers=way).status_code == (405 if status == 200 else 403), (dest, mode)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_person_and_the_page_itself_reach_all(app: App, photo: Path, site: str) -> None:
    own = app.upload(photo, headers={"Sec-Fetch-Site": site}).json()[0]
    for path in ("", "config", f"gradio_api/file={own}"):
        for way in (NAVIGATION, EMBEDDING):
            assert app.http.get(path, headers={"Sec-Fetch-Site": site, **way}).status_code == 200, path


def test_each_answer_blesses_its_own_scripts(app: App) -> None:
    """Every script of the page bears the nonce of its answer, which no other answer has."""
    nonces = set()
    for _ in range(3):
        answer = app.http.get("")
        [sources] = [
            rule for rule in answer.headers["content-security-policy"].split("; ") if rule.startswith("script-src")
        ]
        assert "'unsafe-inline'" not in sources
        nonce = re.search(r"'nonce-([\w-]{20,})'", sources)
        assert nonce is not None
        scripts = re.findall(r"<script[^>]*>", answer.text)
        assert len(scripts) > 3
        assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
        nonces.add(nonce[1])
    assert len(nonces) == 3
    assert "nonce" not in app.http.get("config").headers["content-security-policy"]


def test_what_a_request_says_cannot_bless_itself(app: App) -> None:
    """The page repeats the name it was asked under; a script hidden there stays text."""
    script = "<script>alert(1)</script>"
    for header in ("X-Forwarded-Host", "X-Gradio-Server", "X-Forwarded-Proto"):
        answer = app.http.get("", headers={header: f"http://evil.example/{script}'\"><script>"})
        assert answer.text.count("<script") == app.http.get("").text.count("<script"), header
