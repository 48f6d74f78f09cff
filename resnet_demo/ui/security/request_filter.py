"""Request filter: hosts, origins, routes and sizes, checked before a request reaches Gradio.

Gradio 6.31 answers to any `Host` (so a foreign name that is made to point here, DNS rebinding, reaches a page
that listens on loopback), takes multipart uploads and links from pages of other sites, fetches from other servers
whatever it is asked for, and bounds each uploaded file but not their sum.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from resnet_demo.settings import MEGABYTE, Settings, is_loopback
from resnet_demo.texts import AppError
from resnet_demo.ui.security import content_policy, served_files
from resnet_demo.ui.security.allowed_routes import FILE, PAGE, UPLOAD, AllowedRoute, find
from resnet_demo.ui.security.cross_site import is_foreign, opens_a_window
from resnet_demo.ui.visitor_language import visitor_language

MAX_JSON_BYTES = 20 * MEGABYTE


class RefusedError(AppError):
    """A refused request, with its HTTP status."""

    def __init__(self, status: int, key: str, **fields: str | int) -> None:
        self.status = status
        super().__init__(key, **fields)


class RequestFilter:
    """ASGI middleware around the whole app: hosts, origins, allowed routes, sizes, and security headers."""

    def __init__(self, app: ASGIApp, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self.settings = settings
        self.hosts = AllowedHosts(settings)
        self.allowance = UploadAllowance(settings, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answering = False
        route: AllowedRoute | None = None

        async def reply(message: Message) -> None:
            nonlocal answering
            answering = True
            if message["type"] == "http.response.start":
                self._add_security_headers(MutableHeaders(scope=message), message["status"], scope, route)
            await send(message)

        try:
            self._check_hosts(headers)
            route = _allowed(scope, headers)
            self._check_length(route, headers)
            if unknown := route.unknown_query(scope):
                await _without(unknown, route, scope)(scope, receive, reply)
                return
            if route.path == PAGE:
                content_policy.draw_nonce(scope)
            await self.app(scope, self._counted(route, receive), reply)
        except RefusedError as refusal:
            if answering:
                raise
            route = None
            await _refuse(refusal, headers)(scope, receive, reply)

    def _check_hosts(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self.hosts.accepts_host(host):
            raise RefusedError(421, "request_filter.problem.name", name=_name_of(host))
        if not self.hosts.accepts_origin(headers.get("origin"), host):
            raise RefusedError(403, "request_filter.problem.origin")

    def _check_length(self, route: AllowedRoute, headers: Headers) -> None:
        length = headers.get("content-length", "")
        if length.isdecimal():
            self._check_size(route, int(length))
            if route.path == UPLOAD:
                self.allowance.check(int(length))

    def _check_size(self, route: AllowedRoute, size: int) -> None:
        most = self.settings.max_request_bytes if route.path == UPLOAD else MAX_JSON_BYTES
        if size > most:
            raise RefusedError(413, "request_filter.problem.size", megabytes=most // MEGABYTE)

    def _counted(self, route: AllowedRoute, receive: Receive) -> Receive:
        """`receive`, counting: a body may come without its length, or in more pieces than announced."""
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            size = len(message.get("body", b""))
            taken += size
            self._check_size(route, taken)
            if route.path == UPLOAD:
                self.allowance.take(size)
            return message

        return counting

    def _add_security_headers(
        self, headers: MutableHeaders, status: int, scope: Scope, route: AllowedRoute | None
    ) -> None:
        if route is not None and route.path == FILE:
            served_files.set_rules(headers, scope["path"], status)
        else:
            headers["Content-Security-Policy"] = content_policy.policy(scope, bool(self.settings.space_host))
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        # Keeps files and answers out of other sites' pages also where a browser sends no Sec-Fetch headers.
        headers["Cross-Origin-Resource-Policy"] = "same-origin"


class AllowedHosts:
    """The host names by which this page may be reached."""

    def __init__(self, settings: Settings) -> None:
        self.own = {"localhost", settings.host.lower()}
        self.on_loopback = is_loopback(settings.host)
        if not self.on_loopback:
            machine = socket.gethostname().lower()
            self.own |= {machine, f"{machine}.local"}
        # Names of a proxy before this page; it may write a Host of its own, so they count as origins on their own.
        # A Space has a page of its own under one name; that of a shared page is known only once it is shared.
        self.outer = set(settings.names)
        if settings.space_host:
            self.outer |= {settings.space_host.lower(), "huggingface.co"}
        self.outer_ends = (".gradio.live",) if settings.share else ()

    def accepts_host(self, host: str) -> bool:
        """Whether a `Host` header names this page.

        Off loopback any address in numbers will do: a browser sends one only where a person typed it, so
        no foreign site can make it do so, and behind a router or a container it need not be one of this machine's.
        """
        name = _name_of(host)
        if name in self.own or self._is_outer(name):
            return True
        return is_loopback(name) if self.on_loopback else _is_address(name)

    def accepts_origin(self, origin: str | None, host: str) -> bool:
        """Whether a page of this `Origin` may call this one; what is not a browser sends none."""
        if origin is None:
            return True
        place = origin.lower().partition("://")[2]
        return place == host.lower() or self._is_outer(_name_of(place))

    def _is_outer(self, name: str) -> bool:
        return name in self.outer or name.endswith(self.outer_ends)


class UploadAllowance:
    """How many bytes uploads may still bring, all visitors together.

    In each span of `keep_seconds`, after which Gradio deletes them, they may bring `max_stored_bytes`; so the
    disk holds at most twice that. What broke off lies in the folder unknown to Gradio: it goes with its span.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.span = settings.keep_seconds
        self.limit = settings.max_stored_bytes
        self.clock = clock
        self.since = clock()
        self.taken = 0

    def check(self, size: int) -> None:
        """Raises RefusedError if `size` more bytes would be too many."""
        now = self.clock()
        if now - self.since >= self.span:
            self.since, self.taken = now, 0
            _delete_broken_off(self.span)
        if self.taken + size > self.limit:
            minutes = int((self.since + self.span - now) / 60) + 1
            raise RefusedError(429, "request_filter.problem.allowance", minutes=minutes)

    def take(self, size: int) -> None:
        """Count `size` bytes. Raises RefusedError if they are too many."""
        self.check(size)
        self.taken += size


def _delete_broken_off(seconds: float) -> None:
    folder = Path(get_upload_folder())
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.is_file() and time.time() - file.stat().st_mtime > seconds:
            file.unlink(missing_ok=True)


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _allowed(scope: Scope, headers: Headers) -> AllowedRoute:
    """The route that a request may use.

    Raises:
        RefusedError: there is none for its path and method, or another site caused the request.
    """
    route = find(scope) if scope["type"] == "http" else None
    if is_foreign(headers) and not (route is not None and route.path == PAGE and opens_a_window(headers)):
        raise RefusedError(403, "request_filter.problem.other_site")
    if route is None:
        raise RefusedError(404, "request_filter.problem.closed")
    if scope["method"] not in route.methods:
        raise RefusedError(405, "request_filter.problem.method", methods=", ".join(sorted(route.methods)))
    return route


def _without(unknown: list[str], route: AllowedRoute, scope: Scope) -> ASGIApp:
    """What to answer to keys of a query that `route` does not know.

    The page is opened without them: other places add theirs to links (`utm_source`, `fbclid`).

    Raises:
        RefusedError: the route is another one.
    """
    if route.path != PAGE:
        raise RefusedError(400, "request_filter.problem.query", keys=", ".join(unknown))
    known = urlencode(route.known_query(scope))
    return RedirectResponse(f"./?{known}" if known else "./", 303)


def _refuse(refusal: RefusedError, headers: Headers) -> ASGIApp:
    if "sec-websocket-key" in headers:
        return WebSocketClose(code=1008)
    said = refusal.say(visitor_language(headers))
    allow = {"Allow": str(refusal.message.fields["methods"])} if refusal.status == 405 else None
    return PlainTextResponse(said, refusal.status, allow)
