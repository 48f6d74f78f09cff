"""The page itself in a real browser: its language, its look on a phone and in the dark, and its keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = str(tmp_path_factory.mktemp("home"))
    with launched(["app.py", "--no-browser", "--port", str(free_port()), "--home", home]) as address:
        yield address


def shows(page: Any, language: str) -> None:
    """The page is in `language`, from its title to its tabs."""
    playwright.expect(page.get_by_role("heading", level=1)).to_have_text(text("page.title", language))
    playwright.expect(page.locator("#brand p")).to_have_text(text("page.privacy.local", language))
    playwright.expect(page.get_by_role("tab").first).to_have_text(text("page.tabs.classify", language))
    playwright.expect(page.locator("html")).to_have_attribute("lang", language)
    playwright.expect(page).to_have_title(text("page.title", language))


@pytest.mark.parametrize(
    ("locale", "language"), [("en-GB", "en"), ("zh-CN", "zh-CN"), ("zh-TW", "zh-CN"), ("fr", "en")]
)
def test_language_of_the_browser(chromium: Any, url: str, locale: str, language: str) -> None:
    with visit(chromium, url, locale=locale) as page:
        shows(page, language)


def test_chosen_language_outlives_a_reload(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        shows(page, "en")
        page.get_by_text("简体中文").click()
        shows(page, "zh-CN")
        page.reload()
        shows(page, "zh-CN")
        page.get_by_text("English").click()
        shows(page, "en")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_page_comes_to_rest(chromium: Any, url: str, locale: str) -> None:
    """Gradio may take a language that is set while the page is being put together for a change without end."""
    with visit(chromium, url, locale=locale) as page:
        shows(page, locale.removesuffix("-US"))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))

        def comes_to_rest() -> bool:
            for _ in range(20):  # a slow machine is still at what the page began with
                asked.clear()
                page.wait_for_timeout(2_000)
                if len(asked) <= 1:  # the page's clock
                    return True
            return False

        assert comes_to_rest(), asked
        page.get_by_role("tab").nth(1).click()
        assert comes_to_rest(), asked
        page.get_by_text("English" if locale == "zh-CN" else "简体中文").click()
        assert comes_to_rest(), asked


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP, {"width": 320, "height": 568}])
def test_no_sideways_scroll(chromium: Any, url: str, locale: str, size: dict[str, int]) -> None:
    with visit(chromium, url, locale=locale, viewport=size) as page:
        shows(page, locale.removesuffix("-US"))
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def test_light_and_dark_follow_the_system(chromium: Any, url: str) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        with visit(chromium, url, color_scheme=scheme) as page:
            shows(page, "en")
            for part in ("body", "h1"):
                name = "backgroundColor" if part == "body" else "color"
                color = page.evaluate(f"getComputedStyle(document.querySelector('{part}')).{name}")
                brightness[scheme, part] = sum(int(value) for value in color.strip("rgb()").split(",")[:3])
    assert brightness["light", "h1"] < 200 < 600 < brightness["light", "body"]
    assert brightness["dark", "body"] < 200 < 600 < brightness["dark", "h1"]


def test_skip_link(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        shows(page, "en")
        page.keyboard.press("Tab")
        link = page.get_by_role("link", name=text("page.skip"))
        playwright.expect(link).to_be_focused()
        assert link.bounding_box()["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('#content').contains(document.activeElement)")


def test_the_language_is_one_stop_of_the_tab_key(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        shows(page, "en")
        playwright.expect(page.locator("#language input[name=language]")).to_have_count(2)
        page.locator("#language input:checked").focus()
        page.keyboard.press("ArrowRight")
        shows(page, "zh-CN")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#language')") is None
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.value") == "zh-CN"


def test_examples_have_names(chromium: Any, url: str) -> None:
    with visit(chromium, url, locale="zh-CN") as page:
        shows(page, "zh-CN")
        for language in ("zh-CN", "en"):
            for name in ("daisy", "tulip", "sunflower", "rose"):
                said = text(f"examples.name.{name}", language)
                playwright.expect(page.get_by_role("button", name=said, exact=True)).to_be_visible()
            page.get_by_text("English").click()


CONTRAST = """node => {
    const parts = colour => (colour.match(/[\\d.]+/g) ?? []).map(Number);
    const light = colour => parts(colour).slice(0, 3).map(value => value / 255)
        .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    let behind = node;
    while ((parts(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
    const pair = [getComputedStyle(node).color, getComputedStyle(behind).backgroundColor].map(light);
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""
AA = 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(chromium: Any, url: str, scheme: str) -> None:
    row = '<ul class="runs"><li class="open"><button><b>a</b><span>b</span></button><time>c</time></li></ul>'
    with visit(chromium, url, color_scheme=scheme) as page:
        shows(page, "en")
        page.keyboard.press("Tab")
        link = page.locator(".skip")
        playwright.expect(link).to_be_in_viewport()
        assert link.evaluate(CONTRAST) >= AA
        # A row of the list of runs, as its tab would show it.
        page.evaluate(
            "row => document.querySelector('#content').insertAdjacentHTML('beforeend', row)",
            (f'<div id="train-runs">{row}</div>'),
        )
        for part in ("b", "span", "time"):
            assert page.locator(f"#train-runs {part}").first.evaluate(CONTRAST) >= AA


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_link_preview(url: str, language: str) -> None:
    answer = httpx.get(url, headers={"Accept-Language": language}, trust_env=False)
    found = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)" />', answer.text))
    assert found["title"] == text("page.title", language)
    assert found["description"] == text("page.description", language)
    assert found["image"].startswith(url)
    assert httpx.get(found["image"], trust_env=False).headers["content-type"] == "image/png"
    assert "Gradio" not in " ".join(re.findall("<meta[^>]*>", answer.text))
