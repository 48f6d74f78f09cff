"""How much one visitor may ask for: who it is by the address, how often, and how many connections at a time.

A visitor is an address: of IPv6 the network of 64 bits, which is what one connection has. Behind a proxy it is the one
that the proxy says it was asked from; which proxies are believed is said in `believed_proxies`, never by a request.
"""

from __future__ import annotations

import ipaddress
import os
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.security.allowed_routes import API, UPLOAD
from resnet_demo.ui.visitor_language import visitor_language

HEARTBEAT = re.compile(rf"{API}/heartbeat/([^/]+)")
FRAMES = frozenset({f"{API}/run/camera_frame", f"{API}/run/webcam_frame"})
MOST_OPEN = 512
"""Requests of one address at a time; an open page has two or three."""
MOST_ADDRESSES = 4_096
PRIVATE_NETWORKS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,127.0.0.0/8,::1,fc00::/7"
PROXIES = "FORWARDED_ALLOW_IPS"
LOOPBACK = "127.0.0.1,::1"
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class Rate:
    """So many a second in the long run, and `burst` at once after a rest."""

    per_second: float
    burst: float


ASKING = Rate(20.0, 400.0)
"""Events, uploads and pages: to open a page takes ten, and a class opens thirty at once."""
REFUSED = Rate(10.0, 200.0)
"""Refusals, which take the server's time, too: a visitor who meets with more is shut out."""
SHUT_OUT_SECONDS = 10.0
BYTES_OF_ASKING = 16_384
"""Of what an event brings along: for each more of them it counts once more. To drop 2,000 photos counts as thirty."""
UNTOLD_COST = 64
"""What counts of an event whose length is not told; browsers tell it."""
ANYTHING = Rate(300.0, 3_000.0)
"""Files of the page and frames of a camera, too: seventy for a page that is new to a browser."""


def believed_proxies(settings: Settings) -> str:
    """Whose word on where a request came from is taken, as uvicorn's setting of it has it.

    On a Space, all come from proxies of the house, by addresses inside of it. A shared page's tunnel ends on this
    machine, and so does a proxy whose name was given. Elsewhere nobody is believed.
    """
    if settings.space_host:
        return PRIVATE_NETWORKS
    return LOOPBACK if settings.share or settings.names else ""


@contextmanager
def believing(settings: Settings) -> Iterator[None]:
    """While a server is started: it believes these proxies, or those that its owner has named to uvicorn."""
    before = os.environ.get(PROXIES)
    os.environ.setdefault(PROXIES, believed_proxies(settings))
    try:
        yield
    finally:
        if before is None:
            del os.environ[PROXIES]


def visitor_of(connection: HTTPConnection | None) -> str:
    """The visitor behind a request."""
    client = connection.client if connection is not None else None
    return network_of(client.host) if client else ""


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """What tells a visitor from others: an address of IPv4, or the first half of one of IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
        address = address.ipv4_mapped
    return str(address)


class Buckets:
    """What visitors may still ask for at one rate; bounded: those who asked the longest ago are forgotten."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, visitor: str, cost: int = 1) -> bool:
        """Whether this visitor may ask now for what counts as so many; more than a whole burst counts as that."""
        cost = min(cost, int(self._rate.burst))
        now = self._clock()
        left, then = self._left.get(visitor, (self._rate.burst, now))
        left = min(self._rate.burst, left + max(0.0, now - then) * self._rate.per_second)
        allowed = left >= cost
        self._keep(visitor, left - cost if allowed else left, now)
        return allowed

    def empty(self, visitor: str, seconds: float) -> None:
        """Leave this visitor nothing, and add nothing for so long."""
        self._keep(visitor, 0.0, self._clock() + seconds)

    def _keep(self, visitor: str, left: float, since: float) -> None:
        self._left[visitor] = left, since
        self._left.move_to_end(visitor)
        while len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)


class ShutOut:
    """Visitors who went on asking after many refusals: for a while all that they ask for is refused, unread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._refused = Buckets(REFUSED, clock)
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def has(self, visitor: str) -> bool:
        """Whether this visitor is shut out now."""
        return self._clock() < self._until.get(visitor, 0.0)

    def count_refusal(self, visitor: str) -> bool:
        """One more request of this visitor is refused; whether that shuts the visitor out from now on."""
        if self._refused.take(visitor):
            return False
        self._until[visitor] = self._clock() + SHUT_OUT_SECONDS
        self._refused.empty(visitor, SHUT_OUT_SECONDS)
        self._until.move_to_end(visitor)
        while len(self._until) > MOST_ADDRESSES:
            self._until.popitem(last=False)
        return True


class VisitorLimits:
    """ASGI middleware that counts what each visitor asks for, and tells of which sessions a page is open."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        connected: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app, self.connected = app, connected
        self.counting = settings.public
        self.asking, self.anything = Buckets(ASKING, clock), Buckets(ANYTHING, clock)
        self.shut_out = ShutOut(clock)
        self.open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        visitor = visitor_of(HTTPConnection(scope))
        if self.counting and self.shut_out.has(visitor):
            await _too_often(scope, close=True)(scope, receive, send)
            return
        if self.counting and not self._may_ask(visitor, scope):
            if self.shut_out.count_refusal(visitor):
                self.asking.empty(visitor, SHUT_OUT_SECONDS)
            await _too_often(scope)(scope, receive, send)
            return
        self.open[visitor] += 1
        found = HEARTBEAT.fullmatch(scope["path"])
        try:
            with self.connected(found[1]) if found else nullcontext():
                await self.app(scope, receive, send)
        finally:
            self.open[visitor] -= 1
            if not self.open[visitor]:
                del self.open[visitor]

    def _may_ask(self, visitor: str, scope: Scope) -> bool:
        if self.open[visitor] >= MOST_OPEN or not self.anything.take(visitor):
            return False
        # A camera's frames are bounded elsewhere: they are dropped where they come too fast.
        asks = scope.get("method") == "POST" and scope["path"] not in FRAMES
        asks = asks or scope["path"] in {"/", "/config"} or HEARTBEAT.fullmatch(scope["path"]) is not None
        return not asks or self.asking.take(visitor, _cost(scope))


def _cost(scope: Scope) -> int:
    """How often a request counts: events by their length, since all that they bring is parsed; uploads once."""
    if scope.get("method") != "POST" or scope["path"] == UPLOAD:
        return 1
    length = Headers(scope=scope).get("content-length", "")
    return 1 + int(length) // BYTES_OF_ASKING if length.isdecimal() else UNTOLD_COST


def _too_often(scope: Scope, *, close: bool = False) -> ASGIApp:
    """The refusal; with `close` what the request still brings is not read."""
    said = text("limits.too_often", visitor_language(Headers(scope=scope)))
    # Of what was asked through the queue the page shows `detail`, of the rest `error`.
    headers = {"Retry-After": "10"} | ({"Connection": "close"} if close else {})
    return JSONResponse({"detail": said, "error": said}, TOO_MANY_REQUESTS, headers=headers)
