"""`make bench-load`: a public page under many visitors, alone and beside two who mean harm; waiting, answers, memory.

The page is launched as its README says, on two cores; visitors come from addresses of loopback of their own, each visit
in a new session: they open the page, have a photo named whose answer was found beforehand, read, close, and come again.
First they are alone ("calm"), then one who floods and one who sends decompression bombs are there, too ("hostile").
`--app` measures another checkout, or a revision of this one, as well, in turns.

`--sessions` opens and closes pages alone and shows memory for each; `--idle-pages` what open pages cost at rest.
Memory is that of all the app's processes. It counts as flat where the mean of a phase's last fifth is within 5 % of
that of its second; the first warms up.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.bench import load_photos
from tests.bench.load_phases import MEGABYTE, InputFiles, Phase, Waits, run_phase
from tests.bench.load_server import FLAT_WITHIN, KILOBYTE, Sample, Server, public_page
from tests.bench.load_visits import FIRST, Habits
from tests.bench.page_client import RefusedError, fetch_plan, has_addresses, opened, visitor
from tests.conftest import ROOT

CALM_SHARE = 0.3
"""Of the minutes with those who mean harm, so long are the visitors alone before."""
PAUSE_SECONDS = 45.0
MOST_LONGER = 1.5
PHOTOS_EACH = 3
SIDE = 10_000
SESSIONS_AT_A_TIME = 6
ADDRESSES = 180
SAMPLES, SAMPLES_A_LINE = 50, 5
LATER = (429, 503)
"""Statuses that ask to come again later."""
WARM_SHARE = 0.5
"""Of the sessions: until then memory fills that a bounded number of them is kept in."""
Results = dict[str, dict[str, Phase]]


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = _parser().parse_args()
    if not has_addresses():
        print("All visitors come from one address here: the page cannot tell them apart by it.")
    try:
        with sides(arguments.app) as apps:
            if arguments.sessions:
                each(apps, arguments, lambda server: show_sessions(server, arguments.sessions))
            elif arguments.idle_pages:
                each(apps, arguments, lambda server: show_idle(server, arguments))
            else:
                measure(apps, arguments)
    except KeyboardInterrupt:
        sys.exit("interrupted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="with those who mean harm; alone: 0.3 of it")
    parser.add_argument("--visitors", type=int, default=50, help="at the most 190")
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="seconds between visits, on average")
    parser.add_argument("--cores", type=int, default=2, help="that the page may use, where the system can bind it")
    parser.add_argument("--app", help="another checkout's folder, or a revision of this repository: the side before")
    parser.add_argument("--json", type=Path, help="a file for all figures, of what there was if interrupted")
    parser.add_argument("--sessions", type=int, help="instead: open and close so many pages, and nothing else")
    parser.add_argument("--idle-pages", type=int, help="instead: keep so many pages open, and do nothing")
    parser.add_argument(
        "--tick", type=float, help="seconds between ticks of those pages' clocks (default: the page's own)"
    )
    return parser


@contextmanager
def sides(other: str | None) -> Iterator[dict[str, Path]]:
    """The checkouts to measure, by name: "before", if there is another one, and "here"."""
    if other is None:
        yield {"here": ROOT}
    elif Path(other, "app.py").is_file():
        yield {"before": Path(other).absolute(), "here": ROOT}
    else:
        with tempfile.TemporaryDirectory() as folder:
            packed = subprocess.run(
                ["git", "archive", "--format=tar", other],  # noqa: S607
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(folder, filter="data")
            yield {"before": Path(folder), "here": ROOT}


def each(apps: dict[str, Path], arguments: argparse.Namespace, show: Callable[[Server], None]) -> None:
    """Do the same with every side's page."""
    for name, app in apps.items():
        print(f"{name}: {app}", flush=True)
        with public_page(app, arguments.cores) as server:
            show(server)


def measure(apps: dict[str, Path], arguments: argparse.Namespace) -> None:
    """Both phases on every side in turn; what is known is kept in the file after each, and printed at the end."""
    results: Results = {name: {} for name in apps}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        input_files = make_input_files(folder, arguments.visitors * PHOTOS_EACH, SIDE)
        try:
            for name, app in apps.items():
                with public_page(app, arguments.cores) as server:
                    warm_up(server)
                    for phase in ("calm", "hostile"):
                        share = 1.0 if phase == "hostile" else CALM_SHARE
                        habits = Habits(arguments.visitors, 60 * arguments.minutes * share, arguments.pause)
                        print(f"{name}, {phase}: {habits.seconds / 60:.1f} minutes", flush=True)
                        place = folder / f"{name}-{phase}"
                        results[name][phase] = run_phase(server, habits, input_files, place, hostile=phase == "hostile")
                        keep(results, arguments)
                        if results[name][phase].cut_short:
                            raise KeyboardInterrupt
        finally:
            keep(results, arguments)
            show(results)


def make_input_files(folder: Path, photos: int, side: int, drawn_side: int | None = None) -> InputFiles:
    """What visitors bring; decompression bombs are `side` pixels wide and high."""
    known = load_photos.known_photos(folder / "drawn", photos, drawn_side)
    load_photos.write(known, folder / "known.json")
    bombs = []
    for name, content in load_photos.bombs(side):
        bombs.append(folder / name)
        bombs[-1].write_bytes(content)
    return InputFiles(folder / "known.json", Path(known[0].file), bombs)


def warm_up(server: Server) -> None:
    """Let the page load torch and its model, as it does for its first visitor."""

    async def once() -> None:
        async with visitor(server.url, FIRST) as http:
            plan = await fetch_plan(http)
            async with opened(http, plan) as page:
                rose = ROOT / "assets" / "icon.png"
                page.values[plan.named["classify-photos"]] = [await page.upload("warm.png", rose.read_bytes())]
                await page.event("classify-photos", "upload", {})

    asyncio.run(once())


def keep(results: Results, arguments: argparse.Namespace) -> None:
    """Write what there is."""
    if arguments.json:
        settings = {name: getattr(arguments, name) for name in ("minutes", "visitors", "pause", "cores", "app")}
        found = {name: {kind: phase.as_json() for kind, phase in phases.items()} for name, phases in results.items()}
        arguments.json.write_text(json.dumps({"settings": settings, "results": found}, indent=1), encoding="utf-8")


ROWS: dict[str, Callable[[Phase], str]] = {
    "minutes": lambda phase: f"{phase.seconds / 60:.1f}" + (" (cut short)" if phase.cut_short else ""),
    "visits, each a new session": lambda phase: str(phase.visits),
    "right answers a minute": lambda phase: f"{60 * phase.right / phase.seconds:.1f}",
    "wrong answers": lambda phase: str(len(phase.wrong)),
    "failed visits": lambda phase: str(sum(phase.failed.values())),
    "to open the page, s": lambda phase: _waits(phase.opening),
    "to an answer, s": lambda phase: _waits(phase.answering),
    "processor, s a minute": lambda phase: f"{60 * phase.processor / phase.seconds:.1f}",
    "memory, MB": lambda phase: f"{phase.rss[0]:.0f} to {phase.rss[-1]:.0f}, most {max(phase.rss):.0f}",
    "memory, kB a visit": lambda phase: f"{1_000 * (phase.rss[-1] - phase.rss[0]) / max(1, phase.visits):.0f}",
    "memory, last fifth / second": lambda phase: f"{100 * phase.growth:+.1f} %",
    "unexpected errors in the log": lambda phase: str(phase.complaints),
}


def show(results: Results) -> None:
    """The table of all sides and phases, what failed, and whether what is promised was kept."""
    columns = {f"{side}, {kind}": phase for side, phases in results.items() for kind, phase in phases.items()}
    print(f"\n{'':30}" + "".join(f"{name:>28}" for name in columns))
    for row, value in ROWS.items():
        print(f"{row:30}" + "".join(f"{value(phase):>28}" for phase in columns.values()))
    for name, phase in columns.items():
        for title, counts in (("failed", phase.failed), ("those who mean harm met", phase.attackers)):
            if counts:
                print(f"{name}, {title}: " + ", ".join(f"{count} x {reason}" for reason, count in counts.items()))
        for reason in phase.wrong[:3]:
            print(f"{name}, wrong: {reason}")
    for side, phases in results.items():
        if len(phases) == 2:
            judge(side, phases["calm"], phases["hostile"])


def judge(side: str, calm: Phase, hostile: Phase) -> None:
    """Say what is promised, and whether it was kept."""
    ratios = {
        f"{wait} {name}": longer(getattr(calm, wait), getattr(hostile, wait), name)
        for wait in ("opening", "answering")
        for name in ("p50", "p95", "most")
    }
    print(f"\n{side}: waits, hostile / calm: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    slower = max(ratio for name, ratio in ratios.items() if "most" not in name)
    failed = sum(sum(phase.failed.values()) for phase in (calm, hostile))
    promises = {
        f"nobody waits longer by more than half (p50, p95: {slower:.2f} times)": slower <= MOST_LONGER,
        f"no wrong answer ({len(calm.wrong) + len(hostile.wrong)})": not calm.wrong and not hostile.wrong,
        f"no failed visit ({failed})": failed == 0,
        f"memory flat within 5 % ({100 * hostile.growth:+.1f} %)": abs(hostile.growth) <= FLAT_WITHIN,
    }
    for promise, kept in promises.items():
        print(f"  {'kept:    ' if kept else 'NOT KEPT:'} {promise}")


def longer(calm: Waits, hostile: Waits, name: str) -> float:
    """How many times as long it is."""
    return float(getattr(hostile, name) / getattr(calm, name))


def _waits(waits: Waits) -> str:
    return f"{waits.p50:.2f} / {waits.p95:.2f} / {waits.most:.2f}"


def show_sessions(server: Server, sessions: int) -> None:
    """Open and close pages, and print what each leaves in memory and took of the processor."""
    warm_up(server)
    taken = asyncio.run(open_and_close(server, sessions))
    warm = round(WARM_SHARE * sessions)
    print(f"memory: {kilobytes_a_session(taken, warm):.0f} kB a session after the first {warm}")
    (first, begin), (last, end) = taken[0], taken[-1]
    print(f"processor: {1_000 * (end.processor - begin.processor) / (last - first):.0f} ms a session")


async def open_and_close(server: Server, sessions: int) -> list[tuple[int, Sample]]:
    """Open and close so many pages, some at a time; what the app took, with the number of pages until then.

    Raises:
        RefusedError: a page was not to be had, for another reason than that others are too many.
    """
    taken = [(0, server.sample())]
    begun = refused = 0
    async with visitor(server.url, FIRST) as http:
        plan = await fetch_plan(http)

    async def go_on() -> None:
        nonlocal begun, refused
        while begun < sessions:
            begun += 1
            try:
                async with visitor(server.url, FIRST + begun % ADDRESSES) as http, opened(http, plan):
                    pass
            except RefusedError as error:
                if error.status not in LATER:
                    raise
                refused, begun = refused + 1, begun - 1
                await asyncio.sleep(1)
            if begun >= taken[-1][0] + sessions / SAMPLES:
                taken.append((begun, server.sample()))
                if len(taken) % SAMPLES_A_LINE == 0:
                    print(f"{begun:6} sessions: {taken[-1][1].rss / MEGABYTE:7.0f} MB", flush=True)

    await asyncio.gather(*(go_on() for _ in range(SESSIONS_AT_A_TIME)))
    if refused:
        print(f"{refused} times asked to come later")
    return [*taken, (begun, server.sample())]


def kilobytes_a_session(taken: list[tuple[int, Sample]], warm: int) -> float:
    """The slope of memory over sessions, by least squares, after the first `warm` of them."""
    late = [(count, one.rss / KILOBYTE) for count, one in taken if count >= warm]
    return float(np.polyfit(*zip(*late, strict=True), 1)[0])


def show_idle(server: Server, arguments: argparse.Namespace) -> None:
    """Print what pages cost that are open and do nothing but let their clock tick."""
    warm_up(server)
    seconds, calls = asyncio.run(
        keep_open(server, arguments.idle_pages, arguments.tick, 60 * min(arguments.minutes, 2))
    )
    print(
        f"{arguments.idle_pages} idle pages: {seconds:.1f} processor seconds a minute, {calls:.0f} calls a minute, "
        f"{1_000 * seconds / max(calls, 1):.0f} ms a call"
    )


async def keep_open(server: Server, pages: int, tick_seconds: float | None, seconds: float) -> tuple[float, float]:
    """Processor seconds and calls of the pages' clocks, both a minute, while so many pages are open."""
    over, failed = asyncio.Event(), 0
    called: list[list[str]] = []
    async with visitor(server.url, FIRST) as http:
        plan = await fetch_plan(http)

    def note(_: BaseException) -> None:
        nonlocal failed
        failed += 1

    async def stay(number: int) -> None:
        client = visitor(server.url, FIRST + number % ADDRESSES)
        async with client as http, opened(http, plan, tick_seconds, note) as page:
            called.append(page.calls)
            await over.wait()

    staying = []
    for number in range(pages):  # one after another, so that none has to wait
        staying.append(asyncio.ensure_future(stay(number)))
        while len(called) < len(staying) and not staying[-1].done():
            await asyncio.sleep(0.05)
    before, begin = sum(map(len, called)), server.sample()
    await asyncio.sleep(seconds)
    after, end = sum(map(len, called)), server.sample()
    over.set()
    await asyncio.gather(*staying)
    if failed:
        print(f"{failed} ticks failed")
    minutes = (end.at - begin.at) / 60
    return (end.processor - begin.processor) / minutes, (after - before) / minutes


if __name__ == "__main__":
    main()
