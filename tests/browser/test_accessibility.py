"""The page for those who see little, use no mouse, or want less motion: axe-core, the Tab key, explanations, shifts.

Each language has one visit that stops at every state of the page; what is found there is judged by the tests below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.jobs import queue
from resnet_demo.texts import all_texts, text
from resnet_demo.training.listed_runs import all_runs
from tests.browser.conftest import DESKTOP, PHONE, visit
from tests.browser.keyboard import tab_through
from tests.browser.stops import CAMERA, PATIENT, Walk, expect, furnish
from tests.browser.test_train_step import choose, open_step, wait_for_growth
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser

LOCALES = {"en": "en-US", "zh-CN": "zh-CN"}
AXE = find_spec("axe_playwright_python")
MOST_SHIFT = 0.1
"""Up to here the page is called stable (web.dev/cls)."""

CHECK = """async (rules) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    await frame();
    // A colour on its way to another is neither; that of a parent, cancelled, may set out one of its children.
    for (let rounds = 0; rounds < 20 && document.getAnimations().length; rounds += 1) {
        for (const one of document.getAnimations()) one.cancel();
        await frame();
    }
    const found = await axe.run(document, { resultTypes: ["violations"], ...rules });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}\\n    ${node.html.slice(0, 240)}\\n    `
            + [...node.any, ...node.all, ...node.none].map((one) => one.message).join(" ").slice(0, 240)));
}"""
TERMS = """() => [...document.querySelectorAll("button.term")].map((one) =>
    [one.dataset.term, one.getAttribute("aria-description"), one.textContent.trim()])"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    photos = furnish(home)
    command = ["-m", "tests.browser.train_app", str(photos), "--no-browser", "--port", str(free_port())]
    with launched([*command, "--home", str(home)], OMP_NUM_THREADS="1") as address:
        yield address


@dataclass
class Found:
    """What one visit found: faults by axe-core and of the keyboard, and terms with their explanations."""

    axe: list[str] = field(default_factory=list)
    keyboard: list[str] = field(default_factory=list)
    terms: set[tuple[str, str, str]] = field(default_factory=set)


_FOUND: dict[str, Found] = {}


@pytest.fixture(params=LOCALES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def found(language: str, chromium: Any, url: str, tmp_path: Path) -> Found:
    """The same for all tests of a language."""
    if language not in _FOUND:
        _FOUND[language] = look_everywhere(language, chromium, url, tmp_path)
    return _FOUND[language]


def look_everywhere(language: str, chromium: Any, url: str, folder: Path) -> Found:
    found = Found()
    with visit(chromium, url, locale=LOCALES[language], reduced_motion="reduce") as page:
        if AXE is not None and AXE.origin is not None:  # not by the page, whose policy would refuse it
            page.evaluate(Path(AXE.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
        page.evaluate(CAMERA)
        for stop in Walk(page, language, folder).stops():
            found.terms |= {tuple(one) for one in page.evaluate(TERMS)}
            found.axe += [f"{stop}, {fault}" for fault in faults(page, dark=language == "en")]
            if language == "en":
                found.keyboard += [f"{stop}, {fault}" for fault in tab_through(page)]
    return found


def faults(page: Any, *, dark: bool) -> Iterator[str]:
    """What axe-core finds in this state of the page; in the dark, if that too, of its colours."""
    if AXE is None:
        return
    yield from (f"light, {fault}" for fault in page.evaluate(CHECK, {}))
    if dark:  # the words make no difference there
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
            if scheme == "dark":
                yield from (
                    f"dark, {fault}"
                    for fault in page.evaluate(
                        CHECK, {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
                    )
                )


@pytest.mark.skipif(AXE is None, reason="needs axe-playwright-python (requirements-dev.txt)")
def test_axe_finds_nothing_serious_in_light_and_dark(found: Found) -> None:
    assert not found.axe, "\n".join(found.axe)


def test_the_tab_key_reaches_all_and_shows_where_it_is(found: Found, language: str) -> None:
    if language != "en":
        pytest.skip("the keyboard is the same in every language")
    assert not found.keyboard, "\n".join(found.keyboard)


def test_each_term_of_the_glossary_is_explained_where_it_stands(found: Found, language: str) -> None:
    glossary = {key.removeprefix("term."): said for key, said in all_texts(language).items() if key.startswith("term.")}
    for name, explanation, words in found.terms:
        assert words, name
        assert explanation == glossary[name] if name else explanation, words
    # What Gradio's own components say stands in their hints.
    hinted = {"centre_crop", "whole_picture"}
    assert glossary.keys() - {name for name, _, _ in found.terms} <= hinted


def test_the_skip_link_comes_first_and_can_be_read_and_the_language_is_one_stop(chromium: Any, url: str) -> None:
    with visit(chromium, url, reduced_motion="reduce") as page:
        page.locator("#classify-answered-example img").first.wait_for(timeout=PATIENT)
        page.keyboard.press("Tab")
        link = page.get_by_role("link", name=text("page.skip"))
        expect(link).to_be_focused()
        assert (
            contrast(*link.evaluate("one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"))
            >= 4.5
        )
        inside = "document.querySelector('#language').contains(document.activeElement)"
        page.keyboard.press("Tab")
        assert page.evaluate(inside)
        page.keyboard.press("Tab")
        assert not page.evaluate(inside)


def contrast(*colours: str) -> float:
    """Of two opaque colours as browsers write them, "rgb(15, 118, 110)" (WCAG 2, relative luminance)."""
    lights = []
    for colour in colours:
        shares = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_an_explanation_opens_on_tap_hover_and_key_and_is_not_cut(chromium: Any, url: str, language: str) -> None:
    address = f"{url.rstrip('/')}/#fine-tune/results"
    with visit(chromium, address, viewport=PHONE, has_touch=True, locale=LOCALES[language]) as page:
        terms, shown = page.locator("#results-table .term"), page.locator(".explanation")
        terms.last.wait_for(timeout=PATIENT)
        for one in (page.locator("#results-headline .term").first, terms.first, terms.last):
            one.scroll_into_view_if_needed()
            one.tap()
            expect(shown).to_have_text(str(one.get_attribute("aria-description")))
            expect(one).to_have_attribute("aria-expanded", "true")
            box = shown.bounding_box()
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]
            assert box["y"] + box["height"] <= PHONE["height"]
            page.keyboard.press("Escape")
            expect(shown).to_be_hidden()
            expect(one).to_have_attribute("aria-expanded", "false")
        terms.first.focus()
        page.keyboard.press("Enter")
        expect(shown).to_have_text(text("term.precision", language))
        page.keyboard.press("Enter")
        expect(shown).to_be_hidden()
        terms.nth(1).hover()
        expect(shown).to_have_text(text("term.recall", language))
        page.mouse.move(1, 1)
        expect(shown).to_be_hidden()


GAPS = """() => [...document.querySelectorAll(".tabs")].filter((one) => one.checkVisibility()).map((one) => {
    const bar = one.querySelector(":scope > .tab-wrapper [role=tablist]").getBoundingClientRect();
    let content = [...one.querySelectorAll(":scope > [role=tabpanel]")].find((panel) => panel.checkVisibility());
    while (content.parentElement.closest(".tabs") === one && getComputedStyle(content).borderTopWidth === "0px") {
        const next = [...content.children].find((child) => child.getBoundingClientRect().height > 0);
        if (!next || next.matches(".tabs")) return (next ?? content).getBoundingClientRect().top - bar.bottom;
        if (!next.matches(".column, .row, .form, .block")) break;
        content = next;
    }
    return content.getBoundingClientRect().top - bar.bottom;
})"""


def test_tabs_are_as_near_to_what_they_open(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        page.set_default_timeout(PATIENT)
        page.locator("#classify-answered-example img").first.wait_for()
        gaps = page.evaluate(GAPS)
        for tab, shown in (("finetune", "#photos-source label"), ("look_inside", "#look-example")):
            page.get_by_role("tab", name=text(f"page.tabs.{tab}"), exact=True).click()
            page.locator(shown).first.wait_for()
            gaps += page.evaluate(GAPS)
        assert len(gaps) == 6
        assert {round(gap) for gap in gaps} == {16}


# Shifts that nobody has asked for by a click or a key, from now on.
WATCH = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push([entry.value,
            ...entry.sources.map(({ node, previousRect, currentRect }) =>
                `${node?.id || node?.className || node?.nodeName} ${previousRect.y}-${currentRect.y}`)]);
    }).observe({ type: "layout-shift" });
}"""


def shift(page: Any) -> float:
    found = page.evaluate("window.shifts")
    print(found)
    return float(sum(value for value, *_ in found))


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_nothing_jumps_when_a_photo_is_answered(chromium: Any, url: str, size: dict[str, int]) -> None:
    with visit(chromium, url, viewport=size) as page:
        page.set_default_timeout(PATIENT)
        page.locator("#classify-answered-example img").first.wait_for()
        page.locator("#classify-examples img").nth(1).wait_for()
        page.evaluate(WATCH)
        page.locator("#classify-examples button").nth(1).click()
        page.locator("#classify-prediction h2").wait_for()
        page.locator("#classify-download").wait_for()
        assert shift(page) < MOST_SHIFT


def test_nothing_jumps_while_a_run_is_watched(chromium: Any, url: str, home: Path) -> None:
    before = {run.name for run in all_runs(home)}
    try:
        with visit(chromium, url) as page:
            open_step(page)
            choose(page, epochs="900", batch_size="8")
            expect(page.locator("#train-forecast")).to_contain_text("900", timeout=PATIENT)
            page.evaluate(WATCH)
            page.locator("#train-start").click()
            wait_for_growth(page)
            wait_for_growth(page)
            assert shift(page) < MOST_SHIFT
    finally:
        for run in all_runs(home):
            if run.name not in before:
                queue.stop(run, home, "now")
