"""Compressed answers: what comes out unpacked is what went in, and only text of ours is touched."""

from __future__ import annotations

import asyncio
import gzip
import secrets
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from resnet_demo.ui.server.compression import LEAST_BYTES, MOST_KEPT_BYTES, Compression, Spliced, accepts_gzip

PACKED = gzip.compress(bytes(5_000))
CONFIG = {"words": ["residual"] * 1_000}


def answers(path: str) -> Response:
    async def stream() -> Any:
        for _ in range(3):
            yield b"data: {}\n\n" * 200

    if path == "gradio_api/queue/data":
        return StreamingResponse(stream(), media_type="text/event-stream")
    return {
        "config": JSONResponse(CONFIG, headers={"ETag": '"1"'}),
        "assets/small.js": Response("1;", media_type="text/javascript"),
        "assets/photo.jpg": Response(bytes(5_000), media_type="image/jpeg"),
        "assets/done.js": Response(PACKED, 200, {"Content-Encoding": "gzip"}, "text/javascript"),
        "assets/secret.js": JSONResponse(secrets.token_hex(5_000)),
        "assets/gone.js": PlainTextResponse("gone " * 500, 404),
        "file=1.txt": PlainTextResponse("a visitor's " * 500),
    }[path]


@pytest.fixture
def app() -> Compression:
    return Compression(Starlette(routes=[Route("/{path:path}", lambda request: answers(request.path_params["path"]))]))


async def fetch(app: Compression, path: str, accepted: str = "gzip, br") -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it was sent."""
    transport = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://page") as client,
        client.stream("GET", f"/{path}", headers={"Accept-Encoding": accepted}) as response,
    ):
        return response, b"".join([piece async for piece in response.aiter_raw()])


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP"])
def test_text_is_compressed_and_says_so(app: Compression, accepted: str) -> None:
    plain, sent = asyncio.run(fetch(app, "config", "identity"))
    assert "content-encoding" not in plain.headers
    response, body = asyncio.run(fetch(app, "config", accepted))
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) == len(body) < len(sent) / 20
    assert gzip.decompress(body) == sent
    assert response.headers["etag"] == 'W/"1"'
    for one in (plain, response):
        assert "accept-encoding" in one.headers["vary"].lower()


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.000"])
def test_who_does_not_take_it_gets_it_plain(app: Compression, accepted: str) -> None:
    response, body = asyncio.run(fetch(app, "config", accepted))
    assert "content-encoding" not in response.headers
    assert not accepts_gzip(Headers(response.request.headers))
    assert b"residual" in body


@pytest.mark.parametrize(
    "path",
    ["assets/small.js", "assets/photo.jpg", "assets/done.js", "assets/gone.js", "file=1.txt", "gradio_api/queue/data"],
)
def test_all_else_passes_as_it_is(app: Compression, path: str) -> None:
    response, body = asyncio.run(fetch(app, path))
    sent, expected = asyncio.run(fetch(app.app, path))  # type: ignore[arg-type]
    assert body == expected
    assert response.status_code == sent.status_code
    assert response.headers.get("content-encoding") == sent.headers.get("content-encoding")


def test_each_text_is_compressed_once_and_not_all_are_kept(app: Compression, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = gzip.compress

    def counted(body: bytes, level: int) -> bytes:
        calls.append(len(body))
        return real(body, level)

    monkeypatch.setattr(gzip, "compress", counted)
    for _ in range(3):
        asyncio.run(fetch(app, "config"))
    assert len(calls) == 1
    monkeypatch.setattr("resnet_demo.ui.server.compression.MOST_KEPT_BYTES", 20_000)
    for _ in range(20):
        _, body = asyncio.run(fetch(app, "assets/secret.js"))
        assert len(gzip.decompress(body)) > 10_000
    assert sum(map(len, app.kept.values())) <= 20_000
    assert MOST_KEPT_BYTES > 20_000 > LEAST_BYTES


@pytest.mark.parametrize("word", [b"", b"x", b"\x00\xff" * 20, secrets.token_bytes(65_535)], ids=len)
def test_a_spliced_text_is_the_parts_around_the_word(word: bytes) -> None:
    text = Spliced.from_parts([b"<html>" * 100, b"middle", b"", b"</html>" * 100])
    assert text.plain(word) == word.join([b"<html>" * 100, b"middle", b"", b"</html>" * 100])
    packed = text.gzipped(word)
    assert gzip.decompress(packed) == text.plain(word)
    assert word in packed  # as it is


def test_the_length_tells_nothing_of_the_word() -> None:
    text = Spliced.from_parts([b"token=aaaaaaaa" * 50, b"token=aaaaaaaa"])
    assert len({len(text.gzipped(word)) for word in (b"a" * 32, b"token=aa" * 4, secrets.token_bytes(32))}) == 1
