"""The part "Architectures" in a real browser: filled when it is opened, in two widths and languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.texts import LANGUAGES, text
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser
expect = playwright.expect
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("architectures")
    command = ["app.py", "--no-browser", "--home", str(home), "--port", str(free_port())]
    with launched(command) as address:
        yield address


def test_two_networks_are_compared(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/architectures") as page:
        table, diagrams = page.locator("#layers-table"), page.locator("#layers-diagrams")
        expect(table).to_contain_text("25,557,032")
        expect(diagrams.locator("svg")).to_have_count(2)
        page.locator("#layers-left input").click()
        page.locator("[role=option][aria-label='resnet34']").click()
        expect(table).to_contain_text("21,797,672")
        expect(diagrams).to_contain_text("identity")
        page.locator("#layers-stage").get_by_text(text("plots.network.stage", number=2), exact=True).click()
        expect(diagrams).to_contain_text("512 × 28 × 28")
        diagrams.locator("[data-name='resnet50 conv1']").click()
        expect(diagrams.locator(".formulas").last).to_contain_text("256 · 128 = 32,768")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(diagrams.locator(".formulas").last).to_contain_text("2 · 128 = 256")
        expect(diagrams.locator("[data-name='resnet50 bn1']")).to_be_focused()
        page.locator("#layers-table summary").nth(2).click()
        expect(table).to_contain_text("3² · 64 · 64 = 36,864")


def test_sizes_of_a_block_are_chosen(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/architectures/blocks") as page:
        costs = page.locator("#calculator-costs")
        expect(costs).to_contain_text("1,179,648")
        page.locator("#calculator-kernel input").fill("4")
        expect(costs).to_contain_text(text("lab.problem.even_kernel", kernel=4))
        page.locator("#calculator-kernel input").fill("5")
        expect(costs).to_contain_text("5² · 64 · 64 = 102,400")


def test_speed_is_measured_at_a_click(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/architectures/compare") as page:
        expect(page.locator("#family-plot g[data-name]")).to_have_count(14)
        page.locator("#family-measure").click()
        expect(page.locator("#family-speeds")).to_contain_text("threads")
        expect(page.locator("#family-speeds dd")).to_have_count(2)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_window_in_either_language(chromium: Any, url: str, size: dict[str, int]) -> None:
    for language in ("en-US", "zh-CN"):
        with visit(chromium, url, viewport=size, locale=language) as page:
            for part, shown in (
                ("layers", "#layers-diagrams svg"),
                ("blocks", "#calculator-costs section"),
                ("compare", "#family-plot svg"),
                ("history", ".timeline svg"),
            ):
                page.goto(f"{url}#learn/architectures/{part}")
                page.locator(shown).first.wait_for()
                assert page.evaluate(WIDER) == 0, (language, part)


def test_a_language_is_switched_where_something_is_shown(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/architectures/history") as page:
        timeline = page.locator("#architecture-timeline")
        expect(timeline).to_contain_text(text("architectures.timeline.changed.resnet")[:30])
        page.locator("#language").get_by_text(LANGUAGES["zh-CN"]).click()
        expect(timeline).to_contain_text(text("architectures.timeline.changed.resnet", "zh-CN")[:12])
