"""Teaching by webcam as a visitor does it: scenes are recorded, a model is trained, and the scenes are named live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.browser.test_live_camera import ALLOWED, _browser, open_tab
from tests.launched import free_port, launched

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 180_000
NAMES = ("circle", "square")

# A camera that shows one of two scenes, each moving, and says how often its pictures were asked for.
SCENES = """
window.scene = 0;
navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const brush = canvas.getContext("2d");
    const draw = () => {
        const [x, y] = [320 + 60 * Math.sin(performance.now() / 700), 240 + 40 * Math.cos(performance.now() / 900)];
        brush.fillStyle = ["#224455", "#aa9933"][window.scene];
        brush.fillRect(0, 0, 640, 480);
        brush.fillStyle = ["#ffffff", "#111111"][window.scene];
        brush.beginPath();
        if (window.scene === 0) brush.arc(x, y, 110, 0, 7);
        else brush.rect(x - 110, y - 110, 220, 220);
        brush.fill();
    };
    draw();
    setInterval(draw, 50);
    window.stream = canvas.captureStream(20);
    return window.stream;
};
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    """An app that knows no published weights: it teaches with the model that comes with it."""
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command, OMP_NUM_THREADS="1", TORCH_HOME=str(home)) as address:
        yield address


def open_step(page: Any, language: str = "en") -> None:
    page.set_default_timeout(PATIENT)
    open_tab(page, "page.tabs.finetune", language)
    open_tab(page, "finetune.step.webcam", language)


def start(page: Any) -> None:
    page.locator("#webcam .start").click()
    expect(page.locator("#webcam .status")).to_have_text(text("webcam.ready"), timeout=PATIENT)


def frames(page: Any, card: int) -> int:
    return page.locator("#webcam .card").nth(card).locator(".picture").count()


def has_recorded(page: Any, card: int, count: int) -> None:
    page.wait_for_function(
        "([card, count]) => document.querySelectorAll(`#webcam .card:nth-child(${card + 1}) .picture`).length >= count",
        arg=[card, count],
        timeout=PATIENT,
    )


def expect_news(page: Any, sentence: str) -> None:
    said = r"[0-9]+".join(map(re.escape, re.split(r"\{\w+\}", sentence)))
    expect(page.locator("#webcam .news")).to_have_text(re.compile(said), timeout=PATIENT)


def test_two_scenes_are_taught_and_named(chromium: Any, url: str, home: Path) -> None:
    with visit(chromium, url) as page:
        page.context.add_init_script(SCENES)
        page.reload()
        open_step(page)
        start(page)
        train = page.locator("#webcam .train")
        expect(train).to_be_disabled()
        for card, name in enumerate(NAMES):
            page.locator("#webcam .name").nth(card).fill(name)
            page.evaluate("(scene) => { window.scene = scene; }", card)
            hold = page.locator("#webcam .hold").nth(card)
            hold.focus()
            if card == 0:  # by keyboard, and with the mouse
                page.keyboard.down(" ")
                has_recorded(page, card, 20)
                page.keyboard.up(" ")
            else:
                hold.hover()
                page.mouse.down()
                has_recorded(page, card, 20)
                page.mouse.up()
            expect(hold).to_have_text(text("webcam.hold"))
        before = frames(page, 0)
        page.locator("#webcam .card").first.locator(".picture").first.press("Delete")
        assert frames(page, 0) == before - 1
        expect(page.locator("#webcam .count").first).to_have_text(
            text("webcam.count").replace("{count}", str(before - 1))
        )
        train.click()
        expect_news(page, text("webcam.result", photos="{photos}", percent="{percent}"))
        assert page.locator("#webcam .live li span:first-child").all_inner_texts() == list(NAMES)
        for card in (1, 0, 1):
            page.evaluate("(scene) => { window.scene = scene; }", card)
            expect(page.locator("#webcam .label b")).to_have_text(NAMES[card], timeout=PATIENT)

        # It is a run like any other: the photos are in hand for a deeper one, and Classify knows the model.
        [run] = all_runs(home)
        assert run.state() == "finished"
        page.locator("#webcam [data-where=finetune]").click()
        expect(page.locator("#train-start")).to_be_visible(timeout=PATIENT)
        expect(page.locator("#train-preset [value=balanced]")).to_be_checked()
        expect(page.locator("#train-forecast")).not_to_be_empty(timeout=PATIENT)
        page.wait_for_function("window.stream.getTracks()[0].readyState === 'ended'")


def test_without_a_camera_there_are_photos(driver: Any, url: str) -> None:
    with _browser(driver, ALLOWED) as browser, visit(browser, url) as page:
        open_step(page)
        page.locator("#webcam .start").click()
        expect(page.locator("#webcam .status")).to_have_text(text("camera.none"))
        page.locator("#webcam .photos").click()
        expect(page.locator("#photos-source")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_it_fits_the_window(chromium: Any, url: str, size: dict[str, int]) -> None:
    with visit(chromium, url, viewport=size, locale="zh-CN") as page:
        open_step(page, "zh-CN")
        expect(page.locator("#webcam .start")).to_have_text(text("camera.start", "zh-CN"))
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        assert page.locator("#webcam .card").count() == 2
