"""What pages of other sites, and visitors' HTML on our own, can make a real browser do: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from resnet_demo.texts import text
from tests.browser.conftest import playwright, visit
from tests.launched import free_port, launched
from tests.loopback import Answer, Loopback, loopback

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 60_000
RUN = "document.documentElement.dataset.ran = 'yes'"
REFUSED = text("request_filter.problem.other_site")
HTML = {"Content-Type": "text/html"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = str(tmp_path_factory.mktemp("home"))
    with launched(["app.py", "--no-browser", "--port", str(free_port()), "--home", home]) as address:
        yield address


@pytest.fixture(scope="module")
def evil() -> Iterator[Loopback]:
    """Another site: on another port of this machine, and under another name of it."""
    with loopback() as server:
        yield server


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A fresh visitor's browser tab, in which things may go wrong."""
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(PATIENT)
    page = context.new_page()
    yield page
    context.close()


def uploaded(url: str, file: Path) -> str:
    """The address under which the page serves an uploaded file."""
    sent = httpx.post(f"{url}gradio_api/upload", files={"files": (file.name, file.read_bytes())}, trust_env=False)
    return f"{url}gradio_api/file={sent.json()[0]}"


@pytest.fixture
def photo(url: str, tmp_path: Path) -> str:
    """The address of a visitor's own picture."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "photo.png")
    return uploaded(url, tmp_path / "photo.png")


def places(server: Loopback) -> tuple[str, str]:
    """The other site, and the same under another name; the browser calls the one same-site and the other cross-site."""
    return server.url, f"http://localhost:{urlsplit(server.url).port}"


EMBED = """(address) => new Promise((done) => {
    const image = new Image(), script = document.createElement("script"), answers = {};
    const note = (name, value) => {
        answers[name] = value;
        if (Object.keys(answers).length === 4) done(answers);
    };
    setTimeout(() => done(answers), 60000);
    image.onload = () => note("image", true); image.onerror = () => note("image", false);
    script.onload = () => note("script", true); script.onerror = () => note("script", false);
    fetch(address).then((answer) => note("fetch", answer.ok), () => note("fetch", false));
    fetch(address, { mode: "no-cors" }).then(() => note("blind", true), () => note("blind", false));
    image.src = script.src = address;
    document.body.append(image, script);
})"""
NOTHING = {"image": False, "script": False, "fetch": False, "blind": False}


def test_nothing_of_ours_stands_in_a_page_of_theirs(tab: Any, url: str, evil: Loopback, photo: str) -> None:
    evil.serve("/", Answer(b"<body></body>", headers=HTML))
    for place in places(evil):
        tab.goto(place)
        for path in (photo, f"{url}config", f"{url}static/js/iframeResizer.contentWindow.min.js", url):
            assert tab.evaluate(EMBED, path) == NOTHING, (place, path)
    tab.goto(url)
    assert tab.evaluate(EMBED, photo)["image"]


@pytest.mark.parametrize("path", ["", "gradio_api/info", "photo"])
def test_nothing_of_ours_stands_in_a_frame_of_theirs(tab: Any, url: str, evil: Loopback, photo: str, path: str) -> None:
    target = photo if path == "photo" else url + path
    evil.serve("/frame", Answer(f"<iframe src='{target}'></iframe>".encode(), headers=HTML))
    for place in places(evil):
        tab.goto(f"{place}/frame")
        frame = tab.wait_for_selector("iframe").content_frame()
        frame.wait_for_url("chrome-error://**")
        assert frame.url.startswith("chrome-error://")


def test_links_and_redirects_of_theirs_lead_to_the_page_alone(tab: Any, url: str, evil: Loopback, photo: str) -> None:
    evil.serve("/x.png", Answer(f"<script>{RUN}</script>".encode(), headers=HTML))
    fetched = f"{url}gradio_api/file/{evil.url}/x.png"
    for place in places(evil):
        for target in (fetched, photo, f"{url}config", f"{url}gradio_api/heartbeat/x"):
            evil.serve("/link", Answer(f"<a href='{target}'>go</a>".encode(), headers=HTML))
            evil.serve("/redirect", Answer(status=302, headers={"Location": target}))
            tab.goto(f"{place}/link")
            tab.get_by_role("link").click()
            expect(tab.get_by_text(REFUSED)).to_be_visible(timeout=PATIENT)
            assert tab.url == target
            tab.goto("about:blank")
            tab.goto(f"{place}/link")
            tab.evaluate("(address) => { location = address; }", f"{place}/redirect")
            expect(tab.get_by_text(REFUSED)).to_be_visible(timeout=PATIENT)
    evil.serve("/link", Answer(f"<a href='{url}?utm_source=x'>go</a>".encode(), headers=HTML))
    tab.goto(f"{evil.url}/link")
    tab.get_by_role("link").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(text("page.title"), timeout=PATIENT)
    assert tab.url == url
    assert not [request for request in evil.requests if request.path == "/x.png"]


def test_a_typed_address_fetches_nothing(tab: Any, url: str, evil: Loopback) -> None:
    before = len(evil.requests)
    for route in ("file/", "file=", "proxy="):
        tab.goto(f"{url}gradio_api/{route}{evil.url}/typed.png")
        expect(tab.get_by_text(text("request_filter.problem.closed"))).to_be_visible(timeout=PATIENT)
    assert len(evil.requests) == before


def test_a_form_of_theirs_sends_nothing(tab: Any, url: str, evil: Loopback) -> None:
    for action in ("gradio_api/upload", "gradio_api/queue/join", ""):
        form = f"<form method=post enctype=multipart/form-data action='{url}{action}'><button>go</button></form>"
        evil.serve("/form", Answer(form.encode(), headers=HTML))
        tab.goto(f"{evil.url}/form")
        with tab.expect_response(f"{url}{action}") as answer:
            tab.get_by_role("button").click()
        assert answer.value.status == 403


STRANGE = (
    f'<img src="data:," onerror="{RUN}">',
    f'<details open ontoggle="{RUN}">x</details>',
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f'<a id="strange" href="javascript:{RUN};void 0">x</a>',
)
SHOW = """(html) => {
    const box = document.body.appendChild(document.createElement("div"));
    box.style = "position: fixed; inset: 0; z-index: 9999";
    box.innerHTML = html;
}"""
ADD = """(code) => {
    const script = document.createElement("script");
    script.textContent = code;
    document.body.append(script);
}"""


COUNT = """() => {
    window.refused = 0;
    document.addEventListener("securitypolicyviolation", () => { window.refused += 1; });
}"""


@pytest.mark.parametrize("make", [SHOW, ADD], ids=["as HTML", "as a script"])
def test_html_of_strangers_runs_nothing(tab: Any, url: str, make: str) -> None:
    """Even where a name came to be shown as HTML."""
    tab.goto(url)
    tab.get_by_role("heading", level=1).wait_for()
    tab.evaluate(COUNT)
    if make is ADD:
        tab.evaluate(ADD, RUN)
        tab.wait_for_function("window.refused === 1")
    else:
        tab.evaluate(SHOW, "".join(STRANGE))
        tab.wait_for_function("window.refused === 2")  # the frame counts its own
        tab.locator("#strange").click()
        tab.wait_for_function("window.refused === 3")
    tab.wait_for_timeout(300)
    assert tab.evaluate("document.documentElement.dataset.ran || null") is None


@pytest.mark.parametrize("part", STRANGE, ids=["img", "details", "iframe", "a"])
def test_each_piece_of_it_would_run(tab: Any, evil: Loopback, part: str) -> None:
    """Each way in is a real one, on a page without our policy: the test above does not pass for want of an attack."""
    evil.serve("/plain", Answer(b"<!doctype html><title>x</title><body></body>", headers=HTML))
    tab.goto(f"{evil.url}/plain")
    tab.evaluate(SHOW, part)
    if "strange" in part:
        tab.locator("#strange").click()
    tab.wait_for_function("document.documentElement.dataset.ran")
    assert tab.evaluate("document.documentElement.dataset.ran") == "yes"


def test_files_of_visitors_run_nothing(tab: Any, url: str, tmp_path: Path) -> None:
    """Opened as a page of their own: a picture's name makes a broken picture, any other a download."""
    (tmp_path / "page.png").write_text(f"<!doctype html><script>{RUN}</script>")
    tab.goto(uploaded(url, tmp_path / "page.png"))
    tab.wait_for_timeout(300)
    assert tab.evaluate("document.documentElement.dataset.ran || null") is None
    assert tab.evaluate("document.contentType") == "image/png"
    for name in ("page.html", "page.svg", "page.xml"):
        (tmp_path / name).write_text((tmp_path / "page.png").read_text())
        address = uploaded(url, tmp_path / name)
        tab.goto(url)
        with tab.expect_download() as download:
            tab.evaluate("(address) => { location = address; }", address)
        assert download.value.suggested_filename == name


def test_every_tab_keeps_the_policy(chromium: Any, url: str) -> None:
    """A visit fails on any error in the console, and a script that is not let through is one."""
    with visit(chromium, url) as page:
        page.set_default_timeout(PATIENT)
        for name in ("classify", "finetune", "look_inside"):
            page.get_by_role("tab", name=text(f"page.tabs.{name}"), exact=True).click()
            inner = page.get_by_role("tabpanel").get_by_role("tab")
            for index in range(inner.count()):
                if inner.nth(index).is_visible():
                    inner.nth(index).click()
        page.wait_for_timeout(500)
