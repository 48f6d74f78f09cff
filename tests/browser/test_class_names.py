"""Classes of a known model are named in the page's language, wherever they are shown, and follow the switch."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.models import description
from resnet_demo.models.class_names import class_names
from resnet_demo.settings import BUILT_IN_MODELS
from resnet_demo.texts import text
from tests.browser.conftest import playwright, visit
from tests.launched import free_port, launched
from tests.tiny import photos

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 120_000

LABELS = description.read_folder(BUILT_IN_MODELS / "flowers").labels
NAMES = class_names(LABELS, "zh-CN")
CHINESE = re.compile(rf"^\s*(?:{'|'.join(map(NAMES.full, LABELS))})")
ENGLISH = re.compile(rf"^\s*(?:{'|'.join(LABELS)})\b")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with the built-in model alone."""
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path_factory.mktemp("home"))]
    with launched(command, OMP_NUM_THREADS="1") as address:
        yield address


def test_class_names_follow_the_language_on_each_tab(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit(chromium, url, locale="zh-CN", accept_downloads=True) as page:
        page.set_default_timeout(PATIENT)
        files = [str(photo) for photo in photos(tmp_path, 3)]
        page.set_input_files("#classify-photos input[type=file]:not([webkitdirectory])", files)
        heading, cells = (
            page.locator("#classify-prediction h2"),
            page.locator("#classify-table tbody tr[data-number='0'] td"),
        )
        captions = page.locator("#classify-gallery button span")
        expect(heading).to_have_text(CHINESE, timeout=PATIENT)
        classes = page.locator("#classify-prediction li span:first-child")
        expect(classes).to_have_text([CHINESE] * len(LABELS), timeout=PATIENT)
        expect(captions).to_have_text([CHINESE] * 3, timeout=PATIENT)
        expect(cells.nth(2)).to_have_text(CHINESE, timeout=PATIENT)
        with page.expect_download() as downloading:
            page.locator("#classify-download").click()
        with Path(downloading.value.path()).open(encoding="utf-8-sig", newline="") as file:
            assert {row["top1"] for row in csv.DictReader(file)} <= set(LABELS)

        page.get_by_text("English", exact=True).click()
        expect(heading).to_have_text(ENGLISH, timeout=PATIENT)
        expect(captions).to_have_text([ENGLISH] * 3, timeout=PATIENT)
        expect(cells.nth(2)).to_have_text(ENGLISH, timeout=PATIENT)

        page.locator("#classify-look-inside").click()
        inside, target = page.locator("#look-bars h2"), page.locator("#look-class input")
        expect(inside).to_have_text(ENGLISH, timeout=PATIENT)
        about = page.locator("#look-saliency-about h3")
        expect(about).to_contain_text(text("look.saliency.for").split('"')[0], timeout=PATIENT)
        page.get_by_text("简体中文").click()
        expect(inside).to_have_text(CHINESE, timeout=PATIENT)
        expect(target).to_have_value(CHINESE, timeout=PATIENT)
        expect(about).to_contain_text("（", timeout=PATIENT)
        page.locator("#look-other input").click()
        others = [re.compile("."), *[re.compile("（")] * (len(LABELS) - 1)]
        expect(page.locator("[role=option]")).to_have_text(others, timeout=PATIENT)
