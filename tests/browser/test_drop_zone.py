"""The drop zone in a real browser: chosen, dropped and pasted photos reach Python, names and limits intact."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import text
from tests.browser.conftest import PHONE, playwright, visit
from tests.browser.dragging import drop
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser

ZONE = "#drop .zone"
LIMITS = {"max_photos": 60, "max_upload_bytes": MEGABYTE}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = ["-m", "tests.browser.small_app", json.dumps({"port": free_port(), **LIMITS})]
    with launched(command, GRADIO_TEMP_DIR=str(tmp_path_factory.mktemp("uploads"))) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, one with a Chinese name, and what systems leave between photos."""
    names = ("roses/a.jpg", "roses/b #1?.JPG", "郁金香/一.png", "roses/inner/c.webp", "list.csv")
    junk = (".DS_Store", "roses/.hidden.jpg", "__MACOSX/roses/a.jpg", "roses/Thumbs.db", "desktop.ini")
    for number, name in enumerate((*names, *junk)):
        path = tmp_path / "flowers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number + 1))
    return tmp_path / "flowers"


FOLDER_RECEIVED = [
    ["flowers/list.csv", 5],
    ["flowers/roses/a.jpg", 1],
    ["flowers/roses/b #1?.JPG", 2],
    ["flowers/roses/inner/c.webp", 4],
    ["flowers/郁金香/一.png", 3],
]


def result(page: Any) -> list[list[Any]]:
    """What Python received, once it has."""
    box = page.locator("#result textarea")
    playwright.expect(box).not_to_have_value("")
    return json.loads(box.input_value())


def status(page: Any) -> str:
    return page.locator("#drop .status").inner_text()


def make_files(folder: Path, count: int, size: int) -> list[Path]:
    files = [folder / f"photo {number}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(number.to_bytes(4) * (size // 4))
    return files


def test_chosen_by_keyboard(chromium: Any, url: str, tmp_path: Path) -> None:
    files = make_files(tmp_path, 12, 40)
    with visit(chromium, url) as page:
        # Not `expect_file_chooser`: it may begin to listen after the key.
        page.on("filechooser", lambda chooser: chooser.set_files(files))
        page.get_by_role("button", name=text("drop.choose")).focus()
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
        assert result(page) == [[file.name, 40] for file in files]
        assert status(page) == text("drop.done", done=12)


def test_folder_chosen(chromium: Any, url: str, folder: Path) -> None:
    with visit(chromium, url) as page:
        page.locator("#drop input[name=folder]").set_input_files(folder)
        assert sorted(result(page)) == FOLDER_RECEIVED


def test_folder_dropped(chromium: Any, url: str, folder: Path) -> None:
    with visit(chromium, url) as page:
        drop(page, ZONE, folder)
        assert sorted(result(page)) == FOLDER_RECEIVED


def test_files_dropped(chromium: Any, url: str, folder: Path, tmp_path: Path) -> None:
    """Dropped one by one, files of any name are taken: what is wrong with them is said later, by name."""
    odd = tmp_path / ".odd"
    odd.write_bytes(b"xy")
    with visit(chromium, url) as page:
        drop(page, ZONE, odd, folder / "roses")
        assert [".odd", 2] in result(page)
        assert ["roses/a.jpg", 1] in result(page)


def test_pasted(chromium: Any, url: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "copied.png")
    picture = list((tmp_path / "copied.png").read_bytes())
    copy = """bytes => navigator.clipboard.write(
        [new ClipboardItem({"image/png": new Blob([new Uint8Array(bytes)], {type: "image/png"})})])"""
    with visit(chromium, url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator("#drop .title").wait_for()
        page.evaluate(copy, picture)
        page.keyboard.press("Control+V")
        [[name, size]] = result(page)
        assert name == "image.png"
        assert size


def test_text_pasted_and_dropped_elsewhere(chromium: Any, url: str, tmp_path: Path) -> None:
    """Only files over the zone count, and one that misses it does not replace the page."""
    [file] = make_files(tmp_path, 1, 4)
    with visit(chromium, url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator("#drop .title").wait_for()
        page.evaluate("navigator.clipboard.writeText('words')")
        page.keyboard.press("Control+V")
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        session = page.context.new_cdp_session(page)
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, "x": 640, "y": 790, "data": data})
        page.wait_for_timeout(500)
        assert page.url == url
        assert page.locator("#result textarea").input_value() == ""


def test_limits_in_words(chromium: Any, url: str, tmp_path: Path) -> None:
    files = make_files(tmp_path, 62, 4)
    files[3].write_bytes(bytes(MEGABYTE + 1))
    with visit(chromium, url) as page:
        page.locator("#drop .title").wait_for()
        hint = text("drop.hint", most=LIMITS["max_photos"], megabytes=1)
        assert page.locator("#drop .hint").inner_text() == hint
        drop(page, ZONE, *files)
        got = result(page)
        assert len(got) == LIMITS["max_photos"]
        assert ["photo 3.jpg", None] in got
        expected = [
            text("drop.done", done=59),
            text("drop.cut", most=60, total=62),
            text("drop.large", count=1, megabytes=1),
        ]
        assert status(page) == " ".join(expected)


def test_limits_of_a_box_in_words(chromium: Any, url: str, tmp_path: Path) -> None:
    files = make_files(tmp_path, 62, 4)
    files[3].write_bytes(bytes(MEGABYTE + 1))
    with visit(chromium, url) as page:
        page.get_by_role("tab", name="2").click()
        drop(page, "#boxes .card:nth-child(1) .strip", *files)
        playwright.expect(page.locator("#count textarea")).to_have_value("59", timeout=60_000)
        expected = [text("drop.cut", most=60, total=62), text("drop.large", count=1, megabytes=1)]
        playwright.expect(page.locator("#boxes .status")).to_have_text(" ".join(expected))


@pytest.mark.parametrize(("code", "key"), [(413, "too_much"), (429, "later"), (403, "refused"), (0, "lost")])
def test_refusal_in_words(chromium: Any, url: str, tmp_path: Path, code: int, key: str) -> None:
    """The words for a refusal, and that a second try works; only the server's answer is made up."""
    [file] = make_files(tmp_path, 1, 4)
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(url)
    page.route("**/gradio_api/upload", lambda route: route.fulfill(status=code) if code else route.abort())
    drop(page, ZONE, file)
    fields = {"status": code} if key == "refused" else {}
    playwright.expect(page.locator("#drop .status")).to_have_text(text(f"drop.{key}", **fields))
    page.unroute("**/gradio_api/upload")
    drop(page, ZONE, file)
    assert result(page) == [["photo 0.jpg", 4]]
    context.close()


def test_progress_is_shown(chromium: Any, url: str, tmp_path: Path) -> None:
    files = make_files(tmp_path, 1, 600_000)
    with visit(chromium, url) as page:
        bar, button = page.locator("#drop progress"), page.get_by_role("button", name=text("drop.choose"))
        playwright.expect(bar).to_be_hidden()
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
        page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
        drop(page, ZONE, *files)
        playwright.expect(page.locator("#drop .status")).to_have_text(text("drop.sending", done=0, total=1))
        playwright.expect(button).to_be_disabled()
        page.wait_for_function("0 < document.querySelector('#drop progress').value")
        assert result(page) == [["photo 0.jpg", 600_000]]
        playwright.expect(bar).to_be_hidden()
        playwright.expect(button).to_be_enabled()


def test_a_large_archive_comes_in_pieces(chromium: Any, url: str, tmp_path: Path) -> None:
    """Each as large as a file may be; a zone that is for photos alone does not send it."""
    archive = tmp_path / "花.tar.gz"
    archive.write_bytes(b"".join(number.to_bytes(4) for number in range(600_000)))
    with visit(chromium, url) as page:
        drop(page, ZONE, archive)
        assert result(page) == [[archive.name, None]]
        page.get_by_role("tab", name="2", exact=True).click()
        zone = page.locator("#archive input[name=files]")
        assert zone.get_attribute("accept").endswith(".zip,.tar,.gz,.tgz,.bz2,.tbz2,.xz,.txz")
        zone.set_input_files(archive)
        box = page.locator("#weight textarea")
        playwright.expect(box).not_to_have_value("")
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        assert json.loads(box.input_value()) == [archive.name, 2, digest]


def test_language_switch_keeps_the_status(chromium: Any, url: str, tmp_path: Path) -> None:
    [file] = make_files(tmp_path, 1, 4)
    with visit(chromium, url, viewport=PHONE) as page:
        drop(page, ZONE, file)
        result(page)
        page.get_by_text("简体中文").click()
        playwright.expect(page.locator("#drop .title")).to_have_text(text("drop.title", "zh-CN"))
        assert status(page) == text("drop.done", "zh-CN", done=1)
        page.get_by_role("tab", name="2", exact=True).click()
        playwright.expect(page.locator("#second")).to_have_text(text("drop.choose", "zh-CN"))
