"""Two visitors who mean harm, in a process of their own, niced: what they cost is to be the server's time, not theirs.

One floods: hundreds of calls at the same time, each in a session of its own, some of them with 200 references to one
photo or batches of 2,000. The other sends decompression bombs of 100 megapixels, to Classify and to Look inside.
They go on until they are ended, or their time is over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.bench.page_client import Plan, RefusedError, fetch_plan, opened, visitor

FLOODING, BOMBING = 200, 201
"""The numbers of their addresses."""
AT_A_TIME = 300
CALLS_A_SECOND = 60
STREAMS = 100
"""Of these calls, so many are listened to."""
REPEATED = 200
BATCH = 2_000
BOMBS_AT_A_TIME = 3
TELL_SECONDS = 1.0


class Flood:
    """Calls without end from one address; `counts` are those made and refused, by status."""

    def __init__(self, http: httpx.AsyncClient, plan: Plan, counts: Counter[str]) -> None:
        self.http, self.plan, self.counts = http, plan, counts
        self._listening = 0
        self._under_way: set[asyncio.Task[None]] = set()

    async def go_on(self, photo: bytes) -> None:
        """Begin calls at their pace, never more than `AT_A_TIME`."""
        bodies = self._bodies(await self._upload(photo))
        for number in range(10**9):
            if len(self._under_way) < AT_A_TIME:
                task = asyncio.ensure_future(self._call(bodies[number % len(bodies)]))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(1 / CALLS_A_SECOND)

    async def _upload(self, photo: bytes) -> str:
        response = await self.http.post("gradio_api/upload", files=[("files", ("0.jpg", photo))])
        path: str = response.json()[0]
        return path

    def _bodies(self, path: str) -> list[tuple[bytes, bytes]]:
        """Calls with a gap where the session stands."""
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        api = next(one for one in self.plan.functions.values() if one["api_name"] == "classify")
        [drop] = self.plan.by_target[self.plan.named["classify-photos"], "upload"]
        tick = self.plan.by_target[self.plan.clocks[0], "tick"][0]
        values = [None for _ in tick["inputs"]]
        calls: list[tuple[dict[str, Any], list[object]]] = [
            (api, [[file] * REPEATED, "flowers", 5, "crop"]),
            (drop, ["en", None, [{"rel": "a.jpg", "file": file}] * BATCH]),
            (tick, values),
            (api, [[file], "flowers", 5, "whole"]),
            (tick, values),
        ]
        bodies = []
        for function, data in calls:
            whole = {"fn_index": function["id"], "data": data, "event_data": {}, "session_hash": "?"}
            head, _, tail = json.dumps(whole).rpartition("?")
            bodies.append((head.encode(), tail.encode()))
        return bodies

    async def _call(self, body: tuple[bytes, bytes]) -> None:
        session = secrets.token_hex(8)
        content = session.encode().join(body)
        try:
            response = await self.http.post(
                "gradio_api/queue/join", content=content, headers={"content-type": "application/json"}
            )
            self.counts[f"flood {response.status_code}"] += 1
            if response.status_code == 200 and self._listening < STREAMS:
                self._listening += 1
                try:
                    await self.http.get(f"gradio_api/queue/data?session_hash={session}")
                finally:
                    self._listening -= 1
        except httpx.HTTPError as error:
            self.counts[f"flood {type(error).__name__}"] += 1


async def send_bomb(http: httpx.AsyncClient, plan: Plan, file: Path, counts: Counter[str]) -> None:
    """Send one picture to both tabs, over and over, each time in a new session."""
    while True:
        for zone in ("classify-photos", "look-drop"):
            try:
                async with opened(http, plan, note=lambda _: None) as page:
                    page.values[plan.named[zone]] = [await page.upload(file.name, file.read_bytes())]
                    await page.event(zone, "upload", {})
                counts["bombs taken"] += 1
            except RefusedError as error:
                counts[f"bombs {error.call} {error.status or 'error'}"] += 1
            except (httpx.HTTPError, TimeoutError) as error:
                counts[f"bombs {type(error).__name__}"] += 1
            await asyncio.sleep(0.2)


async def attack(url: str, seconds: float, photo: Path, pictures: list[Path], told: Path) -> None:
    """Both, for so long; `told` is a file that always holds how often what came of it."""
    counts: Counter[str] = Counter()
    async with visitor(url, FLOODING) as flooding, visitor(url, BOMBING) as bombing:
        plan = await fetch_plan(flooding)
        tasks = [asyncio.ensure_future(Flood(flooding, plan, counts).go_on(photo.read_bytes()))]
        for number in range(BOMBS_AT_A_TIME):
            picture = pictures[number % len(pictures)]
            tasks.append(asyncio.ensure_future(send_bomb(bombing, plan, picture, counts)))
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not any(task.done() for task in tasks):
            await asyncio.sleep(TELL_SECONDS)
            whole = told.with_suffix(".new")
            whole.write_text(json.dumps(counts), encoding="utf-8")
            whole.replace(told)
        await asyncio.gather(*(task for task in tasks if task.done()))
        for task in tasks:
            task.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("told", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    arguments = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(10)
    with suppress(KeyboardInterrupt):
        asyncio.run(attack(arguments.url, arguments.seconds, arguments.photo, arguments.pictures, arguments.told))


if __name__ == "__main__":
    main()
