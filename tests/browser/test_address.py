"""The address, the badge of a run, and a run's name and model in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.jobs import queue
from resnet_demo.models.saved import open_saved
from resnet_demo.texts import text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from tests.browser.conftest import PHONE, playwright, visit
from tests.conftest import ROOT
from tests.launched import free_port, launched
from tests.training.small_runs import draw_photos

pytestmark = pytest.mark.browser
expect = playwright.expect
expect.set_options(timeout=90_000)
PATIENT = 90_000

SMALL = ("--variant", "cifar_resnet20", "--scratch", "--image-size", 32, "--first-size", 32, "--batch-size", 8)
STRANGER = "0" * 32


def begin(home: Path, photos: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "resnet_demo", "--home", home, "train", photos, *SMALL, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with two runs of one data set."""
    home = tmp_path_factory.mktemp("home")
    photos = draw_photos(home / "photos", per_class=10)
    for preset in ("quick", "balanced"):
        begin(home, photos, "--epochs", 1, "--test-share", 0.4, "--preset", preset)
    return home


@pytest.fixture(scope="module")
def runs(home: Path) -> list[Run]:
    return all_runs(home)


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command, OMP_NUM_THREADS="1") as address:
        yield address
    for run in all_runs(home):
        if run.state() in {"queued", "starting", "running", "stopping"}:
            queue.stop(run, home, "now")


def shows(page: Any, address: str, *tabs: str, language: str = "en") -> None:
    """The page is at this address, with these tabs open."""
    page.set_default_timeout(PATIENT)
    expect(page).to_have_url(re.compile(re.escape(address) + "$"), timeout=PATIENT)
    for key in tabs:
        tab = page.get_by_role("tab", name=text(key, language), exact=True)
        expect(tab).to_have_attribute("aria-selected", "true", timeout=PATIENT)


FINETUNE, TRAIN, RESULTS = "page.tabs.finetune", "finetune.step.train", "finetune.step.results"


def click_tab(page: Any, key: str) -> None:
    page.get_by_role("tab", name=text(key), exact=True).click()


def test_tabs_and_run_are_found_again(chromium: Any, url: str, runs: list[Run]) -> None:
    newest, older = (run.name for run in runs)
    with visit(chromium, f"{url}?__theme=dark") as page:
        page.set_default_timeout(PATIENT)
        click_tab(page, FINETUNE)
        shows(page, "/?__theme=dark#fine-tune/photos", FINETUNE)
        click_tab(page, TRAIN)
        shows(page, f"#fine-tune/train/{newest}", TRAIN)
        page.locator(f"#train-runs button[data-run='{older}']").click()
        shows(page, f"#fine-tune/train/{older}", TRAIN)
        click_tab(page, RESULTS)
        shows(page, f"#fine-tune/results/{older}", RESULTS)
        click_tab(page, "page.tabs.look_inside")
        shows(page, "#look-inside/saliency")
        click_tab(page, "look.source.camera")
        shows(page, "#look-inside/camera")
        length = page.evaluate("history.length")
        page.reload()
        shows(page, "#look-inside/camera", "page.tabs.look_inside", "look.source.camera")
        page.go_back()
        shows(page, "#look-inside/saliency", "look.source.photo")
        page.go_back()
        shows(page, f"/?__theme=dark#fine-tune/results/{older}", FINETUNE, RESULTS)
        expect(page.locator("#results-name")).to_contain_text(older)
        page.go_back()
        shows(page, f"#fine-tune/train/{older}", TRAIN)
        page.go_back()
        shows(page, f"#fine-tune/train/{newest}", TRAIN)
        expect(page.locator(f"#train-runs button[data-run='{newest}']")).to_have_attribute("aria-current", "true")
        page.go_forward()
        shows(page, f"#fine-tune/train/{older}", TRAIN)
        assert page.evaluate("history.length") == length  # going back and forth, and ticks, leave no entries
        assert page.evaluate("document.body.classList.contains('dark')")


def test_a_run_that_is_not_there(chromium: Any, url: str, runs: list[Run]) -> None:
    with visit(chromium, f"{url}#fine-tune/train/20200101-000000-gone", locale="zh-CN") as page:
        said = text("page.address.no_run", "zh-CN")
        expect(page.locator("#address")).to_have_text(said, timeout=PATIENT)
        shows(page, f"#fine-tune/train/{runs[0].name}", FINETUNE, TRAIN, language="zh-CN")
        expect(page.locator("#train-status .name")).to_have_text(runs[0].name)
        page.evaluate("place => location.hash = place", "<b>/'/nonsense")
        page.get_by_role("tab").first.click()
        expect(page.locator("#address")).to_be_hidden()
        shows(page, "#classify", "page.tabs.classify", language="zh-CN")


def test_another_visitors_run_is_as_if_it_were_not_there(chromium: Any, home: Path, runs: list[Run]) -> None:
    owned = Run.create(home, runs[0].config, {**runs[0].facts, "owner": STRANGER})
    owned.events.append("stopped", how="now")
    command = ["app.py", "--public", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    try:
        with launched(command) as address:
            for name in (owned.name, "20200101-000000-gone"):
                with visit(chromium, f"{address}#fine-tune/results/{name}") as page:
                    expect(page.locator("#address")).to_have_text(text("page.address.no_run"), timeout=PATIENT)
                    shows(page, "#fine-tune/results", FINETUNE, RESULTS)
                    expect(page.locator("#results-headline")).to_have_text(text("results.none"))
                    expect(page.locator("#results-name")).to_be_hidden()
                    expect(page.locator("#run-badge")).to_be_hidden()
    finally:
        queue.delete(owned.name, home)


def test_renamed_and_taken_away(chromium: Any, url: str, runs: list[Run], tmp_path: Path) -> None:
    run, title = runs[1], "Ärger <b>1</b> 花"
    with visit(chromium, f"{url}#fine-tune/results/{run.name}") as page:
        page.set_default_timeout(PATIENT)
        expect(page.locator("#results-name h2")).to_have_text("photos", timeout=PATIENT)
        expect(page.locator("#results-name")).to_contain_text(text("train.list.preset.quick"))
        with page.expect_download(timeout=PATIENT) as download:
            page.locator("#results-export").click()
        download.value.save_as(tmp_path / "model.zip")
        page.locator("#results-rename").click()
        page.locator("#results-title input, #results-title textarea").fill(title)
        page.locator("#results-save-title").click()
        expect(page.locator("#results-name h2")).to_have_text(title, timeout=PATIENT)
        expect(page.locator("#results-renaming")).to_be_hidden()
        click_tab(page, TRAIN)
        expect(page.locator(f"#train-runs button[data-run='{run.name}'] b")).to_have_text(title)
        expect(page.locator("#train-status h3")).to_contain_text(title)
        click_tab(page, "page.tabs.classify")
        page.locator("#classify-model input").click()
        expect(page.get_by_role("option", name=f"{title} · ")).to_be_visible()
    assert run.title == title
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        archive.extractall(tmp_path)
    assert open_saved(tmp_path / run.name).labels == open_saved(run.artefacts.best).labels


def test_the_badge_follows_a_run_to_its_end(chromium: Any, url: str, home: Path, runs: list[Run]) -> None:
    with visit(chromium, url, viewport=PHONE) as page:
        expect(page.locator("#classify-examples button")).to_have_count(4, timeout=PATIENT)
        expect(page.locator("#run-badge")).to_be_hidden()  # what ended before the first visit is no news
        place = page.locator("#content").bounding_box()
        config = TrainConfig.from_json({**runs[0].config.to_json(), "epochs": 400})
        run = Run.create(home, config, runs[0].facts)
        run.rename("a long name that does not fit beside all the rest")
        badge = page.locator("#run-badge a")
        expect(badge).to_contain_text(re.compile("Epoch [0-9]+ of 400"), timeout=PATIENT)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert page.locator("#content").bounding_box()["y"] == place["y"]
        page.reload()
        expect(badge).to_contain_text("of 400", timeout=PATIENT)
        badge.click()
        shows(page, f"#fine-tune/train/{run.name}", FINETUNE, TRAIN)
        click_tab(page, "page.tabs.classify")
        queue.stop(run, home, "keep")
        expect(page.locator("#run-badge")).to_be_hidden(timeout=PATIENT)  # whoever stops one knows
        run.events.append("finished", best_epoch=1, val_accuracy=0.5)
        said = text("page.badge.done", percent="").partition("{")[0].split("%")[0].strip()
        expect(badge).to_contain_text(re.compile(rf"{said}|{text('run.state.finished')}"), timeout=PATIENT)
        page.reload()
        expect(badge).to_have_attribute("href", f"#fine-tune/train/{run.name}", timeout=PATIENT)
        badge.click()
        shows(page, f"#fine-tune/train/{run.name}", FINETUNE, TRAIN)
        expect(page.locator("#run-badge")).to_be_hidden(timeout=PATIENT)
