"""The page is written out once for each address and language, and comes with a nonce of its own all the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from resnet_demo.settings import Settings
from resnet_demo.ui import page
from resnet_demo.ui.security import content_policy
from resnet_demo.ui.server.page_cache import MOST_KEPT, PageCache
from tests.launched import free_port


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gr.Blocks(title="Before", analytics_enabled=False) as demo:
        gr.Textbox("a value")
    page.launch(demo, Settings(port=free_port(), home=tmp_path_factory.mktemp("home")))
    yield str(demo.local_url)
    demo.close()


def test_each_answer_has_a_nonce_of_its_own(url: str) -> None:
    bodies, nonces = [], []
    for _ in range(3):
        answer = httpx.get(url, trust_env=False)
        [nonce] = set(re.findall(r'nonce="([^"]+)"', answer.text))
        assert f"'nonce-{nonce}'" in answer.headers["content-security-policy"]
        assert int(answer.headers["content-length"]) == answer.num_bytes_downloaded
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        nonces.append(nonce)
        bodies.append(answer.text.replace(nonce, ""))
    assert len(set(nonces)) == 3
    assert len(set(bodies)) == 1
    assert "a value" in bodies[0]


def test_what_differs_is_kept_apart(url: str) -> None:
    """Gradio writes the address that it was reached by into the page."""
    port = url.rsplit(":", 1)[1].strip("/")
    for _ in range(2):
        for host in ("127.0.0.1", "localhost"):
            text = httpx.get(url, headers={"Host": f"{host}:{port}"}, trust_env=False).text
            assert f'"root":"http://{host}:{port}"' in text
        secure = httpx.get(url, headers={"X-Forwarded-Proto": "https"}, trust_env=False).text
        assert f'"root":"https://127.0.0.1:{port}"' in secure


class Writer:
    """An app that counts how often it writes a page, in two pieces; `status` is that of its next answers."""

    def __init__(self) -> None:
        self.written, self.status = 0, 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.written += 1
        content = f"<p>{self.written}</p><script nonce='{content_policy.nonce_of(scope)}'>"
        if self.status != 200:
            await HTMLResponse(content, self.status)(scope, receive, send)
            return
        start: Any = {"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"a=b")]}
        await send(start)
        await send({"type": "http.response.body", "body": content[:5].encode(), "more_body": True})
        await send({"type": "http.response.body", "body": content[5:].encode()})


def opened(cache: PageCache, path: str = "/", method: str = "GET", host: str = "a", language: str = "en") -> Any:
    """One request's answer; its nonce was drawn as the request filter does."""

    async def filtered(scope: Scope, receive: Receive, send: Send) -> None:
        content_policy.draw_nonce(scope)
        await cache(scope, receive, send)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(filtered), base_url=f"http://{host}") as client:
            return await client.request(method, path, headers={"Accept-Language": language})

    return asyncio.run(ask())


def test_it_is_written_once_for_all_who_get_the_same() -> None:
    writer = Writer()
    cache = PageCache(writer)
    first, second = opened(cache), opened(cache)
    assert writer.written == 1
    assert first.text[:8] == second.text[:8] == "<p>1</p>"
    assert first.text != second.text
    assert "set-cookie" not in second.headers
    for number in range(20):
        opened(cache, path=f"/?__theme={number}")  # of no consequence here, or one visitor could have all written anew
    assert writer.written == 1
    for other in ({"language": "zh"}, {"host": "b"}, {"path": "/config"}):
        opened(cache, **other)
    assert writer.written == 4
    opened(cache, path="/config")
    opened(cache, method="HEAD")
    assert writer.written == 6


def test_an_error_is_not_kept() -> None:
    writer = Writer()
    cache = PageCache(writer)
    writer.status = 500
    assert opened(cache).status_code == 500
    writer.status = 200
    assert opened(cache).status_code == 200
    assert writer.written == 2


def test_so_many_are_kept_and_those_asked_for_last() -> None:
    writer = Writer()
    cache = PageCache(writer)
    for number in range(MOST_KEPT + 1):
        opened(cache, host=f"h{number}")
        opened(cache, host="h0")
    assert len(cache.kept) == MOST_KEPT
    assert writer.written == MOST_KEPT + 1
    opened(cache, host="h1")
    assert writer.written == MOST_KEPT + 2
