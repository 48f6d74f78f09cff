"""The results step as a visitor uses it: a real run, its figures, and the photos behind each number."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.conftest import ROOT
from tests.launched import free_port, launched
from tests.training.small_runs import draw_photos

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 60_000

STRANGE = "${1+1} {{value}} <script>"
SMALL = ("--variant", "cifar_resnet20", "--scratch", "--image-size", 32, "--first-size", 32, "--batch-size", 8)


def command_line(*arguments: object) -> None:
    command = [sys.executable, "-m", "resnet_demo", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with one run, trained so briefly that it errs; one class has a name that a template would expand."""
    home = tmp_path_factory.mktemp("home")
    photos = draw_photos(home / "photos", per_class=20)
    (photos / "red").rename(photos / STRANGE)
    command_line("--home", home, "train", photos, *SMALL, "--epochs", 1, "--test-share", 0.4)
    return home


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    (found,) = all_runs(home)
    return found


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    with launched(["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]) as address:
        yield address


def open_results(page: Any, language: str = "en") -> None:
    page.set_default_timeout(PATIENT)
    for key in ("page.tabs.finetune", "finetune.step.results"):
        page.get_by_role("tab", name=text(key, language), exact=True).click()


def counts(page: Any) -> dict[tuple[int, int], int]:
    """The matrix as the page shows it."""
    expect(page.locator("#results-matrix [data-row]").first).to_be_visible(timeout=PATIENT)
    cells = page.locator("#results-matrix [data-row]").all()
    return {
        (int(cell.get_attribute("data-row")), int(cell.get_attribute("data-column"))): int(
            cell.locator("text").text_content()
        )
        for cell in cells
    }


def test_every_number_of_the_matrix_leads_to_its_photos(chromium: Any, url: str, run: Run) -> None:
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    with visit(chromium, url) as page:
        open_results(page)
        found = counts(page)
        assert sum(found.values()) == len(predictions.files) == 24
        expect(page.locator("#results-headline strong")).to_have_text(f"{100 * predictions.correct / 24:.1f} %")
        expect(page.locator("#results-headline")).to_contain_text(text("results.test_set_used_once"))
        expect(page.locator("#results-table tbody tr")).to_have_count(3)
        expect(page.locator("#results-photos li")).to_have_count(24 - predictions.correct)
        for (row, column), count in found.items():
            page.locator(f"#results-matrix [data-row='{row}'][data-column='{column}']").click()
            true, said = predictions.classes[row], predictions.classes[column]
            key = "results.photos.right" if row == column else "results.photos.cell"
            title = text(key, true=true, said=said, photos=count)
            expect(page.locator("#results-photos h3")).to_have_text(title, timeout=PATIENT)
            shown = page.locator("#results-photos img").evaluate_all("all => all.map(one => one.title)")
            expected = [
                file
                for file, label, answer in zip(
                    predictions.files, predictions.labels, predictions.predicted, strict=True
                )
                if (label, answer) == (row, column)
            ]
            assert sorted(shown) == sorted(expected)
        page.locator("#results-worst").click()
        expect(page.locator("#results-photos li")).to_have_count(24 - predictions.correct, timeout=PATIENT)
        expect(page.locator("#results-worst")).to_be_hidden()


def test_from_a_mistake_to_its_saliency_map(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_results(page)
        mistake = page.locator("#results-photos li").first
        said, true = mistake.locator("b").inner_text(), mistake.locator("figcaption span").inner_text()
        mistake.locator("button").click()
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        title = text("look.saliency.rather", label=said, other=true.removeprefix("true class "), layer="stage3")
        expect(page.locator("#look-saliency-about h3")).to_have_text(title, timeout=PATIENT)
        expect(page.locator("#look-map")).to_be_in_viewport(timeout=PATIENT)


def test_from_results_to_classify_with_this_model(chromium: Any, url: str, run: Run) -> None:
    with visit(chromium, url) as page:
        open_results(page)
        page.locator("#results-use").click()
        expect(page.locator("#classify-model input")).to_have_value(re.compile("^photos · cifar_resnet20"))
        page.locator("#classify-examples button").first.click()
        expect(page.locator("#classify-status")).to_contain_text(run.name, timeout=PATIENT)


def test_names_are_shown_as_they_are(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_results(page)
        counts(page)
        expect(page.locator("#results-table")).to_contain_text(STRANGE)
        expect(page.locator("#results-matrix title").filter(has_text=STRANGE).first).to_be_attached()
        page.locator("#results-matrix [data-row]").first.click()
        expect(page.locator("#results-photos h3")).to_contain_text(STRANGE, timeout=PATIENT)


def test_the_matrix_by_keyboard(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_results(page)
        places = sorted(counts(page))
        assert len(places) > 2
        stops = page.locator("#results-matrix [tabindex='0']")
        expect(stops).to_have_count(1)
        stops.focus()
        page.keyboard.press("ArrowDown")
        focused = page.evaluate("[document.activeElement.dataset.row, document.activeElement.dataset.column]")
        assert int(focused[0]) > 0
        page.keyboard.press("Enter")
        expect(page.locator("#results-matrix [aria-pressed='true']")).to_have_count(1)
        expect(page.locator("#results-worst")).to_be_visible(timeout=PATIENT)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_it_fits_the_window(chromium: Any, url: str, size: dict[str, int], locale: str) -> None:
    language = locale.removesuffix("-US")
    with visit(chromium, url, viewport=size, locale=locale) as page:
        open_results(page, language)
        counts(page)
        expect(page.locator("#results-matrix")).to_contain_text(text("results.matrix.hint", language), timeout=PATIENT)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        page.locator("#results-matrix [data-row]").first.click()
        expect(page.locator("#results-photos")).to_be_in_viewport(timeout=PATIENT)


def test_the_language_changes_all_of_it(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        open_results(page)
        counts(page)
        page.get_by_text("简体中文").click()
        expect(page.locator("#results-headline")).to_contain_text(
            text("results.test_set_used_once", "zh-CN"), timeout=PATIENT
        )
        expect(page.locator("#results-table")).to_contain_text(text("evaluation.header.precision", "zh-CN"))
        expect(page.locator("#results-photos h3")).not_to_contain_text(re.compile("[a-z]{3} mistakes"))


def test_results_come_by_themselves_once_a_run_is_over(chromium: Any, home: Path, tmp_path: Path) -> None:
    """A run is queued while the step is open; the page starts it, and nobody clicks anything."""
    shutil.copytree(home, tmp_path / "home")
    (before,) = all_runs(tmp_path / "home")
    waiting = Run.create(tmp_path / "home", before.config, before.facts)
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path / "home")]
    with launched(command, OMP_NUM_THREADS="1") as address, visit(chromium, address) as page:
        open_results(page)
        headline = page.locator("#results-headline")
        expect(headline).to_have_text(text("results.going_on", name=waiting.name), timeout=PATIENT)
        expect(page.locator("#results-matrix")).to_be_hidden()
        expect(headline).to_contain_text(text("results.test_set_uses", uses=2), timeout=2 * PATIENT)
        assert sum(counts(page).values()) == 24
        assert waiting.state() == "finished"
