"""The Look inside tab as a visitor uses it: a part picked on the network's picture, what it shows, a block off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.launched import free_port, launched
from tests.shelf import run_with_model
from tests.tiny import LABELS, photos

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 120_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app whose home has one model, of nine blocks and five classes."""
    home = tmp_path_factory.mktemp("home")
    run_with_model(Settings(home=home))
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command, OMP_NUM_THREADS="1") as address:
        yield address


@contextmanager
def looking(
    chromium: Any, url: str, folder: Path, language: str = "en", count: int = 1, **options: Any
) -> Iterator[Any]:
    """A visit with photos in a network, the first of them looked into."""
    with visit(chromium, url, **options) as page:
        page.set_default_timeout(PATIENT)
        page.get_by_role("tab", name=text("page.tabs.look_inside", language), exact=True).click()
        page.locator("#look-model input").click()
        page.locator("[role=option][aria-label^='My flowers']").first.click()
        files = [str(photo) for photo in photos(folder, count)]
        page.set_input_files("#look-drop input[type=file]:not([webkitdirectory])", files)
        expect(page.locator("#look-tiles button")).to_have_count(64, timeout=PATIENT)
        yield page


def open_section(page: Any, name: str, language: str = "en") -> None:
    page.get_by_role("tab", name=text(f"look.section.{name}", language), exact=True).click()


def test_a_block_is_picked_seen_and_switched_off(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        page.locator("#look-network [data-name='stage2.1']").click()
        expect(page.locator("#look-maps-about")).to_contain_text("stage2.1", timeout=PATIENT)
        tiles = page.locator("#look-tiles button")
        expect(tiles).to_have_count(32, timeout=PATIENT)
        channel = tiles.nth(7).get_attribute("data-name")
        tiles.nth(7).click()
        expect(page.locator("#look-channel")).to_contain_text(
            text("look.maps.channel", channel=channel), timeout=PATIENT
        )
        open_section(page, "adds")
        expect(page.locator("#look-compared h2")).to_have_count(1, timeout=PATIENT)
        before = page.locator("#look-compared ol").inner_text()
        page.locator("#look-toggle").click()
        expect(page.locator("#look-compared h2")).to_have_count(2, timeout=PATIENT)
        expect(page.locator("#look-compared ol").first).to_have_text(before, use_inner_text=True)
        expect(page.locator("#look-compared ol").nth(1)).not_to_have_text(before, use_inner_text=True)
        expect(page.locator("#look-network")).to_contain_text(text("plots.network.off"))
        page.locator("#look-parts [data-rows]").first.click(position={"x": 5, "y": 5})
        expect(page.locator("#look-numbers dd")).to_have_count(4, timeout=PATIENT)
        page.locator("#look-all-on").click()
        expect(page.locator("#look-compared h2")).to_have_count(1, timeout=PATIENT)


def test_where_it_looked(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        open_section(page, "where")
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        page.locator("#look-five").click()
        expect(page.locator("#look-beside figure")).to_have_count(5, timeout=PATIENT)
        page.locator("#look-true").click()
        expect(page.locator("#look-proof svg")).to_have_count(2, timeout=PATIENT)
        page.locator("#look-files").click()
        expect(page.locator("#look-download")).to_contain_text(".npy", timeout=PATIENT)
        open_section(page, "flow")
        expect(page.locator("#look-flow svg")).to_be_visible(timeout=PATIENT)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_from_a_classified_photo_to_its_heatmap(chromium: Any, url: str, size: dict[str, int]) -> None:
    with visit(chromium, url, viewport=size) as page:
        page.set_default_timeout(PATIENT)
        page.locator("#classify-model input").click()
        page.locator("[role=option][aria-label^='My flowers']").first.click()
        page.locator("#classify-examples button").nth(1).click()
        best = page.locator("#classify-answer h2").inner_text(timeout=PATIENT)
        page.locator("#classify-look").click()
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        expect(page.locator("#look-where-about h3")).to_contain_text(best, timeout=PATIENT)
        expect(page.locator("#look-model input")).to_have_value(re.compile("^My flowers"))
        expect(page.locator("#look-where-about")).to_be_in_viewport(timeout=PATIENT)


def test_several_photos_at_once(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path, count=3) as page:
        strip = page.locator("#look-strip button")
        expect(strip).to_have_count(3)
        strip.nth(2).click()
        expect(page.locator("#look-photo")).to_contain_text("0002.jpg", timeout=PATIENT)
        expect(page.locator("#look-strip [aria-pressed='true']")).to_have_attribute("title", "0002.jpg")
        open_section(page, "where")
        page.locator("#look-each").click()
        expect(page.locator("#look-beside figure img")).to_have_count(3, timeout=PATIENT)


def test_accuracy_by_block_removed(chromium: Any, tmp_path: Path) -> None:
    run_with_model(Settings(home=tmp_path / "home"))
    for name in LABELS[:3]:
        photos(tmp_path / "photos" / name, 3)
    command = ["-m", "tests.browser.train_app", str(tmp_path / "photos"), "--home", str(tmp_path / "home")]
    with (
        launched([*command, "--no-browser", "--port", str(free_port())], OMP_NUM_THREADS="1") as address,
        looking(chromium, address, tmp_path / "one") as page,
    ):
        open_section(page, "adds")
        page.locator("#look-measure").click()
        done = page.locator("#look-removals-said").filter(has_text="9 photos; the whole network names")
        expect(done).to_be_visible(timeout=PATIENT)
        expect(page.locator("#look-removals [data-name]")).to_have_count(7)
        expect(page.locator("#look-end")).to_be_hidden()
        page.locator("#look-removals [data-name='stage2.1']").click()
        expect(page.locator("#look-block h3")).to_have_text("stage2.1", timeout=PATIENT)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_it_fits_the_window(chromium: Any, url: str, size: dict[str, int], tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path, "zh-CN", viewport=size, locale="zh-CN") as page:
        for name, shown in (("adds", "#look-parts"), ("where", "#look-map img"), ("flow", "#look-flow svg")):
            open_section(page, name, "zh-CN")
            expect(page.locator(shown)).to_be_visible(timeout=PATIENT)
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
