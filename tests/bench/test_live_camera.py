"""How many frames of a camera a second get their saliency map through the page, beside the network's own speed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.explain import saliency_maps
from resnet_demo.explain.methods import METHODS
from resnet_demo.inference import Classifier, Prepared, open_model
from resnet_demo.settings import Settings
from tests.bench.untrained import untrained
from tests.browser.conftest import chromium_path, playwright
from tests.browser.test_live_camera import ALLOWED, as_video, at_the_camera, begin, drawn
from tests.launched import free_port, launched

pytestmark = pytest.mark.bench
SECONDS = 8.0
MOST_A_SECOND = 25
"""The page asks for no more."""
LEAST_SHARE = 0.25
"""Of the network's own speed: the browser draws its camera on the same cores."""


def own_speed(model: Path, settings: Settings) -> float:
    """Maps a second that the network makes of a picture that lies ready."""
    classifier = Classifier(open_model(str(model), settings), settings)
    [[ready]] = classifier.batches([drawn()])
    assert isinstance(ready, Prepared)
    image = classifier.normalised([ready])
    for _ in range(3):
        saliency_maps.explain(classifier.engines.folded(), image, METHODS["gradcam"])
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS / 2:
        saliency_maps.explain(classifier.engines.folded(), image, METHODS["gradcam"])
        count += 1
    return count / (time.perf_counter() - started)


def through_the_page(browser: Any, url: str, model: Path) -> float:
    """Frames a second that the page shows an answer to."""
    with at_the_camera(browser, url) as page:
        page.locator("#camera-model input").fill(str(model))
        page.locator("#camera-model input").press("Enter")
        begin(page)
        answers: list[float] = []
        page.on(
            "requestfinished", lambda request: "camera_frame" in request.url and answers.append(time.perf_counter())
        )
        page.wait_for_timeout(1_000 * (SECONDS + 2))
        first = answers[0] + 2  # seconds; the first frames meet a network that is still cold
        counted = [at for at in answers if at >= first]
        return (len(counted) - 1) / (counted[-1] - counted[0])


def test_frames_a_second(tmp_path: Path) -> None:
    settings, model = Settings(home=tmp_path / "home"), untrained("resnet18", tmp_path / "model")
    video = as_video(drawn(), tmp_path / "flower.y4m")
    camera = [ALLOWED, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}"]
    before = own_speed(model, settings)
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(settings.home)]
    with launched(command) as url, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", *camera])
        reached = through_the_page(browser, url, model)
        browser.close()
    alone = (before + own_speed(model, settings)) / 2
    print(f"\nResNet-18, camera to saliency map: {reached:.1f} frames/s; the network alone: {alone:.1f} frames/s")
    assert reached > LEAST_SHARE * min(alone, MOST_A_SECOND)
