"""Every route of the installed Gradio is known, as allowed or as closed, and the closed ones are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import gradio as gr
import httpx
import pytest
from starlette.routing import compile_path

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui import page
from resnet_demo.ui.security.allowed_routes import ALLOWED, CLOSED, AllowedRoute, find
from tests.launched import free_port

ALLOWED_PATHS = {route.path: route for route in ALLOWED}
CLOSED_PATHS = [path for paths in CLOSED.values() for path in paths]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    """The page that visitors get, launched in this process so that its routes can be seen."""
    settings = Settings(port=free_port(), home=tmp_path_factory.mktemp("home"))
    demo = page.build(settings)
    page.launch(demo, settings)
    yield demo
    demo.close()


@pytest.fixture(scope="module")
def http(demo: gr.Blocks) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=str(demo.local_url), timeout=30, trust_env=False) as client:
        yield client


def walk(routes: list[Any], prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Path and methods of each route, those of mounted apps and of included routers too; "*" where any method goes."""
    for route in routes:
        # A router that FastAPI keeps as a whole has no path; its routes already carry its own prefix, not its parent's.
        if (router := getattr(route, "original_router", None)) is not None:
            yield from walk(router.routes, prefix + route.include_context.prefix)
        elif getattr(route, "routes", None):
            yield from walk(route.routes, prefix + getattr(route, "path", ""))
        else:
            yield prefix + route.path, set(getattr(route, "methods", None) or "*")


def sample(path: str) -> str:
    """A request's path that a route's path fits."""
    values = {"size": "192", "path": "js/x.js"}
    return re.sub(r"{(\w+)(:\w+)?}", lambda found: values.get(found[1], "x1"), path)


def test_every_route_is_known(demo: gr.Blocks) -> None:
    """An update of Gradio that brings a route must not open a door: whoever updates decides, and writes it down."""
    found = {path for path, _ in walk(demo.app.routes)}
    assert len(found) > 50
    assert sorted(found - set(ALLOWED_PATHS) - set(CLOSED_PATHS)) == []
    assert sorted({*ALLOWED_PATHS, *CLOSED_PATHS} - found) == []


def test_each_path_stands_in_one_list() -> None:
    assert len(CLOSED_PATHS) == len(set(CLOSED_PATHS))
    assert not set(CLOSED_PATHS) & set(ALLOWED_PATHS)
    assert len(ALLOWED_PATHS) == len(ALLOWED)


def test_a_mounted_app_is_walked() -> None:
    with gr.Blocks(analytics_enabled=False) as inner:
        gr.Textbox()
    app = gr.mount_gradio_app(gr.routes.App(), inner, "/inner")
    assert {"/inner/config", "/inner/gradio_api/upload"} <= {path for path, _ in walk(app.routes)}


@pytest.mark.parametrize("route", ALLOWED, ids=lambda route: route.path)
def test_gradio_has_the_route_that_is_meant(demo: gr.Blocks, route: AllowedRoute) -> None:
    """A path that the list lets through is taken by the route of Gradio whose name the list bears, and by no other."""
    for method in route.methods:
        asked = sample(route.path)
        takers = (
            path
            for path, methods in walk(demo.app.routes)
            if compile_path(path)[0].match(asked) and methods & {method, "*"}
        )
        assert next(takers) == route.path, method


@pytest.mark.parametrize("path", CLOSED_PATHS)
def test_closed(http: httpx.Client, path: str) -> None:
    refused = text("request_filter.problem.closed")
    for method in METHODS:
        answer = http.request(method, sample(path))
        assert answer.status_code == 404, method
        assert method == "HEAD" or answer.text == refused, method


@pytest.mark.parametrize("route", ALLOWED, ids=lambda route: route.path)
def test_other_methods(http: httpx.Client, route: AllowedRoute) -> None:
    if "file=" in route.path:
        pytest.skip("tests/attack/test_files.py uploads one first")
    for method in {*METHODS, "NONSENSE"} - route.methods:
        answer = http.request(method, sample(route.path))
        assert answer.status_code == 405, method
        assert answer.headers["allow"] == ", ".join(sorted(route.methods))
    assert http.request("put", sample(route.path)).status_code == 405


@pytest.mark.parametrize("route", ALLOWED[1:], ids=lambda route: route.path)
def test_other_queries(http: httpx.Client, route: AllowedRoute) -> None:
    if "file=" in route.path:
        pytest.skip("tests/attack/test_files.py uploads one first")
    [method] = route.methods
    for query in ("deep_link=x", "__sign=x&page=", "%70age=x", "all_endpoints=True", "__SIGN=x", "a;__sign=x"):
        answer = http.request(method, f"{sample(route.path)}?{query}")
        assert answer.status_code == 400, query


def test_a_query_of_others_is_left_off_the_page(http: httpx.Client) -> None:
    """Other places add their keys to links; what Gradio itself would read from them does not arrive either."""
    for query, place in (
        ("fbclid=1", "./"),
        ("deep_link=x&page=y", "./"),
        ("__theme=dark&view=api", "./?__theme=dark"),
        ("x=//evil.example&__theme=%0d%0aX:y", "./?__theme=%0D%0AX%3Ay"),
    ):
        answer = http.get(f"?{query}")
        assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert http.get("?__theme=dark&__sign=x").status_code == 200
    assert http.head("").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//config",
        "/config/",
        "/config//",
        "/./config",
        "/x/../config",
        "/CONFIG",
        "/config%00",
        "/config%2f",
        "/config;x",
        "/config\\",
        "/gradio_api//info",
        "/gradio_api/upload/",
        "/gradio_api/queue%2fjoin/",
        "/assets/../../../../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/package.json",
        "/assets//etc/passwd",
        "/static/..%5c..%5cx",
        "/static/.env",
        "/static/",
        "/gradio_api/heartbeat/a b",
        "/gradio_api/heartbeat/",
        "/gradio_api/run/../upload",
        "/pwa_icon/0192",
        "/pwa_icon/193",
        "/pwa_icon/%31%39%32/",
        "http://evil.example/config",
    ],
)
def test_other_spellings(path: str) -> None:
    """What the server would have decoded is the path that is looked at."""
    for asked in (path, unquote(path)):
        assert find({"type": "http", "method": "GET", "path": asked, "query_string": b""}) is None, asked


def test_a_path_is_looked_at_decoded(http: httpx.Client) -> None:
    assert http.get("/%63onfig").status_code == 200
    assert http.get("/gradio_api%2Finfo").status_code == 200
    assert http.get("/gradio_api%2Ffile/https%3A%2F%2Fexample.org%2Fx.png").status_code == 404


def test_under_a_prefix() -> None:
    """Behind a proxy that keeps its prefix in the path, the routes are those below it, as for Gradio itself."""
    scope = {"type": "http", "method": "GET", "root_path": "/demo", "query_string": b""}
    inside = find({**scope, "path": "/demo/config"})
    assert inside is not None
    assert inside.path == "/config"
    assert find({**scope, "path": "/demo/login"}) is None
