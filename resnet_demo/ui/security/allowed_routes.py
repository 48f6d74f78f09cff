"""What may be asked of Gradio: routes, their methods and the keys of their queries; everything else is refused.

A list of what is allowed, not of what is closed: a route that an update of Gradio brings stays shut until it is added
here. `CLOSED` is not consulted by anybody but the tests, which walk all routes of the installed Gradio and fail on one
that stands in neither list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from resnet_demo.ui.security.served_files import may_serve

API = "/gradio_api"
PAGE = "/"
FILE = f"{API}/file={{path_or_url:path}}"
UPLOAD = f"{API}/upload"
STREAM = f"{API}/queue/data"

GET = frozenset({"GET"})
GET_OR_HEAD = frozenset({"GET", "HEAD"})
POST = frozenset({"POST"})

# A page's own query, which its script sends along with every event: the theme, and a private Space's pass.
PASS = frozenset({"__sign"})
PAGE_QUERY = PASS | {"__theme"}

ONE_NAME = re.compile(r"[\w-]{1,128}", re.ASCII).fullmatch
STATIC_FILE = re.compile(r"(?!.*\.\.)[\w-][\w./@-]*", re.ASCII).fullmatch


@dataclass(frozen=True)
class AllowedRoute:
    """A route of Gradio that the page or `gradio_client` needs.

    `path` is written as Gradio writes it. `values` holds a check for each of its parameters, given the whole value.
    """

    path: str
    methods: frozenset[str]
    query: frozenset[str] = PASS
    values: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)

    def fits(self, scope: Scope) -> bool:
        """Whether a request's path is this route's, whatever its method.

        Starlette itself decides, on the decoded path that it will also find Gradio's route by.
        """
        match, found = _MATCHERS[self.path].matches(scope)
        if match is Match.NONE:
            return False
        return all(check(found["path_params"][name]) for name, check in self.values.items())

    def unknown_query(self, scope: Scope) -> list[str]:
        """The keys of a request's query that this route does not know."""
        return [key for key in QueryParams(scope["query_string"]) if key not in self.query]

    def known_query(self, scope: Scope) -> dict[str, str]:
        """What a request's query says that this route knows."""
        return {key: value for key, value in QueryParams(scope["query_string"]).items() if key in self.query}


ALLOWED = (
    AllowedRoute(PAGE, GET_OR_HEAD, PAGE_QUERY),
    # What the page is made of.
    AllowedRoute("/assets/{path:path}", GET, values={"path": STATIC_FILE}),
    AllowedRoute("/static/{path:path}", GET, values={"path": STATIC_FILE}),
    AllowedRoute("/theme.css", GET, PASS | {"v"}),
    AllowedRoute("/favicon.ico", GET),
    AllowedRoute("/manifest.json", GET),
    # Gradio draws the icon at whatever size is asked for, up to all of the memory.
    AllowedRoute("/pwa_icon/{size}", GET, values={"size": {"192", "512"}.__contains__}),
    AllowedRoute("/robots.txt", GET),
    # What the page's script and gradio_client learn of the app.
    AllowedRoute("/config", GET),
    AllowedRoute(f"{API}/info", GET, PASS | {"serialize"}),
    AllowedRoute(f"{API}/app_id", GET),
    AllowedRoute(f"{API}/startup-events", GET),
    AllowedRoute(f"{API}/heartbeat/{{session_hash}}", GET, values={"session_hash": ONE_NAME}),
    # Events. Gradio opens `run` only to those that do not queue.
    AllowedRoute(f"{API}/queue/join", POST, PAGE_QUERY),
    AllowedRoute(STREAM, GET, PAGE_QUERY | {"session_hash"}),
    AllowedRoute(f"{API}/run/{{api_name}}", POST, PAGE_QUERY, {"api_name": ONE_NAME}),
    AllowedRoute(f"{API}/cancel", POST),
    AllowedRoute(f"{API}/reset", POST),
    # Files.
    AllowedRoute(UPLOAD, POST, PASS | {"upload_id"}),
    AllowedRoute(f"{API}/upload_progress", GET, PASS | {"upload_id"}),
    AllowedRoute(FILE, GET_OR_HEAD, values={"path_or_url": may_serve}),
)


# Gradio's other routes, and why this page has no use for them.
CLOSED = {
    "fetches from other servers": (
        f"{API}/file/{{path:path}}",
        f"{API}/proxy={{url_path:path}}",
    ),
    "logins, which this page has none of": (
        "/login",
        "/login/",
        "/logout",
        f"{API}/user",
        f"{API}/user/",
        f"{API}/login_check",
        f"{API}/login_check/",
        f"{API}/token",
        f"{API}/token/",
    ),
    "writes to the disk, or starts ffmpeg": (
        f"{API}/deep_link",
        f"{API}/process_recording",
    ),
    "for those who write a page, not for those who visit it": (
        "/openapi.json",
        f"{API}/openapi.json",
        "/monitoring",
        "/monitoring/summary",
        "/monitoring/{key}",
        f"{API}/dev/reload",
        f"{API}/custom_component/{{id}}/{{environment}}/{{type}}/{{file_name}}",
        f"{API}/vibe-edit",
        f"{API}/vibe-edit/",
        f"{API}/undo-vibe-edit",
        f"{API}/undo-vibe-edit/",
        f"{API}/vibe-code",
        f"{API}/vibe-code/",
        f"{API}/vibe-starter-queries",
        f"{API}/vibe-starter-queries/",
    ),
    "components that this page is not made of": (
        "/svelte/{path:path}",
        f"{API}/component_server",
        f"{API}/component_server/",
        f"{API}/runs",
        f"{API}/runs/",
        f"{API}/stream/{{event_id}}",
        f"{API}/stream/{{event_id}}/close",
        f"{API}/stream/{{session_hash}}/{{run}}/{{component_id}}/playlist.m3u8",
        f"{API}/stream/{{session_hash}}/{{run}}/{{component_id}}/playlist-file",
        f"{API}/stream/{{session_hash}}/{{run}}/{{component_id}}/{{segment_id}}.{{ext}}",
    ),
    "second ways to what is allowed above": (
        "/config/",
        "/pwa_icon",
        f"{API}/info/",
        f"{API}/app_id/",
        f"{API}/reset/",
        f"{API}/theme.css",
        f"{API}/queue/status",
        f"{API}/run/{{api_name}}/",
        f"{API}/api/{{api_name}}",
        f"{API}/api/{{api_name}}/",
        f"{API}/call/{{api_name}}",
        f"{API}/call/{{api_name}}/",
        f"{API}/call/{{api_name}}/{{event_id}}",
        f"{API}/call/v2/{{api_name}}",
        f"{API}/call/v2/{{api_name}}/",
        f"{API}/call/v2/{{api_name}}/{{event_id}}",
    ),
}


def find(scope: Scope) -> AllowedRoute | None:
    """The allowed route of a request's path; None where there is none."""
    return next((route for route in ALLOWED if route.fits(scope)), None)


def _unused(request: Request) -> Response:
    raise NotImplementedError


# Routes of Starlette that answer nothing and only say whether a path is theirs.
_MATCHERS = {route.path: Route(route.path, _unused) for route in ALLOWED}
