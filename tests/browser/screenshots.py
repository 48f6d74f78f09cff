"""`make screenshots`: the pictures in README.md, of pictures that come with the installed gradio."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, chromium_path
from tests.conftest import ROOT, SHARED
from tests.launched import free_port, launched

FOLDER = ROOT / "assets" / "screenshots"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        weights = os.environ.get("RESNET_DEMO_WEIGHTS") or str(SHARED / "weights")
        command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", home]
        browser = driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        with launched(command, RESNET_DEMO_WEIGHTS=weights) as url:
            take(browser, url, "classify.png", viewport={**DESKTOP, "height": 1000})
            take(browser, url, "classify-phone.png", viewport=PHONE)
        browser.close()


def take(browser: Any, url: str, name: str, **options: Any) -> None:
    """One picture of the Classify tab with the lion answered."""
    context = browser.new_context(locale="en-US", **options)
    page = context.new_page()
    page.goto(url)
    page.locator("#classify-model input").click()
    page.locator("[role=option][aria-label^='resnet50']").first.click()
    page.locator("#classify-examples button").nth(1).click()
    page.locator("#classify-answer h2").get_by_text("lion").wait_for(timeout=60_000)
    page.get_by_text(text("classify.download")).wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1_500)
    page.screenshot(path=Path(FOLDER, name), full_page=True)
    context.close()


if __name__ == "__main__":
    main()
