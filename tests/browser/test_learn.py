"""The Learn tab in a browser: guess and see, run an experiment here, find it again, and no width overflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.labs.lab_run import lab_runs
from resnet_demo.texts import text
from resnet_demo.ui.tabs.learn.experiment_texts import SHOWN
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 120_000
SMALL = {
    "shallow": "8",
    "deep": "14",
    "seeds": "1",
    "per_class": "4",
    "test_per_class": "2",
    "epochs": "2",
    "size": "8",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command, OMP_NUM_THREADS="1") as address:
        yield address


def test_a_guess_then_the_figure(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/degradation") as page:
        panel = page.locator("#learn-degradation")
        expect(panel.locator(".answer")).to_be_hidden()
        panel.get_by_label(text("learn.degradation.option.1")).check()
        expect(panel.locator(".verdict")).to_have_text(
            text("learn.guess_wrong", option=text("learn.degradation.option.2")), timeout=PATIENT
        )
        expect(panel.locator(".shipped svg").first).to_be_visible()
        panel.get_by_label(text("learn.degradation.option.2")).check()
        expect(panel.locator(".verdict")).to_have_text(
            text("learn.guess_right", option=text("learn.degradation.option.2"))
        )
        page.get_by_text("简体中文").click()
        expect(panel.locator(".shows")).to_contain_text("训练结束时", timeout=PATIENT)
        expect(panel.locator("legend")).to_have_text(text("learn.degradation.question", "zh-CN"))
        panel.locator(".next a").click()
        expect(page.locator("#learn-gradients legend")).to_be_visible(timeout=PATIENT)


def test_gradients_are_measured_here(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/gradients") as page:
        panel = page.locator("#learn-gradients")
        panel.get_by_text(text("learn.run_title")).click()
        panel.get_by_label(text("lab.setting.depth"), exact=True).fill("14")
        panel.get_by_role("button", name=text("learn.run"), exact=True).click()
        expect(panel.locator(".own svg").first).to_be_visible(timeout=PATIENT)
        expect(panel.locator(".state")).to_contain_text("torch", timeout=PATIENT)
        expect(panel.locator(".command")).to_contain_text("lab gradients --depth 14")


def test_a_training_is_run_and_found_again(chromium: Any, url: str, home: Path) -> None:
    with visit(chromium, f"{url}#learn/degradation") as page:
        panel = page.locator("#learn-degradation")
        panel.get_by_text(text("learn.run_title")).click()
        for name, value in SMALL.items():
            panel.locator(f"[name='{name}']").fill(value)
        expect(panel.locator(".estimate")).not_to_be_empty(timeout=PATIENT)
        panel.get_by_role("button", name=text("learn.run"), exact=True).click()
        expect(panel.locator(".run .state")).not_to_be_empty(timeout=PATIENT)
        page.reload()
        expect(panel.locator(".runs select option")).to_have_count(1, timeout=PATIENT)
        [run] = lab_runs(home)
        if not panel.locator(".run").is_visible():  # it was over by then
            panel.get_by_text(text("learn.run_title")).click()
            panel.locator(".runs select").select_option(run.name)
            panel.locator(".runs select").dispatch_event("change")
        expect(panel.locator(".state")).to_contain_text(text("run.state.finished"), timeout=PATIENT)
        expect(panel.locator(".own svg").first).to_be_visible(timeout=PATIENT)
        assert run.state() == "finished"


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_it_fits_the_window(chromium: Any, url: str, size: dict[str, int], language: str) -> None:
    with visit(chromium, url, viewport=size, locale=language) as page:
        for name in SHOWN:
            page.evaluate("name => { location.hash = `#learn/${name}`; }", name)
            panel = page.locator(f"#learn-{name}")
            panel.locator(".unguessed").click(timeout=PATIENT)
            expect(panel.locator(".answer")).to_be_visible(timeout=PATIENT)
            panel.locator(".here summary").click()
            wide = page.evaluate(
                """name => [...document.querySelectorAll(`#learn-${name} *`)]
                .filter((one) => !one.closest(".scroll, table, svg")
                    && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 120))""",
                name,
            )
            assert wide == [], name


def test_questions_have_their_answers(chromium: Any, url: str) -> None:
    with visit(chromium, f"{url}#learn/questions") as page:
        asked = page.locator("#learn-questions details")
        expect(asked).to_have_count(10, timeout=PATIENT)
        asked.first.locator("summary").click()
        expect(asked.first.locator("p").first).to_be_visible()
        asked.first.locator("a").click()
        expect(page.locator("#learn-gradients legend")).to_be_visible(timeout=PATIENT)
