"""One phase of the load bench: honest visitors, with or without those who mean harm, and the figures of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.load_server import Sample, Server, flatness
from tests.bench.load_visits import PATIENCE_SECONDS, Habits, Visit
from tests.conftest import ROOT

MEGABYTE = 1_000_000
WAITS = ("opening", "answering")


@dataclass(frozen=True)
class InputFiles:
    """Files that visitors bring."""

    known: Path
    photo: Path
    bombs: list[Path]


@dataclass(frozen=True)
class Waits:
    """Seconds: half of the visits waited less than `p50`, nineteen of twenty less than `p95`, the longest `most`."""

    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Waits:
        """Of single waits; not a number where there is none."""
        if not seconds:
            return cls(float("nan"), float("nan"), float("nan"))
        return cls(*map(float, np.percentile(seconds, [50, 95, 100])))


@dataclass(frozen=True)
class Phase:
    """What came of one phase.

    `opening` and `answering` are waits of honest visitors alone; `failed` counts their failures by reason. `rss` are
    megabytes of the whole app, sample by sample; `growth` how much larger the end is, see `flatness`. `attackers` is
    what those who mean harm met. `cut_short` says that somebody interrupted it.
    """

    seconds: float
    visits: int
    right: int
    wrong: list[str]
    failed: dict[str, int]
    opening: Waits
    answering: Waits
    processor: float
    rss: list[float]
    growth: float
    complaints: int
    attackers: dict[str, int] = field(default_factory=dict)
    cut_short: bool = False

    def as_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        return asdict(self)


def run_phase(server: Server, habits: Habits, input_files: InputFiles, folder: Path, *, hostile: bool) -> Phase:
    """Let visitors come for `habits.seconds`, and until the last of them has got an answer.

    An interruption ends the visits; the figures are then those of what there was until then.
    """
    folder.mkdir()
    told, harm = folder / "visits.jsonl", folder / "attackers.json"
    told.touch()
    complaints = server.complaints()
    first = server.sample()
    cut_short = False
    honest = ["load_visits", server.url, str(input_files.known), str(told), json.dumps(asdict(habits))]
    most = habits.seconds + 3 * PATIENCE_SECONDS
    with _attackers(server, input_files, harm, most) if hostile else _nobody(), _process(honest) as visitors:
        try:
            code = visitors.wait(most)
            if code:
                raise RuntimeError(f"the visitors ended with code {code}")
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            cut_short = True
    last = server.sample()
    samples = [first, *server.between(first.at, first.at + habits.seconds), last]
    counts = json.loads(harm.read_text(encoding="utf-8")) if harm.is_file() else {}
    return _figures(told, samples, server.complaints() - complaints, counts, cut_short)


def _figures(
    told: Path, samples: Sequence[Sample], complaints: int, attackers: dict[str, int], cut_short: bool
) -> Phase:
    visits = [Visit(**json.loads(line)) for line in told.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    failed = Counter(visit.reason for visit in visits if visit.outcome == "failed")
    failed.update(f"behind: {reason}" for visit in visits for reason in visit.behind)
    waits = {name: Waits.of([w for visit in visits if (w := getattr(visit, name)) is not None]) for name in WAITS}
    return Phase(
        seconds=samples[-1].at - samples[0].at,
        visits=len(visits),
        right=sum(visit.outcome == "right" for visit in visits),
        wrong=[visit.reason for visit in visits if visit.outcome == "wrong"],
        failed=dict(failed),
        **waits,
        processor=samples[-1].processor - samples[0].processor,
        rss=[round(one.rss / MEGABYTE, 1) for one in samples],
        growth=flatness(samples),
        complaints=complaints,
        attackers=attackers,
        cut_short=cut_short,
    )


@contextmanager
def _attackers(server: Server, input_files: InputFiles, told: Path, seconds: float) -> Iterator[None]:
    """Those who mean harm, at it for so long at the most."""
    files = map(str, [told, input_files.photo, *input_files.bombs])
    with _process(["load_attackers", server.url, str(seconds), *files]) as process:
        while not told.is_file():  # they are at it
            if process.poll() is not None:
                raise RuntimeError("those who mean harm could not begin")
            time.sleep(0.2)
        yield
        if process.poll() is not None:
            raise RuntimeError("those who mean harm ended too soon")


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A module of this folder with its arguments, ended afterwards."""
    module, *arguments = command
    process = subprocess.Popen([sys.executable, "-m", f"tests.bench.{module}", *arguments], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
