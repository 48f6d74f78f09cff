"""The photos step as a visitor uses it: every source, what is told of the photos, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, chromium_path, playwright, visit
from tests.browser.dragging import drop
from tests.data.drawn import flowers, jpeg, write
from tests.data.test_archive import zipped
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 180_000
NASTY = "郁金香 <script>alert(1)"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    nowhere = "http://127.0.0.1:9"
    with launched(command(home), HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere, HF_ENDPOINT=nowhere) as address:
        yield address


def command(home: Path, *flags: str) -> list[str]:
    return ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home), *flags]


def open_step(page: Any, source: str = "drop", language: str = "en") -> None:
    page.set_default_timeout(PATIENT)
    for key in ("page.tabs.finetune", "finetune.step.photos"):
        page.get_by_role("tab", name=text(key, language), exact=True).click()
    page.locator("#photos-source").wait_for()
    page.locator("#photos-source").get_by_text(text(f"photos.source.{source}", language), exact=True).click()


def is_reported(page: Any, photos: int, classes: int, language: str = "en") -> None:
    said = text("photos.report.title", language, photos=photos, classes=classes)
    expect(page.locator("#photos-status")).to_contain_text(said, timeout=PATIENT)


def is_refused(page: Any, sentence: str) -> None:
    expect(page.get_by_text(sentence).first).to_be_visible(timeout=PATIENT)


def drawn_classes(page: Any) -> list[str]:
    return page.locator("#photos-report svg title").all_text_contents()


def test_a_zip_is_dropped_and_shown(chromium: Any, url: str, tmp_path: Path) -> None:
    files = {f"flowers/{name}": body for name, body in flowers(8, ("daisy", NASTY, "tulips")).items()}
    files["flowers/daisy/text.jpg"] = b"text"
    (tmp_path / "my flowers.zip").write_bytes(zipped(files))
    with visit(chromium, url) as page:
        open_step(page)
        expect(page.locator("#photos-status")).to_have_text(text("photos.empty"))
        expect(page.locator("#photos-go")).to_be_hidden()
        drop(page, "#photos-drop .zone", tmp_path / "my flowers.zip")
        is_reported(page, 24, 3)
        expect(page.locator("#photos-status h2")).to_have_text("my flowers")
        assert drawn_classes(page) == ["daisy", "tulips", NASTY]
        page.get_by_text(text("photos.unreadable", count=1)).click()
        expect(page.locator("#photos-report td").first).to_have_text("flowers/daisy/text.jpg")
        pictures = page.locator("#photos-samples img")
        expect(pictures).to_have_count(3 * 8, timeout=PATIENT)
        before = pictures.nth(20).get_attribute("src")
        page.locator("#photos-again").click()
        expect(pictures.nth(20)).not_to_have_attribute("src", before, timeout=PATIENT)
        page.get_by_text("简体中文").click()
        is_reported(page, 24, 3, "zh-CN")
        expect(page.locator("#photos-report")).to_contain_text(text("dataset_facts.unreadable", "zh-CN", count=1))
        expect(page.locator("#photos-samples")).to_contain_text(text("photos.preview.original", "zh-CN"))
        page.locator("#photos-go").click()
        step = page.get_by_role("tab", name=text("finetune.step.train", "zh-CN"), exact=True)
        expect(step).to_have_attribute("aria-selected", "true")
        page.get_by_role("tab", name=text("finetune.step.photos", "zh-CN"), exact=True).click()
        is_reported(page, 24, 3, "zh-CN")


def test_a_folder_is_dropped_with_its_class_folders(chromium: Any, url: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", {**flowers(6, ("cats", "狗 1")), "cats/.DS_Store": b"x", "notes.txt": b"x"})
    with visit(chromium, url) as page:
        open_step(page)
        drop(page, "#photos-drop .zone", folder)
        is_reported(page, 12, 2)
        assert drawn_classes(page) == ["cats", "狗 1"]
        expect(page.locator("#photos-report")).to_contain_text(text("dataset_facts.fine"))


def fill(page: Any, box: int, *files: Path) -> None:
    page.locator("#photos-boxes .card .files").nth(box).set_input_files([str(file) for file in files])


def count(page: Any, box: int, photos: int) -> None:
    said = text("boxes.count", count=photos)
    expect(page.locator("#photos-boxes .card .count").nth(box)).to_have_text(said, timeout=PATIENT)


def test_photos_are_sorted_into_boxes(driver: Any, url: str, tmp_path: Path) -> None:
    """By choosing, dropping and filming; a box is renamed and another taken away before they are used."""
    write(tmp_path, flowers(6))
    daisies, tulips = (sorted((tmp_path / name).iterdir()) for name in ("daisy", "tulips"))
    film = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    browser = driver.chromium.launch(executable_path=chromium_path(), args=film)
    with visit(browser, url, permissions=["camera"]) as page:
        open_step(page, "boxes")
        names = page.locator("#photos-boxes .name")
        names.nth(0).fill("dasies")
        fill(page, 0, *daisies[:4])
        count(page, 0, 4)
        names.nth(0).fill("daisies")
        page.get_by_role("button", name=text("boxes.add")).click()
        expect(page.locator("#photos-boxes .card")).to_have_count(3, timeout=PATIENT)
        fill(page, 1, *daisies)
        count(page, 1, 6)
        page.get_by_role("button", name=text("boxes.remove")).nth(1).click()
        expect(page.locator("#photos-boxes .card")).to_have_count(2, timeout=PATIENT)
        drop(page, "#photos-boxes .card:nth-child(2) .strip", tulips[0].parent)
        count(page, 1, 6)
        card = page.locator("#photos-boxes .card").nth(1)
        card.get_by_role("button", name=text("boxes.webcam")).click()
        page.wait_for_function("document.querySelector('#photos-boxes .card:nth-child(2) video').videoWidth > 0")
        hold = card.get_by_role("button", name=text("boxes.hold"))
        hold.focus()
        page.keyboard.down("Enter")
        said = page.locator("#photos-boxes .status")
        expect(said).to_have_text(text("boxes.recording", count=3), timeout=PATIENT)
        page.keyboard.up("Enter")
        expect(card.locator(".picture").nth(8)).to_be_visible(timeout=PATIENT)  # six and three
        recorded = card.locator(".picture").count()
        count(page, 1, recorded)
        # By keyboard along the strip, whose first picture is the newest.
        card.locator(".picture").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Delete")
        count(page, 1, recorded - 1)
        names.nth(1).fill(NASTY)
        page.get_by_role("button", name=text("boxes.use")).click()
        is_reported(page, 4 + recorded - 1, 2)
        assert drawn_classes(page) == ["daisies", NASTY]
    browser.close()


def test_a_folder_of_this_machine(chromium: Any, url: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", flowers(5))
    with visit(chromium, url) as page:
        open_step(page, "folder")
        page.locator("#photos-folder input").fill(str(folder))
        page.locator("#photos-folder input").press("Enter")
        page.locator("#photos-open").click()
        is_reported(page, 10, 2)


REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "a damaged zip": ({"a.zip": zipped(flowers(3))[:900]}, text("archive.problem.damaged")),
    "a hostile zip": ({"a.zip": zipped({"../evil.jpg": b"x"})}, text("file_names.problem.outside", name="../evil.jpg")),
    "two zips": ({"a.zip": zipped(flowers(1)), "b.zip": zipped(flowers(1))}, text("photos.problem.archives")),
    "no class folders": ({"1.jpg": jpeg(1), "2.jpg": jpeg(2)}, "are not in class folders"),
    "only text": ({"1.jpg": b"text"}, "no photo in"),
}


def test_what_is_refused_leaves_nothing(chromium: Any, url: str, home: Path, tmp_path: Path) -> None:
    before = set((home / "datasets").glob("*"))
    with visit(chromium, url) as page:
        open_step(page)
        for case, (files, sentence) in REFUSED.items():
            folder = write(tmp_path / case, files)
            drop(page, "#photos-drop .zone", *sorted(folder.iterdir()))
            is_refused(page, sentence)
        expect(page.locator("#photos-go")).to_be_hidden()
    assert set((home / "datasets").glob("*")) == before


def test_one_class_is_shown_and_leads_nowhere(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit(chromium, url) as page:
        open_step(page)
        drop(page, "#photos-drop .zone", write(tmp_path / "cats", {"1.jpg": jpeg(1), "2.jpg": jpeg(2)}))
        expect(page.locator("#photos-report")).to_contain_text(text("dataset_facts.one_class"), timeout=PATIENT)
        expect(page.locator("#photos-go")).to_be_disabled()


def test_without_a_connection(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_step(page, "hub")
        page.locator("#photos-hub input, #photos-hub textarea").fill("owner/flowers")
        page.locator("#photos-fetch").click()
        is_refused(page, text("hub_photos.problem.offline", name="owner/flowers"))
        page.locator("#photos-source").get_by_text(text("photos.source.flowers")).click()
        page.locator("#photos-flowers").click()
        is_refused(page, text("download.problem.offline", host="storage.googleapis.com", file="flower_photos.tgz"))


@pytest.mark.parametrize(("size", "language"), [(PHONE, "zh-CN"), (DESKTOP, "en-US")])
def test_it_fits_the_window(chromium: Any, url: str, size: dict[str, int], language: str, tmp_path: Path) -> None:
    spoken = language.removesuffix("-US")
    names = ("a" * 120, "花" * 60, *(f"class {number}" for number in range(45)))
    (tmp_path / "many.zip").write_bytes(zipped(flowers(1, names)))
    with visit(chromium, url, viewport=size, locale=language) as page:
        for source in ("boxes", "folder", "hub", "flowers", "drop"):
            open_step(page, source, spoken)
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        page.set_input_files("#photos-drop input[name=files]", tmp_path / "many.zip")
        is_reported(page, 47, 47, spoken)
        expect(page.locator("#photos-samples img")).to_have_count(3 * 8, timeout=PATIENT)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def told(url: str) -> str:
    """All that the server tells a browser of the page: components, and the events that may be asked for."""
    return httpx.get(f"{url.rstrip('/')}/config", trust_env=False).text


def test_strangers_find_no_way_to_folders(chromium: Any, url: str, tmp_path: Path) -> None:
    """Neither to click on nor to ask for: an event of the server's needs no button."""
    with launched(command(tmp_path, "--public")) as address, visit(chromium, address) as page:
        open_step(page)
        offered = [text(f"photos.source.{name}") for name in ("drop", "boxes", "hub", "drawn", "flowers")]
        expect(page.locator("#photos-source label")).to_have_text(offered)
        assert '"photos_drop"' in told(address)
        for way in ('"photos-folder"', '"photos_folder"', '"photos-open"'):
            assert way in told(url)
            assert way not in told(address)
