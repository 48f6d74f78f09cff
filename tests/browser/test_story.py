"""A whole way: a zip dropped, a network trained, a reload midway, a cell of the matrix, a photo named by the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.jobs import queue
from resnet_demo.settings import find_settings
from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run_folder import ENDED
from tests.browser.conftest import playwright, visit
from tests.browser.dragging import drop
from tests.browser.test_photos_step import is_reported
from tests.browser.test_train_step import choose, curve
from tests.data.test_archive import zipped
from tests.launched import free_port, launched
from tests.training.small_runs import draw_photos

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 180_000
NAME = "colours"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_photos(tmp_path / NAME, per_class=45)


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with launched(["app.py", "--no-browser", "--port", str(free_port())]) as address:
        yield address
    settings = find_settings()
    for run in all_runs(settings.home):
        if run.state() not in ENDED:
            queue.stop(run, settings.home, "now")


def open_tab(page: Any, *keys: str) -> None:
    for key in keys:
        page.get_by_role("tab", name=text(key), exact=True).click()


def test_from_a_zip_to_a_named_photo(chromium: Any, url: str, photos: Path, tmp_path: Path) -> None:
    files = {f"{NAME}/{path.relative_to(photos)}": path.read_bytes() for path in photos.rglob("*.*")}
    archive = tmp_path / f"{NAME}.zip"
    archive.write_bytes(zipped(files))
    with visit(chromium, url) as page:
        page.set_default_timeout(PATIENT)
        open_tab(page, "page.tabs.finetune", "finetune.step.photos")
        page.locator("#photos-drop .zone").wait_for()
        drop(page, "#photos-drop .zone", archive)
        is_reported(page, len(files), len(list(photos.iterdir())))

        page.locator("#photos-go").click()
        choose(page, epochs="2", image_size="96", first_size="96", batch_size="8")  # some seconds
        page.locator("#train-start").click()
        page.locator("#train-plots svg").first.wait_for()
        expect(page.locator("#train-status .state")).to_have_text(text("run.state.running"))
        run_name = page.locator("#train-status .name").inner_text()

        page.reload()
        open_tab(page, "page.tabs.finetune", "finetune.step.train")
        expect(page.locator("#train-status .name")).to_have_text(run_name, timeout=PATIENT)
        expect(page.locator("#train-status .state")).to_have_text(text("run.state.finished"), timeout=PATIENT)
        assert curve(page).startswith("M")

        page.locator("#train-results").click()
        cell = page.locator("#results-matrix [data-row='0'][data-column='0']")
        cell.wait_for()
        count = int(cell.locator("text").text_content())
        cell.click()
        expect(page.locator("#results-photos li")).to_have_count(count)

        open_tab(page, "page.tabs.classify")
        model = page.locator("#classify-model input")
        model.click()
        page.locator(f"[role=option][aria-label^='{NAME}']").first.click()
        drop(page, "#classify-photos .zone", next((photos / "red").iterdir()))
        expect(page.locator("#classify-status")).to_contain_text(run_name, timeout=PATIENT)
        expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()
