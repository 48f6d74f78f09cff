"""What somebody sees and does first: what this is, an answered example, and one example of their own to click."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from resnet_demo.texts import text
from resnet_demo.ui.tabs.classify.next_steps import CARDS
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 60_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = str(tmp_path_factory.mktemp("home"))
    with launched(["app.py", "--no-browser", "--port", str(free_port()), "--home", home]) as address:
        yield address


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh-CN")])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_an_answer_with_its_map_stands_on_the_first_screen(
    chromium: Any, url: str, locale: str, language: str, size: dict[str, int]
) -> None:
    with visit(chromium, url, locale=locale, viewport=size) as page:
        example = page.locator("#classify-answered-example")
        for picture in example.locator("img").all():
            expect(picture).to_be_in_viewport()
            assert picture.get_attribute("alt")
            assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 224
        expect(example.locator("h2")).to_be_in_viewport()
        expect(example).to_contain_text(text("answered_example.about", language))
        cards = page.locator("#next-steps a")
        expect(cards).to_have_count(len(CARDS))
        for card, (name, address) in zip(cards.all(), CARDS.items(), strict=True):
            expect(card).to_be_in_viewport()
            expect(card).to_contain_text(text(f"cards.{name}", language))
            assert card.get_attribute("href") == address


def test_one_click_on_an_example_gives_a_right_answer(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        expect(page.locator("#classify-examples-caption")).to_have_text(text("examples.flowers"))
        page.locator("#classify-examples button").nth(2).click()
        expect(page.locator("#classify-prediction h2")).to_contain_text("sunflower", timeout=PATIENT)
        expect(page.locator("#classify-answered-example")).to_be_hidden()


def test_examples_follow_the_model(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        pictures = page.locator("#classify-examples img")
        expect(pictures).to_have_count(4)
        flowers = pictures.first.get_attribute("src")
        page.locator("#classify-model input").click()
        page.locator("[role=option]", has_text="resnet18").first.click()
        expect(page.locator("#classify-examples-caption")).to_have_text(text("examples.objects"), timeout=PATIENT)
        expect(pictures.first).not_to_have_attribute("src", str(flowers))
