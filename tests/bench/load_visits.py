"""Honest visitors in a process of their own: each opens a page, has a photo named, reads, closes, and comes again.

Every visit is a new session; a line of JSON tells of each, as soon as it is over.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import random
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from tests.bench.load_photos import KnownPhoto, matches, read
from tests.bench.page_client import Page, Plan, RefusedError, fetch_plan, opened, visitor

PATIENCE_SECONDS = 120.0
"""What a visitor waits for a page, or an answer, before giving up."""
FIRST = 2
"""The number of the first visitor's address."""
LOOK_SECONDS, READ_SECONDS = 4.0, 8.0
BAR = re.compile(r"<li><span>(.*?)</span> <span>(?:&lt; )?([\d.]+) %</span>")


@dataclass
class Visit:
    """How one visit went; `opening` and `answering` are seconds that the visitor waited.

    `outcome` is "right", "wrong", or "failed"; `reason` says what it was that failed or was said wrongly. `behind` is
    what failed behind the visitor's back, as the page's clock ticked.
    """

    visitor: int
    began: float
    opening: float | None = None
    answering: float | None = None
    outcome: str = "failed"
    reason: str = ""
    behind: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Habits:
    """What visitors do: how many there are, for how long they come, and what they do between (seconds, on average)."""

    visitors: int
    seconds: float
    pause: float
    look: float = LOOK_SECONDS
    read: float = READ_SECONDS


async def visits(url: str, habits: Habits, photos: list[KnownPhoto], told: Path) -> None:
    """All visitors, until the time is over and the last of them has got an answer."""
    async with visitor(url, FIRST) as http:
        plan = await fetch_plan(http)
    ends = time.monotonic() + habits.seconds
    with told.open("a", encoding="utf-8") as lines:

        async def stay(number: int) -> None:
            chance = random.Random(number)
            own = photos[number % len(photos) :: habits.visitors] or photos
            await asyncio.sleep(chance.uniform(0, habits.pause))
            async with visitor(url, FIRST + number) as http:
                while time.monotonic() < ends:
                    visit = await _visit(http, plan, number, chance, habits, chance.choice(own))
                    lines.write(json.dumps(asdict(visit)) + "\n")
                    lines.flush()
                    rest = min(chance.uniform(0.5, 1.5) * habits.pause, ends - time.monotonic())
                    await asyncio.sleep(max(0.0, rest))

        await asyncio.gather(*map(stay, range(habits.visitors)))


async def _visit(
    http: httpx.AsyncClient, plan: Plan, number: int, chance: random.Random, habits: Habits, photo: KnownPhoto
) -> Visit:
    visit = Visit(number, time.monotonic())

    def note(error: BaseException) -> None:
        visit.behind.append(_said(error))

    try:
        async with asyncio.timeout(PATIENCE_SECONDS) as patience, opened(http, plan, note=note) as page:
            visit.opening = time.monotonic() - visit.began
            patience.reschedule(None)
            await asyncio.sleep(chance.uniform(0.5, 1.5) * habits.look)
            began = time.monotonic()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await ask(page, photo, f"{number}-{began:.3f}.jpg", visit)
            visit.answering = time.monotonic() - began
            await asyncio.sleep(chance.uniform(0.5, 1.5) * habits.read)
    except (RefusedError, httpx.HTTPError, TimeoutError) as error:
        visit.outcome, visit.reason = "failed", _said(error)
        if isinstance(error, TimeoutError):  # it was at least so long, and counts as a wait
            step = "opening" if visit.opening is None else "answering"
            setattr(visit, step, PATIENCE_SECONDS)
    return visit


async def ask(page: Page, photo: KnownPhoto, name: str, visit: Visit) -> None:
    """Have a photo named, and judge the answer. The file ends in a name of its own, so that no two are the same."""
    named = page.plan.named
    content = Path(photo.file).read_bytes() + name.encode()
    page.values[named["classify-photos"]] = [await page.upload(name, content)]
    await page.event("classify-photos", "upload", {})
    said = str(page.values.get(named["classify-prediction"]))
    shown = page.shown.get(named["classify-photo"], {}).get("label")
    if not matches(percent(said), photo):
        visit.outcome, visit.reason = "wrong", f"{photo.percent} expected: {said[:200]}"
    elif shown != name:
        visit.outcome, visit.reason = "wrong", f"{name} expected: {shown}"
    else:
        visit.outcome = "right"


def percent(bars: str) -> dict[str, float]:
    """The percentages of an answer as the page shows it."""
    return {html.unescape(label): float(number) for label, number in BAR.findall(bars)}


def _said(error: BaseException) -> str:
    if isinstance(error, RefusedError):
        return f"{error.call}: {error.status or error.said}"
    if isinstance(error, TimeoutError):
        return f"no answer in {PATIENCE_SECONDS:.0f} s"
    return type(error).__name__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("photos", type=Path)
    parser.add_argument("told", type=Path)
    parser.add_argument("habits", type=json.loads)
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(visits(arguments.url, Habits(**arguments.habits), read(arguments.photos), arguments.told))


if __name__ == "__main__":
    main()
