"""Whatever things are called, the page shows it as it is written: no name becomes an element, a link or a picture.

A visitor's way through the real page, in both languages, with names that are HTML or Markdown wherever one may be
given: photos, class folders, archives, a run, a model and its classes, data sets of the Hub, folders of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnet_demo.models import saved
from resnet_demo.models.model import TrainingInfo
from resnet_demo.texts import text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.run import Run
from tests.browser.conftest import playwright, visit
from tests.data.drawn import flowers, jpeg, write
from tests.data.test_archive import zipped
from tests.launched import free_port, launched
from tests.tiny import tiny_model

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 60_000

# No slash, which ends a file's name: elements that need no end, `//` as `\\` would be, and links in both writings.
NASTY = (
    "<div class=foreign style=position:fixed;inset:0;background:red>",
    "<a class=foreign href=javascript:1>a",
    "<form class=foreign><input class=foreign name=x>",
    "<img class=foreign src=x onerror=window.foreign=1>",
    "![m](data:image,foreign) [l](javascript:foreign) **m**",
    "&lt;b class=foreign&gt; &amp; \"'`${window.foreign=1}{{1}}<b class=foreign>",
)
LABELS = tuple(f"{number} {name}" for number, name in enumerate(NASTY[:5]))

FOREIGN = """() => {
    const found = document.querySelectorAll(
        ".foreign, [name=x], [href*='javascript:'], [href*=foreign], [src$='/x'], [src*=foreign], [style*=inset]");
    const run = window.foreign === undefined ? [] : ["a script ran"];
    return [...found].map((one) => one.outerHTML.slice(0, 300)).concat(run);
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with a finished run, whose photos, classes and model are called so."""
    home = tmp_path_factory.mktemp("home")
    photos = write(home / "photos" / NASTY[0], flowers(4, LABELS))
    files = tuple(f"{label}/{number}{NASTY[3]}.jpg" for label in LABELS for number in range(2))
    write(photos, {file: jpeg(number) for number, file in enumerate(files)})
    run = Run.create(home, TrainConfig(str(photos), variant="cifar_resnet20"), {})
    with run.artefacts.new_best() as folder:
        trained = TrainingInfo(metrics={"val_accuracy": 0.5, "val_photos": 10.0})
        saved.write(replace(tiny_model(), labels=LABELS, training_info=trained), folder, card="For tests.")
    labels = np.repeat(np.arange(5), 2)
    run.artefacts.write_test_predictions(
        LabelledPredictions(
            files=files,
            labels=labels,
            probabilities=np.roll(np.eye(5, dtype=np.float32), 1, axis=1)[labels],
            classes=LABELS,
            unreadable=(f"{LABELS[1]}/torn{NASTY[0]}.jpg",),
        )
    )
    run.events.append("said", key="keeping.too_long", fields={"minutes": NASTY[0]})
    run.events.append("finished", test_photos=10.0, test_accuracy=0.0)
    failed = Run.create(home, TrainConfig(str(photos), variant="cifar_resnet20"), {})
    failed.events.append("failed", key="image_folder.problem.no_folder", fields={"folder": NASTY[0]})
    return home


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    with launched(["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]) as address:
        yield address


def is_itself(page: Any) -> None:
    """Nothing on the page was made of a name."""
    assert page.evaluate(FOREIGN) == []


def is_told(page: Any, name: str) -> None:
    """A toast shows a name as it is written, and goes."""
    toast = page.get_by_test_id("toast-text").last
    expect(toast).to_contain_text(name, timeout=PATIENT)
    is_itself(page)
    page.get_by_test_id("toast-close").first.click()
    expect(page.get_by_test_id("toast-text")).to_have_count(0, timeout=PATIENT)


def open_tab(page: Any, language: str, *keys: str) -> None:
    for key in keys:
        page.get_by_role("tab", name=text(key, language), exact=True).click()


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh-CN")])
def test_toasts(chromium: Any, url: str, locale: str, language: str, tmp_path: Path) -> None:
    with visit(chromium, url, locale=locale) as page:
        page.set_default_timeout(PATIENT)
        open_tab(page, language, "page.tabs.finetune", "finetune.step.photos")
        sources = page.locator("#photos-source")
        sources.get_by_text(text("photos.source.folder", language), exact=True).click()
        for name in NASTY:
            page.locator("#photos-folder input").fill(str(tmp_path / name))
            page.locator("#photos-folder input").press("Enter")
            page.locator("#photos-open").click()
            is_told(page, name)
        sources.get_by_text(text("photos.source.hub", language), exact=True).click()
        for name in NASTY:
            page.locator("#photos-hub input, #photos-hub textarea").fill(name)
            page.locator("#photos-fetch").click()
            is_told(page, name)
        sources.get_by_text(text("photos.source.drop", language), exact=True).click()
        for name in NASTY[:4]:
            (tmp_path / "a.zip").write_bytes(zipped({f"{name}/..": b"x", f"..\\{name}": b"x"}))
            page.set_input_files("#photos-drop input[name=files]", tmp_path / "a.zip")
            is_told(page, name)


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh-CN")])
def test_photos_of_a_data_set(chromium: Any, url: str, locale: str, language: str, tmp_path: Path) -> None:
    files = {
        f"{name}/{number}{name}.jpg": jpeg(10 * place + number)
        for place, name in enumerate(NASTY)
        for number in range(4)
    }
    files |= {f"{name}/torn{name}.jpg": b"no picture" for name in NASTY}
    (tmp_path / f"{NASTY[0]}.zip").write_bytes(zipped(files))
    with visit(chromium, url, locale=locale) as page:
        page.set_default_timeout(PATIENT)
        open_tab(page, language, "page.tabs.finetune", "finetune.step.photos")
        page.set_input_files("#photos-drop input[name=files]", tmp_path / f"{NASTY[0]}.zip")
        expect(page.locator("#photos-report svg")).to_contain_text("<div class=foreign", timeout=PATIENT)
        expect(page.locator("#photos-samples img").first).to_be_visible(timeout=PATIENT)
        is_itself(page)
        for summary in page.locator("#photos-report summary").all():
            summary.click()
        is_itself(page)


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh-CN")])
def test_classify(chromium: Any, url: str, locale: str, language: str, tmp_path: Path) -> None:
    for place, name in enumerate(NASTY):
        (tmp_path / f"{place}{name}.jpg").write_bytes(jpeg(place))
        (tmp_path / f"{place}torn{name}.jpg").write_bytes(b"no picture")
    with visit(chromium, url, locale=locale) as page:
        page.set_default_timeout(PATIENT)
        page.locator("#classify-model input").click()
        expect(page.get_by_role("option").first).to_be_visible(timeout=PATIENT)
        is_itself(page)
        page.locator("[role=option]", has_text="cifar_resnet20").first.click()
        page.set_input_files(
            "#classify-photos input[type=file]:not([webkitdirectory])", sorted(map(str, tmp_path.iterdir()))
        )
        expect(page.locator("#classify-table")).to_contain_text(f"0torn{NASTY[0]}.jpg", timeout=PATIENT)
        expect(page.locator("#classify-gallery button img")).to_have_count(len(NASTY), timeout=PATIENT)
        expect(page.locator("#classify-prediction li").first).to_contain_text("foreign", timeout=PATIENT)
        expect(page.locator("#classify-table")).to_contain_text(f"0{NASTY[0]}.jpg", timeout=PATIENT)
        is_itself(page)
        for place in range(len(NASTY)):
            page.locator("#classify-gallery button").nth(place).click()
            expect(page.locator("#classify-photo")).to_contain_text(f"{place}{NASTY[place]}.jpg", timeout=PATIENT)
            is_itself(page)
        page.locator("#classify-look-inside").click()
        expect(page.locator("#look-bars li").first).to_contain_text("foreign", timeout=PATIENT)
        expect(page.locator("#look-photo img, #look-map img").first).to_be_visible(timeout=PATIENT)
        is_itself(page)


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh-CN")])
def test_runs_and_results(chromium: Any, url: str, locale: str, language: str) -> None:
    with visit(chromium, url, locale=locale) as page:
        page.set_default_timeout(PATIENT)
        open_tab(page, language, "page.tabs.finetune", "finetune.step.train")
        expect(page.locator("#train-runs")).to_contain_text("cifar", timeout=PATIENT)
        is_itself(page)
        for box in page.locator("#train-runs input[data-run]").all():
            box.click()
            is_itself(page)
        for row in page.locator("#train-runs button[data-run]").all():
            row.click()
            expect(row).to_have_attribute("aria-current", "true", timeout=PATIENT)
            expect(page.locator("#train-log")).to_be_visible(timeout=PATIENT)
            is_itself(page)
        open_tab(page, language, "finetune.step.results")
        expect(page.locator("#results-matrix [data-row]").first).to_be_visible(timeout=PATIENT)
        expect(page.locator("#results-table")).to_contain_text(LABELS[0], timeout=PATIENT)
        is_itself(page)
        page.locator("#results-matrix [data-row='0'][data-column='1']").click()
        expect(page.locator("#results-photos h3")).to_contain_text(LABELS[0], timeout=PATIENT)
        is_itself(page)
