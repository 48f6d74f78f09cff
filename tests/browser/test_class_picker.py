"""The class picker in a real browser: by mouse, keyboard and touch, beside a list of Gradio's, with all of ImageNet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.texts import text
from tests.browser.conftest import PHONE, playwright, visit
from tests.browser.test_accessibility import AXE, CHECK
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser
expect = playwright.expect
CLASSES = 1 + 1_000
"""None, and ImageNet's."""
DAISY = "daisy"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = ["-m", "tests.browser.picker_app", json.dumps({"port": free_port()})]
    with launched(command, GRADIO_TEMP_DIR=str(tmp_path_factory.mktemp("uploads"))) as address:
        yield address


def field(page: Any) -> Any:
    """The field, once it is on the page."""
    found = page.locator("#picker input")
    expect(found).to_have_value(DAISY)
    return found


def options(page: Any) -> Any:
    return page.locator("#picker [role=option]")


def expect_sent(page: Any, *numbers: int) -> None:
    """Python was sent these numbers, one after the other."""
    expect(page.locator("#sent textarea")).to_have_value(" ".join(map(str, numbers)))


def test_all_are_offered_and_filtered_by_any_part_of_a_name(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        one = field(page)
        one.click()
        expect(one).to_have_value("")
        expect(one).to_have_attribute("placeholder", DAISY)
        expect(options(page)).to_have_count(CLASSES)
        expect(page.get_by_role("option", selected=True)).to_have_text(DAISY)
        expect(page.get_by_role("option", selected=True)).to_be_in_viewport()
        one.press_sequentially("SHARK ")
        expect(options(page)).to_have_text(["great white shark", "tiger shark"])
        page.get_by_role("option", name="tiger shark").click()
        expect(one).to_have_value("tiger shark")
        expect(one).not_to_be_focused()
        expect(options(page)).to_have_count(0)
        expect_sent(page, 3)
        one.click()
        expect(page.get_by_role("option", selected=True)).to_have_text("tiger shark")


def test_chosen_by_keyboard_alone(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        one = field(page)
        page.locator("#beside input").focus()
        page.keyboard.press("Tab")
        expect(page.get_by_role("combobox", name=text("look.saliency.other"), expanded=True)).to_be_focused()
        page.keyboard.type("tench")
        page.keyboard.press("Enter")
        expect(one).to_have_value("tench")
        expect(one).to_be_focused()
        expect_sent(page, 0)
        page.keyboard.type("shark")
        expect(options(page)).to_have_count(2)
        page.keyboard.press("ArrowDown")
        active = page.locator(f"[id='{one.get_attribute('aria-activedescendant')}']")
        expect(active).to_have_text("tiger shark")
        page.keyboard.press("Enter")
        expect_sent(page, 0, 3)
        for key in ("ArrowDown", "ArrowDown", "Enter"):  # the list opens, and the way begins at what is chosen
            page.keyboard.press(key)
        expect(one).to_have_value("hammerhead")
        expect_sent(page, 0, 3, 4)
        page.keyboard.press("Tab")
        expect(page.locator("#renew")).to_be_focused()


def test_given_up_nothing_is_sent_and_the_name_comes_back(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        one, asked = field(page), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        one.click()
        page.keyboard.press("Enter")  # nothing typed, and nothing gone to
        expect(one).to_have_value(DAISY)
        page.keyboard.type("shark")
        page.keyboard.press("Escape")
        expect(one).to_have_value(DAISY)
        expect(one).to_have_attribute("aria-expanded", "false")
        expect(options(page)).to_have_count(0)
        one.click()
        page.keyboard.type("no such class")
        expect(one).to_have_attribute("aria-expanded", "false")
        page.keyboard.press("Enter")
        expect(one).to_have_value(DAISY)
        page.keyboard.type("shark")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        expect(one).to_have_value(DAISY)
        expect(options(page)).to_have_count(0)
        page.wait_for_timeout(300)
        assert asked == []


def test_both_of_one_name_can_be_chosen(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        one = field(page)
        for number in (517, 134):
            one.click()
            one.fill("crane")
            expect(options(page)).to_have_text(["crane (134)", "crane (517)"])
            page.get_by_role("option", name=str(number)).click()
            expect(one).to_have_value(f"crane ({number})")
        expect_sent(page, 517, 134)


def test_what_python_chooses_is_shown_and_a_search_goes_on(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        one = field(page)
        one.click()
        one.fill("tench")
        one.press("Enter")
        expect_sent(page, 0)
        page.locator("#renew").click()  # the value with which the page began
        expect(one).to_have_value(DAISY)
        one.click()
        one.press_sequentially("shark")
        page.get_by_role("radio", name="简体中文").evaluate("one => one.click()")  # which leaves the focus
        expect(page.locator("#picker label")).to_have_text(text("look.saliency.other", "zh-CN"))
        expect(options(page).nth(1)).to_have_text("虎鲨（tiger shark）")
        expect(one).to_have_value("shark")
        one.fill("虎鲨")
        expect(options(page)).to_have_count(1)
        one.press("Enter")
        expect_sent(page, 0, 3)


def test_enter_that_ends_the_spelling_of_a_word_chooses_nothing(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        one = field(page)
        one.click()
        one.press_sequentially("tench")
        one.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
        expect(one).to_have_attribute("aria-expanded", "true")
        one.press("Enter")
        expect_sent(page, 0)


LOOKS = """([one, other]) => [one, other].map((id) => {
    const at = (node) => { const { top, height } = node.getBoundingClientRect(); return [top, height]; };
    const block = document.querySelector(id);
    const input = block.querySelector("input");
    const wrap = input.closest(".wrap");
    const title = block.querySelector("[data-testid='block-info'], .title");
    const style = (node, ...names) => names.map((name) => getComputedStyle(node)[name]);
    const begin = input.getBoundingClientRect().left + parseFloat(getComputedStyle(input).paddingLeft);
    return [at(block), at(wrap), at(title), begin - block.getBoundingClientRect().left,
        style(block, "backgroundColor", "padding"),
        style(wrap, "borderTopColor", "borderTopWidth", "borderRadius", "backgroundColor", "boxShadow"),
        style(title, "color", "fontSize", "fontWeight", "lineHeight"),
        style(input, "color", "fontSize", "fontFamily", "lineHeight")];
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_looks_as_gradios_list_beside_it(chromium: Any, url: str, scheme: str) -> None:
    with visit(chromium, url, color_scheme=scheme) as page:
        field(page)
        ours, gradios = page.evaluate(LOOKS, ["#picker", "#beside"])
        assert ours == gradios


def test_on_a_phone_it_is_tapped_and_fits(chromium: Any, url: str) -> None:
    with visit(chromium, url, viewport=PHONE, has_touch=True) as page:
        one = field(page)
        one.tap()
        box = page.get_by_role("listbox").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]
        assert options(page).nth(5).bounding_box()["height"] >= 32
        assert one.bounding_box()["height"] >= 32
        page.get_by_role("option", name="goldfish").tap()
        expect(one).not_to_be_focused()
        expect_sent(page, 1)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.skipif(AXE is None, reason="needs axe-playwright-python (requirements-dev.txt)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_open_list(chromium: Any, url: str, scheme: str) -> None:
    assert AXE is not None
    assert AXE.origin is not None
    with visit(chromium, url, color_scheme=scheme) as page:
        field(page).click()
        page.keyboard.type("shark")
        page.evaluate(Path(AXE.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
        assert page.evaluate(CHECK, {}) == []
