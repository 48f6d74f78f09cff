"""A real Chromium, and visits of it to a page that fail on what no visitor should meet."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)")

# What waits for a state waits as long as a busy machine needs; who asks for less says so.
PATIENT_MS = 60_000
playwright.expect.set_options(timeout=PATIENT_MS)

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def chromium_path() -> str:
    """The Chromium that the system has."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    return path


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """What starts browsers; there can be only one."""
    with playwright.sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(driver: Any) -> Iterator[Any]:
    """A headless browser for the whole session."""
    browser = driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
    yield browser
    browser.close()


@contextmanager
def visit(chromium: Any, url: str, *, harmless: str | None = None, **options: Any) -> Iterator[Any]:
    """A page opened at `url` by a fresh visitor; afterwards nothing may have gone wrong or out to another place.

    `harmless`: a regular expression of what may be complained of nevertheless.
    """
    context = chromium.new_context(**{"viewport": DESKTOP, "locale": "en-US", **options})
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", lambda said: _is_fault(said) and faults.append(f"console: {said.text} {said.location}"))
    page.on("response", lambda answer: answer.status >= 500 and faults.append(_failed(answer)))
    page.on("request", lambda request: _is_foreign(request.url, url) and faults.append(f"asked: {request.url}"))
    page.goto(url)
    yield page
    context.close()
    assert [fault for fault in faults if not (harmless and re.search(harmless, fault))] == []


def _failed(answer: Any) -> str:
    return f"{answer.status} {answer.url} asked {str(answer.request.post_data)[:400]}"


# What Gradio's client says of requests that a reload has broken off; the page is gone by then.
BROKEN_OFF = ("AbortError", "Connection errored out")


def _is_fault(said: Any) -> bool:
    return said.type == "error" and not any(words in said.text for words in BROKEN_OFF)


def _is_foreign(asked: str, url: str) -> bool:
    return urlsplit(asked).scheme not in {"data", "blob"} and urlsplit(asked).netloc != urlsplit(url).netloc
