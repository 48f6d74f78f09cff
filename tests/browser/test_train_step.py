"""The train step in a real browser: a run started, watched, left, found again, stopped and deleted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from resnet_demo.jobs import queue
from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run_folder import ENDED
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.conftest import ROOT
from tests.launched import free_port, launched
from tests.training.small_runs import draw_photos

pytestmark = pytest.mark.browser

SOON = 90_000
"""Milliseconds: a busy machine takes its time to load torch."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("photos") / "colours", per_class=10)


def train_app(photos: Path) -> list[str]:
    return ["-m", "tests.browser.train_app", str(photos), "--no-browser", "--port", str(free_port())]


@pytest.fixture(scope="module")
def standing(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server that nobody kills, and its home."""
    home = tmp_path_factory.mktemp("home")
    with launched([*train_app(photos), "--home", str(home)], OMP_NUM_THREADS="1") as address:
        yield address, home


@pytest.fixture
def url(standing: tuple[str, Path]) -> Iterator[str]:
    """That server's address; runs are gone afterwards."""
    address, home = standing
    yield address
    for run in all_runs(home):
        if run.state() not in ENDED:
            queue.stop(run, home, "now")
        queue.delete(run.name, home)


def open_step(page: Any) -> None:
    page.set_default_timeout(SOON)
    page.get_by_role("tab", name=text("page.tabs.finetune"), exact=True).click()
    page.get_by_role("tab", name=text("finetune.step.train"), exact=True).click()


def choose(page: Any, **numbers: str) -> None:
    """The smallest network, and numbers for some setting_controls."""
    network = page.locator("#train-network input")
    network.click()
    network.fill("cifar_resnet20")
    network.press("Enter")
    page.get_by_role("button", name=text("train.form.all")).click()
    for name, number in numbers.items():
        page.locator(f"#train-{name} input, #train-{name} textarea").fill(number)


def begin(page: Any, **numbers: str) -> None:
    choose(page, **numbers)
    playwright.expect(page.locator("#train-forecast")).to_contain_text(numbers["epochs"], timeout=SOON)
    page.locator("#train-start").click()


def curve(page: Any) -> str:
    """The path of the first line of the first plot."""
    return str(page.locator("#train-plots svg").first.locator("path[fill=none]").last.get_attribute("d"))


def wait_for_growth(page: Any) -> None:
    page.locator("#train-plots svg").first.wait_for(timeout=SOON)
    before = len(curve(page))
    page.wait_for_function(
        "before => document.querySelector('#train-plots svg')"
        "?.querySelectorAll('path[fill=none]')[3]?.getAttribute('d').length > before",
        arg=before,
        timeout=SOON,
    )


def test_a_run_is_watched_left_found_again_and_stopped(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_step(page)
        begin(page, epochs="900", batch_size="8")
        running = text("run.state.running")
        playwright.expect(page.locator("#train-status .state")).to_have_text(running, timeout=SOON)
        wait_for_growth(page)
        # Nothing flickers: the very same picture, in the same frame, is what has grown.
        page.evaluate("document.querySelector('#train-plots svg').known = true")
        frame = page.locator("#train-plots svg").first.bounding_box()
        wait_for_growth(page)
        assert page.evaluate("document.querySelector('#train-plots svg').known") is True
        assert page.locator("#train-plots svg").first.bounding_box() == frame
        name = page.locator("#train-status .name").inner_text()

        page.reload()
        open_step(page)
        playwright.expect(page.locator("#train-status .name")).to_have_text(name, timeout=SOON)
        wait_for_growth(page)
        assert page.locator("#train-epochs input, #train-epochs textarea").count() == 0  # folded away
        page.get_by_role("button", name=text("train.form.all")).click()
        playwright.expect(page.locator("#train-epochs input, #train-epochs textarea")).to_have_value("900")

        second = page.context.new_page()
        second.goto(url)
        open_step(second)
        playwright.expect(second.locator("#train-status .name")).to_have_text(name, timeout=SOON)
        wait_for_growth(second)

        page.bring_to_front()
        page.locator("#train-keep").click(timeout=SOON)
        stopped = text("run.state.stopped")
        for tab in (page, second):
            playwright.expect(tab.locator("#train-status .state")).to_have_text(stopped, timeout=SOON)
            playwright.expect(tab.locator("#train-resume")).to_be_visible()
            playwright.expect(tab.locator("#train-keep")).to_be_hidden()
            playwright.expect(tab.locator("#train-status .said")).to_have_text(text("run.event.stopped_keep"))


def test_another_browser_sees_the_run_too(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_step(page)
        begin(page, epochs="900", batch_size="8")
        playwright.expect(page.locator("#train-plots svg")).to_have_count(3, timeout=SOON)
        name = page.locator("#train-status .name").inner_text()
        with visit(chromium, url, viewport=PHONE, locale="zh-CN") as other:
            other.set_default_timeout(SOON)
            other.get_by_role("tab", name=text("page.tabs.finetune", "zh-CN"), exact=True).click()
            other.get_by_role("tab", name=text("finetune.step.train", "zh-CN"), exact=True).click()
            playwright.expect(other.locator("#train-status .name")).to_have_text(name, timeout=SOON)
            running = text("run.state.running", "zh-CN")
            playwright.expect(other.locator("#train-status .state")).to_have_text(running, timeout=SOON)
            assert other.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_more_than_one_click_makes_one_run(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_step(page)
        choose(page, epochs="2", batch_size="8")
        playwright.expect(page.locator("#train-forecast")).to_contain_text("2 epochs", timeout=SOON)
        page.locator("#train-start").dblclick()
        page.locator("#train-start").click()
        playwright.expect(page.locator("#train-results")).to_be_visible(timeout=SOON)
        playwright.expect(page.locator("#train-runs li")).to_have_count(1)


def test_runs_are_opened_compared_and_deleted(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_step(page)
        begin(page, epochs="2", batch_size="8")
        playwright.expect(page.locator("#train-results")).to_be_visible(timeout=SOON)
        first = page.locator("#train-status .name").inner_text()
        page.locator("#train-start").click()
        playwright.expect(page.locator("#train-status .name")).not_to_have_text(first, timeout=SOON)
        playwright.expect(page.locator("#train-results")).to_be_visible(timeout=SOON)
        second = page.locator("#train-status .name").inner_text()

        page.locator(f"#train-runs button[data-run='{first}']").click()
        playwright.expect(page.locator("#train-status .name")).to_have_text(first)
        for name in (first, second):
            page.locator(f"#train-runs input[data-run='{name}']").check()
        playwright.expect(page.locator("#train-comparison")).to_contain_text(first)
        playwright.expect(page.locator("#train-comparison")).to_contain_text(second)

        page.locator("#train-delete").click()
        playwright.expect(page.locator("#train-question")).to_contain_text(first)
        page.locator("#train-unsure").click()
        playwright.expect(page.locator("#train-sure")).to_be_hidden()
        page.locator("#train-delete").click()
        page.locator("#train-sure").click()
        playwright.expect(page.locator("#train-runs li")).to_have_count(1)
        playwright.expect(page.locator("#train-status .name")).to_have_text(second)
        playwright.expect(page.locator("#train-runs input")).to_be_checked()


def test_an_open_page_goes_on_after_the_server_was_killed(
    chromium: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not `visit`: that the server is gone for a while is what its console complains of."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    command = train_app(photos)
    page = chromium.new_context(viewport=DESKTOP, locale="en-US").new_page()
    with launched(command) as address:
        page.goto(address)
        open_step(page)
        begin(page, epochs="900", batch_size="8")
        wait_for_growth(page)
        before, name = curve(page), page.locator("#train-status .name").inner_text()
        server = next(child for child in psutil.Process().children() if command[-1] in child.cmdline())
        server.kill()
        server.wait()
    again = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        page.wait_for_event("load")  # Gradio's page waits for a server to be there again, and opens itself anew
        open_step(page)
        playwright.expect(page.locator("#train-status .name")).to_have_text(name)
        page.locator("#train-plots svg").first.wait_for()
        assert len(curve(page)) > len(before)
        page.locator("#train-now").click()
        playwright.expect(page.locator("#train-resume")).to_be_visible(timeout=SOON)
    finally:
        page.context.close()
        again.terminate()
        again.wait()
