"""The camera as a visitor uses it: Chromium plays a picture as one; what is drawn over it, and when it goes off."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw

from resnet_demo.explain.camera_frame import FrameExplanation, explain_frame
from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, chromium_path, playwright, visit
from tests.launched import free_port, launched
from tests.shelf import run_with_model
from tests.tiny import LABELS

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 120_000
SIZE = (640, 480)
NAME = "camera.test"
ALLOWED = "--use-fake-ui-for-media-stream"


def drawn() -> Image.Image:
    """A daisy before green leaves, left of the middle."""
    picture = Image.new("RGB", SIZE, (40, 110, 50))
    brush = ImageDraw.Draw(picture)
    for petal in range(16):
        angle = math.tau * petal / 16
        x, y = 240 + 120 * math.cos(angle), 220 + 120 * math.sin(angle)
        brush.line((240, 220, x, y), fill="white", width=22)
        brush.ellipse((x - 11, y - 11, x + 11, y + 11), fill="white")
    brush.ellipse((195, 175, 285, 265), fill=(240, 200, 30))
    return picture


def as_video(picture: Image.Image, path: Path) -> Path:
    """A file that Chromium plays as its camera: YUV4MPEG2, 4:2:0, the same picture again and again."""
    luma, *chroma = picture.convert("YCbCr").split()
    # Video's black is 16 and its white 235; colours lie between 16 and 240 (ITU-R BT.601).
    luma = luma.point(lambda value: 16 + value * 219 / 255)
    chroma = [plane.point(lambda value: 128 + (value - 128) * 224 / 255) for plane in chroma]
    planes = [luma, *(plane.resize((SIZE[0] // 2, SIZE[1] // 2)) for plane in chroma)]
    one = b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F20:1 Ip A1:1 C420jpeg\n" % SIZE + 10 * one)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    """An app that knows two models, the flowers that come with it and a small one."""
    run_with_model(Settings(home=home))
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command, OMP_NUM_THREADS="1", RESNET_DEMO_NAMES=NAME) as address:
        yield address


@pytest.fixture(scope="module")
def filming(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser whose camera sees what is drawn."""
    video = as_video(drawn(), tmp_path_factory.mktemp("video") / "flower.y4m")
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}")
    with _browser(driver, ALLOWED, *camera) as browser:
        yield browser


@contextmanager
def _browser(driver: Any, *options: str) -> Iterator[Any]:
    browser = driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", *options])
    yield browser
    browser.close()


@contextmanager
def at_the_camera(browser: Any, url: str, language: str = "en", **options: Any) -> Iterator[Any]:
    """A visit to the camera's part of the page."""
    with visit(browser, url, **options) as page:
        page.set_default_timeout(PATIENT)
        open_tab(page, "page.tabs.look_inside", language)
        open_tab(page, "look.source.camera", language)
        yield page


def open_tab(page: Any, key: str, language: str = "en") -> None:
    page.get_by_role("tab", name=text(key, language), exact=True).click()


def begin(page: Any) -> None:
    """Start the camera and wait for what is said of a frame; its track then is `window.track`."""
    page.locator("#camera .start").click()
    expect(page.locator("#camera .label")).to_be_visible(timeout=PATIENT)
    page.evaluate("() => { window.track = document.querySelector('#camera video').srcObject.getVideoTracks()[0]; }")
    assert page.evaluate("window.track.readyState") == "live"


def expect_off(page: Any) -> None:
    page.wait_for_function("window.track.readyState === 'ended'")
    assert page.evaluate("document.querySelector('#camera video').srcObject") is None


def expected(home: Path) -> FrameExplanation:
    """What Python makes of the square that the browser sends."""
    middle = (SIZE[0] - SIZE[1]) // 2
    square = drawn().crop((middle, 0, middle + SIZE[1], SIZE[1]))
    settings = Settings(home=home)
    return explain_frame(Classifier(open_model("flowers", settings), settings), square.resize((256, 256)))


def test_what_is_drawn_over_the_picture(filming: Any, url: str, home: Path) -> None:
    found = expected(home)
    with at_the_camera(filming, url) as page:
        begin(page)
        page.wait_for_timeout(1_000)  # the mean of several frames
        label, percent = (page.locator(f"#camera .label {part}").inner_text() for part in ("b", "span"))
        assert label == found.guesses[0].label
        assert float(percent.removesuffix(" %")) == pytest.approx(100 * found.guesses[0].probability, abs=12)
        assert page.locator("#camera-bars li").count() == 3
        said = text("camera.rate").replace("{fps}", r"[0-9]+\.[0-9]")
        expect(page.locator("#camera .rate")).to_have_text(re.compile(said), timeout=PATIENT)
        alpha = np.array(page.evaluate(ALPHA)).reshape(112, 112)
        rows, columns = found.values.shape
        cells = alpha.reshape(rows, 112 // rows, columns, 112 // columns).mean(axis=(1, 3))
        assert np.corrcoef(cells.ravel(), found.values.ravel())[0, 1] > 0.9


ALPHA = """() => {
    const canvas = document.querySelector("#camera canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from(data.filter((_, place) => place % 4 === 3));
}"""


def test_another_model_and_a_class(filming: Any, url: str) -> None:
    with at_the_camera(filming, url) as page:
        begin(page)
        page.locator("#camera-model input").click()
        page.locator("[role=option][aria-label^='My flowers']").first.click()
        page.wait_for_function("document.querySelector('#camera-bars').innerText.includes('rose\\n')")
        page.locator("#camera-class input").click()
        page.get_by_role("option", name=LABELS[4], exact=True).click()
        expect(page.locator("#camera .label b")).to_have_text(LABELS[4], timeout=PATIENT)
        page.locator("#camera .stop").click()
        expect_off(page)
        expect(page.locator("#camera .label")).to_be_hidden()
        begin(page)
        expect(page.locator("#camera .label b")).to_have_text(LABELS[4])


@pytest.mark.parametrize("away", ["look.source.photo", "page.tabs.classify"])
def test_the_camera_is_off_once_the_tab_is_left(filming: Any, url: str, away: str) -> None:
    with at_the_camera(filming, url) as page:
        begin(page)
        sent: list[str] = []
        open_tab(page, away)
        expect_off(page)
        page.on("request", lambda request: "camera_frame" in request.url and sent.append(request.url))
        page.wait_for_timeout(1_500)
        assert sent == []


def test_the_camera_is_off_once_the_page_is_hidden(filming: Any, url: str) -> None:
    with at_the_camera(filming, url) as page:
        begin(page)
        page.evaluate("""() => {
            Object.defineProperty(document, "hidden", { get: () => true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
        expect_off(page)


def test_left_while_the_browser_still_asks(filming: Any, url: str) -> None:
    with at_the_camera(filming, url) as page:
        page.evaluate("""() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (constraints) => {
                await new Promise((done) => { window.allow = done; });
                const stream = await ask(constraints);
                window.track = stream.getVideoTracks()[0];
                return stream;
            };
        }""")
        page.locator("#camera .start").click()
        expect(page.locator("#camera .status")).to_have_text(text("camera.ask"))
        open_tab(page, "look.source.photo")
        page.evaluate("window.allow()")
        page.wait_for_function("window.track !== undefined")
        expect_off(page)


def test_a_camera_that_is_taken_away(filming: Any, url: str) -> None:
    with at_the_camera(filming, url) as page:
        begin(page)
        page.evaluate("window.track.dispatchEvent(new Event('ended'))")
        expect_off(page)
        expect(page.locator("#camera .status")).to_have_text(text("camera.gone"))


@pytest.mark.parametrize(("options", "said"), [((), "refused"), ((ALLOWED,), "none")])
def test_no_camera(driver: Any, url: str, options: tuple[str, ...], said: str) -> None:
    device = () if options else ("--use-fake-device-for-media-stream", "--deny-permission-prompts")
    with _browser(driver, *options, *device) as browser, at_the_camera(browser, url) as page:
        page.locator("#camera .start").click()
        expect(page.locator("#camera .status")).to_have_text(text(f"camera.{said}"))
        expect(page.locator("#camera .start")).to_be_visible()


def test_no_camera_over_plain_http(driver: Any, url: str) -> None:
    with (
        _browser(driver, f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as browser,
        at_the_camera(browser, f"http://{NAME}:{urlsplit(url).port}/") as page,
    ):
        page.locator("#camera .start").click()
        expect(page.locator("#camera .status")).to_have_text(text("camera.insecure"))


def test_a_model_that_is_not_there(filming: Any, url: str) -> None:
    with at_the_camera(filming, url) as page:
        page.locator("#camera-model input").fill("no-such-model")
        page.locator("#camera-model input").press("Enter")
        page.locator("#camera .start").click()
        expect(page.locator("#camera .status")).to_contain_text("no-such-model", timeout=PATIENT)
        expect(page.locator("#camera .start")).to_be_visible()
        assert page.evaluate("document.querySelector('#camera video').srcObject") is None


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_it_fits_the_window(filming: Any, url: str, size: dict[str, int]) -> None:
    with at_the_camera(filming, url, "zh-CN", viewport=size, locale="zh-CN") as page:
        begin(page)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        stage = page.locator("#camera .stage").bounding_box()
        assert abs(stage["width"] - stage["height"]) < 1
