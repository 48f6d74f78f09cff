"""No payload reads a file that was not uploaded, and uploaded files still work in every component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio_client
import pytest

from resnet_demo.texts import text
from tests.attack.conftest import META, App
from tests.attack.small_app import ENDPOINTS

pytestmark = pytest.mark.attack

REFUSED = text("file_access.problem.foreign")
NAMES = (*ENDPOINTS, "drop")


def shaped(endpoint: str, reference: dict[str, Any]) -> Any:
    """A reference as the endpoint's component wants it."""
    if endpoint.startswith("gallery"):
        return [{"image": reference, "caption": None}]
    if endpoint == "slider":
        return [reference, reference]
    if endpoint == "drop":
        return [{"rel": "a.png", "file": reference}]
    return [reference] if endpoint == "files" else reference


def hostile(secret: Path, uploads: Path) -> dict[str, dict[str, Any]]:
    """References to files of this machine, and to its own server."""
    link = uploads / "link.png"
    if not link.exists():
        link.symlink_to(secret)
    path = str(secret)
    return {
        "bare": {"path": path},
        "empty meta": {"path": path, "meta": {}},
        "foreign meta": {"path": path, "meta": {"_type": "gradio.Other"}},
        "meta": {"path": path, "meta": META},
        "said to be an svg": {"path": path, "orig_name": "a.svg"},
        "passwd": {"path": "/etc/passwd", "orig_name": "a.svg"},
        "passwd with meta": {"path": "/etc/passwd", "orig_name": "a.svg", "meta": META},
        "relative": {"path": "pyproject.toml", "orig_name": "a.svg"},
        "dots": {"path": f"{uploads}/../{secret.parent.name}/{secret.name}", "meta": META},
        "link": {"path": str(link), "meta": META},
        "stream": {"path": path, "is_stream": True, "meta": META},
        "url": {"path": "http://127.0.0.1:1/a.png", "url": "http://127.0.0.1:1/a.png", "meta": META},
        "file url": {"path": f"file://{path}", "meta": META},
        "zero byte": {"path": f"{uploads}/\0", "meta": META},
        "folder of uploads": {"path": str(uploads.parent), "meta": META},
    }


@pytest.mark.parametrize("endpoint", NAMES)
def test_refused(app: App, uploads: Path, secret: Path, endpoint: str) -> None:
    for name, reference in hostile(secret, uploads).items():
        answer = app.call(endpoint, shaped(endpoint, reference))
        assert answer["output"].get("error") == REFUSED, name


@pytest.mark.parametrize("endpoint", NAMES)
def test_real_upload(app: App, photo: Path, endpoint: str) -> None:
    path = app.upload(photo).json()[0]
    answer = app.call(endpoint, shaped(endpoint, {"path": path, "meta": META}))
    assert answer["success"], answer
    assert ("(23, 29)" if endpoint.endswith("pil") else "PNG") in answer["output"]["data"][0]


def test_url_instead_of_path(app: App, secret: Path) -> None:
    """A reference without a path has nothing to open."""
    for url in (f"file://{secret}", str(secret), "http://127.0.0.1:1/a.png"):
        for reference in ({"url": url}, {"url": url, "path": None}, {"url": url, "meta": META}):
            answer = app.call("image_path", reference)
            assert not answer["success"]
            assert "PNG" not in str(answer)


def test_gradio_client(app: App, photo: Path, secret: Path) -> None:
    """Programs reach the endpoints through Gradio's own client, and are refused alike."""
    client = gradio_client.Client(app.url, verbose=False)
    assert "PNG" in client.predict(gradio_client.handle_file(str(photo)), api_name="/image_path")
    with pytest.raises(gradio_client.exceptions.AppError, match=REFUSED):
        client.predict({"path": str(secret), "orig_name": "a.svg", "url": None}, api_name="/image_path")
    client.close()


def test_hidden_endpoint_by_number(app: App, photo: Path, secret: Path) -> None:
    """`api_visibility="private"` only hides: whoever knows the number runs it, and meets the same checks."""
    functions = app.http.get("config").json()["dependencies"]
    hidden = next(function["id"] for function in functions if function["api_visibility"] == "private")
    uploaded = app.upload(photo).json()[0]
    for reference, expected in (
        ({"path": str(secret), "orig_name": "a.svg"}, REFUSED),
        ({"path": uploaded, "meta": META}, "PNG"),
    ):
        body = {"data": [reference], "fn_index": hidden, "session_hash": "hidden"}
        assert expected in app.queued(body)


def test_every_function_of_the_page(real_page: App, secret: Path) -> None:
    """Each function of the real page, hidden or not, is given a server's path in each of its inputs."""
    functions = [
        one for one in real_page.http.get("config").json()["dependencies"] if one["inputs"] and one["backend_fn"]
    ]
    assert functions
    for function in functions:
        for slot in range(len(function["inputs"])):
            data: list[Any] = [None] * len(function["inputs"])
            data[slot] = [{"image": {"path": str(secret), "orig_name": "a.svg"}}]
            body = {"data": data, "fn_index": function["id"], "session_hash": "attack"}
            assert REFUSED in real_page.queued(body), (function["api_name"], slot)


@pytest.mark.parametrize("path", ["pyproject.toml", "/etc/passwd", "link.png", "..%2f..%2fetc%2fpasswd"])
def test_file_route(app: App, uploads: Path, secret: Path, path: str) -> None:
    hostile(secret, uploads)
    inside = uploads / path if path == "link.png" else path
    assert app.http.get(f"gradio_api/file={inside}").status_code in {403, 404}


def test_own_upload_is_served(app: App, photo: Path) -> None:
    path = app.upload(photo).json()[0]
    answer = app.http.get(f"gradio_api/file={path}")
    assert answer.status_code == 200
    assert answer.content == photo.read_bytes()


ACTIVE = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
WHOLE: dict[str, str] = {}
PART = {"Range": "bytes=0-9", "Content-Type": "text/html", "Content-Disposition": "inline", "X-Mine": "kept?"}


@pytest.mark.parametrize("headers", [WHOLE, PART], ids=["whole", "part"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, None) for name in ("page.html", "drawing.svg", "page.xhtml", "script.js", "page.xml", "table.csv")),
        *((name, None) for name in ("sound.mp3", "film.mp4", "page.pdf", "style.css", "none", "page.png.html", ".png")),
        ("PAGE.PNG", "image/png"),
        ("page.html.jpg", "image/jpeg"),
        ("page.webp", "image/webp"),
    ],
)
def test_nothing_that_is_served_runs(
    app: App, tmp_path: Path, name: str, kind: str | None, headers: dict[str, str]
) -> None:
    """A visitor's HTML must not run under this page's name: a picture's type or a download, and never a guess."""
    file = tmp_path / name
    file.write_text(ACTIVE)
    answer = app.http.get(f"gradio_api/file={app.upload(file).json()[0]}", headers=headers)
    assert answer.status_code == (206 if headers else 200)
    assert answer.text == (ACTIVE[:10] if headers else ACTIVE)
    assert answer.headers["content-type"] == (kind or "application/octet-stream")
    assert answer.headers["content-disposition"].partition(";")[0] == ("inline" if kind else "attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "x-mine" not in answer.headers


def test_a_refused_file_is_a_sentence(app: App, uploads: Path) -> None:
    gone = app.http.get(f"gradio_api/file={uploads}/gone.html")
    assert gone.status_code == 403
    assert gone.headers["content-type"] == "application/json"
    assert "sandbox" in gone.headers["content-security-policy"]


def test_methods_and_queries_of_files(app: App, photo: Path) -> None:
    path = f"gradio_api/file={app.upload(photo).json()[0]}"
    assert app.http.head(path).status_code == 200
    assert app.http.get(f"{path}?__sign=x").status_code == 200
    assert app.http.get(f"{path}?x=y").status_code == 400
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert app.http.request(method, path).status_code == 405


def test_too_many_photos_at_once(app: App, photo: Path) -> None:
    path = app.upload(photo).json()[0]
    entry = {"rel": "a.png", "file": {"path": path, "meta": META}}
    assert app.call("drop", [entry] * 20)["success"]
    assert not app.call("drop", [entry] * 21)["success"]
