"""The page fetches nothing for anybody: a server that waits for its request gets none, however its address is spelt."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from resnet_demo.texts import text
from tests.attack.conftest import META, App
from tests.loopback import Answer, Loopback, loopback

pytestmark = pytest.mark.attack

HTML = b"<script>document.title = 'taken'</script>"


@pytest.fixture(scope="module")
def evil() -> Iterator[Loopback]:
    """A server that sends a page with a script under a picture's name."""
    with loopback() as server:
        server.serve("/x.png", Answer(HTML, headers={"Content-Type": "text/html"}))
        yield server


def spellings(server: Loopback) -> list[str]:
    """Ways to write the address of the server's page."""
    place = urlsplit(server.url).netloc
    http = [f"{scheme}{place}/x.png" for scheme in ("http://", "HTTP://", "hTTp://", "http:/", "http:", "http:\\\\")]
    bare = [f"{slashes}{place}/x.png" for slashes in ("//", "/\\", "\\\\", "\\/", "///")]
    other = [f"{scheme}{place}/x.png" for scheme in ("https://", "HTTPS://", "ftp://", "file://", "data:", "ws://")]
    return [*http, *bare, *other, f" http://{place}/x.png", f"\thttp://{place}/x.png", f"http://user@{place}/x.png"]


def escaped(url: str) -> list[str]:
    """The same, as it can stand in a request's path."""
    return [quote(url), quote(url, safe=":/"), quote(url, safe=""), quote(quote(url, safe=""))]


@pytest.mark.parametrize("route", ["file=", "file/", "FILE=", "file%3D", "file%2F", "proxy=", "proxy%3d", "custom="])
def test_nothing_is_fetched(app: App, evil: Loopback, route: str) -> None:
    refused = text("request_filter.problem.closed")
    for url in spellings(evil):
        for path in escaped(url):
            answer = app.http.get(f"gradio_api/{route}{path}")
            assert (answer.status_code, answer.text) == (404, refused), path
            assert app.http.head(f"gradio_api/{route}{path}").status_code == 404, path
    assert evil.requests == []


@pytest.mark.parametrize("query", ["", "?__sign=x"])
def test_raw_requests(app: App, evil: Loopback, query: str) -> None:
    """As no client writes them: a whole address instead of a path, slashes and dots that clients would have tidied."""
    own = urlsplit(app.url)
    for target in (
        f"{evil.url}/x.png",
        f"/gradio_api/file={evil.url}/x.png",
        f"/gradio_api/./file/{evil.url}/x.png",
        f"/x/../gradio_api/file/{evil.url}/x.png",
        f"//gradio_api//file/{evil.url}/x.png",
        f"http://{own.netloc}/gradio_api/file/{evil.url}/x.png",
    ):
        with socket.create_connection((str(own.hostname), int(own.port or 0)), timeout=30) as connection:
            request = f"GET {target}{query} HTTP/1.1\r\nHost: {own.netloc}\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode())
            with connection.makefile("rb") as answer:
                status, body = answer.readline(), answer.read()
        assert status.split()[1] == b"404", target
        assert HTML not in body
    assert evil.requests == []


def test_an_address_inside_the_uploads(app: App, uploads: Path, evil: Loopback) -> None:
    """A folder that is called like an address is a folder."""
    for path in (f"{uploads}/{evil.url}/x.png", f"{uploads}/../{evil.url}/x.png", f"{uploads}//x.png"):
        assert app.http.get(f"gradio_api/file={path}").status_code == 404
    assert evil.requests == []


def test_in_a_payload(app: App, evil: Loopback) -> None:
    for url in spellings(evil):
        for reference in ({"url": url}, {"path": url}, {"path": url, "url": url, "meta": META}, url):
            assert not app.call("image_path", reference)["success"], reference
    assert evil.requests == []
