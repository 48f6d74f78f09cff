"""`make screenshots`: the pictures in README.md, of pictures that come with the installed gradio."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, chromium_path
from tests.browser.test_live_camera import ALLOWED, as_video, begin, drawn
from tests.conftest import ROOT, SHARED
from tests.launched import free_port, launched

FOLDER = ROOT / "assets" / "screenshots"
PATIENT = 400_000
COLOURS = 256
TALL = {**DESKTOP, "height": 1000}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    weights = os.environ.get("RESNET_DEMO_WEIGHTS") or str(SHARED / "weights")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        train_model(home, weights)
        command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", home]
        browser = driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        with launched(command, RESNET_DEMO_WEIGHTS=weights) as url:
            for name, size in (("classify", TALL), ("classify-phone", PHONE)):
                with opened(browser, url, "classify", viewport=size) as page:
                    classify(page)
                    shoot(page, name)
            with opened(browser, url, "finetune", viewport=TALL) as page:
                train(page)
                shoot(page, "finetune")
            with opened(browser, url, "look_inside", viewport=TALL) as page:
                look_inside(page)
            with opened(browser, url, "look_inside", viewport=PHONE) as page:
                look(page)
                page.evaluate("document.querySelector('#look-prediction').scrollIntoView()")
                shoot(page, "look-inside-phone", whole=False)
            with opened(browser, url, "learn", viewport=TALL) as page:
                learn(page)
            film(driver, url, home)
        browser.close()


def film(driver: Any, url: str, home: str) -> None:
    """The camera, before which a daisy is drawn."""
    video = as_video(drawn(), Path(home, "flower.y4m"))
    options = ["--no-sandbox", ALLOWED, "--use-fake-device-for-media-stream"]
    browser = driver.chromium.launch(
        executable_path=chromium_path(), args=[*options, f"--use-file-for-fake-video-capture={video}"]
    )
    with opened(browser, url, "look_inside", viewport=DESKTOP) as page:
        page.get_by_role("tab", name=text("look.source.camera"), exact=True).click()
        begin(page)
        shoot(page, "look-inside-camera")
    browser.close()


def train_model(home: str, weights: str) -> None:
    """A run to be shown, of a minute or two; its page has curves and no photos."""
    command = [sys.executable, "-m", "resnet_demo", "--home", home, "train", str(SHARED / "data" / "flower_photos")]
    environ = {**os.environ, "RESNET_DEMO_WEIGHTS": weights}
    subprocess.run([*command, "--variant", "resnet18", "--preset", "quick"], cwd=ROOT, env=environ, check=True)


@contextmanager
def opened(browser: Any, url: str, tab: str, **options: Any) -> Iterator[Any]:
    """A page with one of the tabs in front."""
    context = browser.new_context(locale="en-US", **options)
    page = context.new_page()
    page.set_default_timeout(PATIENT)
    page.goto(url)
    page.get_by_role("tab", name=text(f"page.tabs.{tab}"), exact=True).click()
    yield page
    context.close()


def shoot(page: Any, name: str, whole: bool = True) -> None:
    """The whole page or the part in the window, once it is at rest; in 256 colours, for fewer bytes."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(1_500)
    with Image.open(io.BytesIO(page.screenshot(full_page=whole))) as picture:
        picture.convert("RGB").quantize(COLOURS).save(Path(FOLDER, f"{name}.png"), optimize=True)


def choose_model(page: Any, where: str) -> None:
    page.locator(f"{where} input").click()
    page.locator("[role=option][aria-label$=' resnet50']").first.click()


def classify(page: Any) -> None:
    """The lion answered."""
    choose_model(page, "#classify-model")
    page.locator("#classify-examples button").nth(1).click()
    page.locator("#classify-prediction h2").get_by_text("lion").wait_for()
    page.get_by_text(text("classify.download")).wait_for()


def train(page: Any) -> None:
    """The run that was trained before."""
    page.get_by_role("tab", name=text("finetune.step.train"), exact=True).click()
    page.locator("#train-plots svg").first.wait_for()


def look(page: Any) -> None:
    """The lion in ResNet-50."""
    choose_model(page, "#look-model")
    page.locator("#look-examples button").nth(1).click()
    page.locator("#look-map img").wait_for()


def look_inside(page: Any) -> None:
    """One picture of each section."""
    look(page)
    section(page, "maps", "#look-over img")
    page.locator("#look-network [data-name='stage1']").click()
    page.locator("#look-maps-about").get_by_text("stage1").wait_for()
    shoot(page, "look-inside-maps")
    page.locator("#look-network [data-name='stage4']").click()
    section(page, "saliency", "#look-map img")
    page.locator("#look-true").click()
    page.locator("#look-faithfulness svg").first.wait_for()
    page.locator("#look-work li").first.wait_for(state="detached")
    shoot(page, "look-inside-saliency")
    page.locator("#look-network [data-name='stage3.1']").click()
    section(page, "residual", "#look-parts")
    page.locator("#look-toggle").click()
    page.locator("#look-compared h2").nth(1).wait_for()
    shoot(page, "look-inside-residual")
    section(page, "flow", "#look-flow svg")
    shoot(page, "look-inside-flow")


def learn(page: Any) -> None:
    """A guess and its answer; two networks side by side, with a layer chosen."""
    panel = page.locator("#learn-degradation")
    panel.get_by_label(text("learn.degradation.option.2")).check()
    panel.locator(".shipped svg").first.wait_for()
    shoot(page, "learn", whole=False)
    page.get_by_role("tab", name=text("learn.part.architectures"), exact=True).click()
    page.locator("[data-name='resnet50 conv2']").click()
    page.locator("#layers-diagrams dt").first.wait_for()
    page.evaluate("document.querySelector('#layers-drawn-choice').scrollIntoView()")
    shoot(page, "learn-block", whole=False)


def section(page: Any, name: str, shown: str) -> None:
    page.get_by_role("tab", name=text(f"look.section.{name}"), exact=True).click()
    page.locator(shown).wait_for()


if __name__ == "__main__":
    main()
