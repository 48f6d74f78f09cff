"""The page as it is served, kept: Gradio copies and writes out its whole config for every visitor who opens it.

The page is the same for all who reach the server by one address and read one language, but for the nonce of its
scripts, which is drawn for every answer. It is compressed once, too; the nonce goes in between as it is, so that no
attacker can tell it from the length of many answers (BREACH): it is a new one each time, nothing is compressed with it,
and nothing of what a request holds stands in the page but the address and the language, which no other site can choose.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet_demo.ui.security.allowed_routes import PAGE
from resnet_demo.ui.security.content_policy import nonce_of
from resnet_demo.ui.server.compression import Spliced, accepts_gzip, set_gzip
from resnet_demo.ui.visitor_language import visitor_language

MOST_KEPT = 16
"""Pages, of half a megabyte each: one for each language, and some addresses of the server."""
ADDRESS_HEADERS = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
"""What Gradio 6.31 reads to find out by which address it was reached; it writes that into the page."""


@dataclass(frozen=True)
class KeptPage:
    """A page that was served once, cut where its nonce stood."""

    headers: list[tuple[bytes, bytes]]
    text: Spliced

    def answer(self, nonce: str, *, gzipped: bool) -> tuple[MutableHeaders, bytes]:
        """Headers and body, with the nonce of another answer."""
        word, headers = nonce.encode(), MutableHeaders(raw=list(self.headers))
        headers.add_vary_header("Accept-Encoding")
        if not gzipped:
            return headers, self.text.plain(word)
        body = self.text.gzipped(word)
        set_gzip(headers, len(body))
        return headers, body


class PageCache:
    """ASGI middleware between the one that draws the nonces and Gradio."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: OrderedDict[Hashable, KeptPage] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a page that is kept, or hand the request on and keep what comes."""
        if scope["type"] != "http" or scope["path"] != PAGE or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        key = _key(scope)
        page = self.kept.get(key)
        if page is None:
            await self.app(scope, receive, self._keeping(key, scope, send))
            return
        self.kept.move_to_end(key)
        await _send(page, scope, send)

    def _keeping(self, key: Hashable, scope: Scope, send: Send) -> Send:
        """`send`, which keeps a whole page before it sends it."""
        start: Message = {}
        pieces: list[bytes] = []

        async def keeping(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message, headers=list(message["headers"]))
                if start["status"] != 200:
                    await send(message)
            elif start["status"] != 200:
                await send(message)
            else:
                pieces.append(message.get("body", b""))
                if not message.get("more_body", False):
                    parts = b"".join(pieces).split(nonce_of(scope).encode())
                    page = KeptPage(_headers_of_page(start), await asyncio.to_thread(Spliced.from_parts, parts))
                    self._keep(key, page)
                    await _send(page, scope, send)

        return keeping

    def _keep(self, key: Hashable, page: KeptPage) -> None:
        self.kept[key] = page
        while len(self.kept) > MOST_KEPT:
            self.kept.popitem(last=False)


async def _send(page: KeptPage, scope: Scope, send: Send) -> None:
    gzipped = accepts_gzip(Headers(scope=scope))
    headers, body = page.answer(nonce_of(scope), gzipped=gzipped)
    await send({"type": "http.response.start", "status": 200, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})


def _key(scope: Scope) -> tuple[Any, ...]:
    """All that makes one page differ from another; the query that is let through to it is for its script alone."""
    headers = Headers(scope=scope)
    address = (scope.get("scheme"), scope.get("root_path", ""), *map(headers.getlist, ADDRESS_HEADERS))
    return tuple(map(str, address)), visitor_language(headers)


def _headers_of_page(start: Message) -> list[tuple[bytes, bytes]]:
    """Those that describe the page itself; what a request filter adds, it adds to every answer."""
    return [(name, value) for name, value in start["headers"] if name in {b"content-length", b"content-type"}]
