"""Text sent compressed: the page's scripts, styles and configuration, each compressed once and kept.

Gradio 6.31 compresses what has an ending of its own (`.js`, `.css`), anew for each visitor, and its configuration, half
a megabyte, not at all. Streams of events, files and answers to events pass through as they are. The page itself is
compressed in `page_cache`, by `Spliced`.
"""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet_demo.settings import MEGABYTE
from resnet_demo.ui.security.allowed_routes import API

COMPRESSED = ("/assets/", "/static/", "/theme.css", "/manifest.json", "/config", f"{API}/info")
TEXT = (
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/manifest",
    "image/svg",
)
LEAST_BYTES = 400
GZIP_LEVEL = 6
MOST_KEPT_BYTES = 8 * MEGABYTE

_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
_LAST_BLOCK = b"\x03\0"


def accepts_gzip(headers: Headers) -> bool:
    """Whether a request accepts gzip, as its `Accept-Encoding` says."""
    for offer in ",".join(headers.getlist("accept-encoding")).lower().split(","):
        name, _, weight = (part.strip() for part in offer.partition(";"))
        if name == "gzip":
            return not weight or weight.removeprefix("q=").strip("0.") != ""
    return False


def set_gzip(headers: MutableHeaders, length: int) -> None:
    """Name the coding of a compressed answer; the tag of the plain one does not name it byte by byte any more."""
    headers["Content-Encoding"], headers["Content-Length"] = "gzip", str(length)
    tag = headers.get("etag", "")
    if tag.startswith('"'):
        headers["ETag"] = f"W/{tag}"


@dataclass(frozen=True)
class Spliced:
    """A text that is the same each time but for a word that stands between its parts; the parts are compressed once.

    The word is put in as it is, in a block of its own, so that answers cost no more than to copy them. That also keeps
    secrets from leaking through the length of what is compressed (BREACH): where the word is a secret, no byte of it is
    compressed together with anything else.
    """

    parts: list[bytes]
    deflated: list[bytes]

    @classmethod
    def from_parts(cls, parts: list[bytes]) -> Spliced:
        """The text between whose `parts` the word stands."""
        return cls(parts, [_deflated(part) for part in parts])

    def plain(self, word: bytes) -> bytes:
        """The text with this word."""
        return word.join(self.parts)

    def gzipped(self, word: bytes) -> bytes:
        """The same, compressed (RFC 1951, RFC 1952)."""
        whole = self.plain(word)
        stored = struct.pack("<BHH", 0, len(word), len(word) ^ 0xFFFF) + word
        trailer = struct.pack("<II", zlib.crc32(whole), len(whole) & 0xFFFFFFFF)
        return _GZIP_HEADER + stored.join(self.deflated) + _LAST_BLOCK + trailer


def _deflated(part: bytes) -> bytes:
    """Blocks that end at a whole byte and refer to nothing before them; none of them is the last."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)


class Compression:
    """ASGI middleware: what is asked for under the paths in `COMPRESSED` is sent compressed, if it is text."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._kept_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and compress its answer where it is accepted."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(COMPRESSED):
            await self.app(scope, receive, send)
            return
        gzipped = accepts_gzip(Headers(scope=scope))
        start: Message = {}
        pieces: list[bytes] = []

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message, headers=list(message["headers"]))
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            pieces.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            body, headers = b"".join(pieces), MutableHeaders(scope=start)
            if start["status"] == 200 and _is_text(headers) and len(body) >= LEAST_BYTES:
                headers.add_vary_header("Accept-Encoding")
                if gzipped:
                    body = await self._compressed(scope["path"], body)
                    set_gzip(headers, len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, sending)

    async def _compressed(self, path: str, body: bytes) -> bytes:
        key = path, len(body), zlib.crc32(body)
        if key not in self.kept:
            compressed = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL)
            if key not in self.kept:
                self.kept[key] = compressed
                self._kept_bytes += len(compressed)
        self.kept.move_to_end(key)
        found = self.kept[key]
        while self._kept_bytes > MOST_KEPT_BYTES:
            self._kept_bytes -= len(self.kept.popitem(last=False)[1])
        return found


def _is_text(headers: MutableHeaders) -> bool:
    return "content-encoding" not in headers and headers.get("content-type", "").startswith(TEXT)
