"""The page without a browser makes the calls that Chromium makes, and shows the same answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.bench.load_visits import percent
from tests.bench.page_client import Plan, fetch_plan, opened, visitor
from tests.launched import free_port, launched
from tests.tiny import photos

pytestmark = pytest.mark.browser
QUIET_SECONDS = 3
"""Nothing more follows from opening the page, but for its clock."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    with launched(["app.py", "--public", "--no-browser", "--port", str(free_port()), "--home", str(home)]) as url:
        yield url


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return photos(tmp_path, 1, (480, 400))[0]


def in_chromium(chromium: Any, url: str, photo: Path, plan: Plan) -> tuple[set[str], str]:
    """Names of the functions that were called, and the answer's markup."""
    called: set[str] = set()
    page = chromium.new_page(locale="en-US")

    def note(request: Any) -> None:
        if request.method == "POST" and not request.url.endswith("/upload"):
            called.add(plan.functions[json.loads(request.post_data)["fn_index"]]["api_name"])

    page.on("request", note)
    page.goto(url)
    page.locator("#classify-photos input[type=file]").first.set_input_files(photo)
    page.wait_for_selector("#classify-prediction li", timeout=120_000)
    page.wait_for_timeout(1_000 * QUIET_SECONDS)
    answer: str = page.locator("#classify-prediction").inner_html()
    page.close()
    return called, answer


async def without(url: str, photo: Path) -> tuple[set[str], str]:
    async with visitor(url, 2) as http, opened(http, await fetch_plan(http)) as page:
        zone, shown = page.plan.named["classify-photos"], page.plan.named["classify-prediction"]
        page.values[zone] = [await page.upload(photo.name, photo.read_bytes())]
        await page.event(zone, "upload", {})
        return set(page.calls), str(page.values[shown])


async def plan_of(url: str) -> Plan:
    async with visitor(url, 2) as http:
        return await fetch_plan(http)


def test_the_same_calls_and_answer_as_in_a_browser(chromium: Any, url: str, photo: Path) -> None:
    with ThreadPoolExecutor() as apart:  # Chromium's driver has the event loop of this thread
        plan = apart.submit(asyncio.run, plan_of(url)).result()
        ours, said = apart.submit(asyncio.run, without(url, photo)).result()
    called, shown = in_chromium(chromium, url, photo, plan)
    clock = {one["api_name"] for number in plan.clocks for one in plan.by_target[number, "tick"]}
    assert ours - clock == called - clock
    assert percent(said) == percent(shown)
    assert len(percent(said)) == 5
