"""How soon after a click on a part of the network all of its channels are seen on the page, beside the network."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_demo.explain.feature_maps import feature_maps
from resnet_demo.inference import Classifier, Prepared, open_model
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.bench.untrained import untrained
from tests.browser.conftest import chromium_path, playwright, visit
from tests.launched import free_port, launched
from tests.tiny import photos

pytestmark = pytest.mark.bench
VARIANT = "resnet50"
PARTS = {"stem": 64, "stage1": 256, "stage1.0": 256, "stage2": 512, "stage3": 1024, "stage4": 2048, "stage4.0": 2048}
"""With their channels."""
ROUNDS = 4
"""The first of them is not counted."""
MOST_TIMES = 25.0
"""Of the network's own time for one photo."""
PATIENT = 120_000

# From the click until the tiles' picture is decoded and drawn, in milliseconds.
CLICK = """async ([name, channels]) => {
    const started = performance.now();
    const part = document.querySelector(`#look-network [data-name="${name}"]`);
    part.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const frame = () => new Promise(requestAnimationFrame);
    const said = () => document.querySelector("#look-maps-about").innerText;
    const shown = () => document.querySelectorAll("#look-tiles button").length;
    while (!said().startsWith(`${name}:`) || shown() !== channels) await frame();
    const picture = new Image();
    picture.src = document.querySelector("#look-tiles .tiles").style.backgroundImage.slice(5, -2);
    await picture.decode();
    await frame();
    await frame();
    return performance.now() - started;
}"""


def own_seconds(model: Path, settings: Settings, photo: Path) -> float:
    """What the network itself needs for the maps of one photo that lies ready."""
    classifier = Classifier(open_model(str(model), settings), settings)
    [[ready]] = classifier.batches([photo])
    assert isinstance(ready, Prepared)
    image, seconds = classifier.normalised([ready]), list[float]()
    for _ in range(2 * ROUNDS):
        started = time.perf_counter()
        with torch.inference_mode():
            feature_maps(classifier.engines.folded(), image, "stage4")
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[2:])


def through_the_page(browser: Any, url: str, model: Path, photo: Path) -> dict[str, float]:
    """Part -> seconds, the median of all clicks but the first."""
    with visit(browser, url) as page:
        page.set_default_timeout(PATIENT)
        page.get_by_role("tab", name=text("page.tabs.look_inside"), exact=True).click()
        page.locator("#look-model input").fill(str(model))
        page.locator("#look-model input").press("Enter")
        page.set_input_files("#look-drop input[type=file]:not([webkitdirectory])", photo)
        page.locator("#look-map img").wait_for()
        page.get_by_role("tab", name=text("look.section.maps"), exact=True).click()
        playwright.expect(page.locator("#look-tiles button")).to_have_count(64, timeout=PATIENT)
        page.locator("#look-count").get_by_text(text("look.maps.count.all"), exact=True).click()
        page.locator("#look-network [data-name='stage4']").click()
        playwright.expect(page.locator("#look-tiles button")).to_have_count(PARTS["stage4"], timeout=PATIENT)
        clicks = [[page.evaluate(CLICK, [part, PARTS[part]]) / 1000 for part in PARTS] for _ in range(ROUNDS)]
    return {part: statistics.median(seconds) for part, *seconds in zip(PARTS, *clicks[1:], strict=True)}


def test_from_a_click_to_all_maps(tmp_path: Path) -> None:
    settings, model = Settings(home=tmp_path / "home"), untrained(VARIANT, tmp_path / "model")
    [photo] = photos(tmp_path / "photos", 1, (640, 480))
    alone = own_seconds(model, settings, photo)
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(settings.home)]
    with launched(command) as url, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        found = through_the_page(browser, url, model, photo)
        browser.close()
    print(f"\n{VARIANT}, click to all maps of a part; the network alone {alone:.2f} s")
    for part, seconds in found.items():
        print(f"{part:10}{PARTS[part]:>6} maps{seconds:>7.2f} s")
    assert max(found.values()) < MOST_TIMES * alone
