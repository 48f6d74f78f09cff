"""`make bench-kills`: workers and servers killed at random instants and in the midst of writing; nothing is lost.

A run whose worker was killed is resumed each time, to its end, and must leave the same bytes as one of the same seed
that nobody disturbed: the network and the optimiser of its last checkpoint, its best model, and what it said of the
test photos. What is in a run's folder and the data home then must have been there without the kills, too.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from resnet_demo.jobs import queue
from resnet_demo.settings import Settings
from resnet_demo.training.run import Run
from resnet_demo.training.run_artefacts import TEST_PREDICTIONS
from resnet_demo.training.run_folder import ENDED
from tests.bench.server_kills import kill_servers
from tests.jobs.small import coloured_photos, small_config

SECONDS = 300
"""For a worker to start, to write, or to end: a loaded machine may take long."""
LOOK_SECONDS = 0.001
KILLS_OF_A_RUN = 5
CONFIG = {"epochs": 8, "seed": 3}
WRITES = {
    "a checkpoint": (".unfinished",),
    "the best model": (".unfinished-best", "..unfinished-best.", ".replaced"),
    "what it said of the test photos": (f".{TEST_PREDICTIONS}.",),
}
"""What is written, and how the hidden names begin that it has until it is whole."""


@dataclass
class Told:
    """What came of the kills: how many of each kind, and what was wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def show(self) -> None:
        """A line for each kind of kill, and one for each thing that was wrong."""
        for kind, count in self.kills.items():
            print(f"{kind:<55}{count:>5}")
        print(f"{'wrong afterwards':<55}{len(self.wrong):>5}")
        for one in self.wrong:
            print(f"  {one}")


def outcome(run: Run) -> dict[str, bytes]:
    """All that a finished run leaves, as bytes, by name."""
    checkpoint = run.checkpoints.newest()
    assert checkpoint is not None
    files = [*checkpoint.glob("*.safetensors"), run.artefacts.best / "model.safetensors", run.folder / TEST_PREDICTIONS]
    return {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in files}


def left_in(folder: Path) -> set[str]:
    """What is in a run's folder."""
    return {path.name for path in folder.iterdir()} - {"stop"}


def wait(fits: Callable[[], bool], what: str) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it never was.
    """
    deadline = time.monotonic() + SECONDS
    while not fits():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(LOOK_SECONDS)


def undisturbed(data: Path, home: Path) -> Run:
    """A run that nobody kills, executed to its end."""
    run = queue.submit(small_config(data, **CONFIG), Settings(home=home))
    wait(lambda: run.state() in ENDED, "the end of the undisturbed run")
    assert run.state() == "finished", run.log.path.read_text(encoding="utf-8")
    return run


def kill_at_random(run: Run, chance: random.Random, seconds: float) -> str | None:
    """Kill the run's worker at some instant after its start, unless it has ended before; tells what was killed."""
    time.sleep(chance.uniform(0, seconds))
    return "worker, at a random instant" if kill(run) else None


def kill_in_write(run: Run, kind: str) -> str | None:
    """Kill the run's worker as soon as it is seen to write something of this kind, unless it ends before."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        names = os.listdir(run.folder)  # noqa: PTH208  the quickest look
        if any(name.startswith(WRITES[kind]) and (kind != "a checkpoint" or name in WRITES[kind]) for name in names):
            return f"worker, writing {kind}" if kill(run) else None
        worker = run.events.launched_process
        if worker is None or not worker.alive:
            return None
    raise TimeoutError(f"{kind} is never written")


def kill(run: Run) -> bool:
    """Kill the run's worker, as the system does where memory runs out; whether there was one."""
    worker = run.events.launched_process
    if worker is None or not worker.alive:
        return False
    try:
        psutil.Process(worker.pid).kill()
    except psutil.NoSuchProcess:
        return False
    wait(lambda: not worker.alive, "the end of a killed worker")
    return True


def kill_workers(folder: Path, at_random: int, in_writes: int, chance: random.Random) -> Told:
    """Kill so many workers, each run some times, and compare what it leaves with what an undisturbed one does."""
    told = Told()
    data = coloured_photos(folder / "photos", count=16)
    reference = undisturbed(data, folder / "quiet home")
    expected, files = outcome(reference), left_in(reference.folder)
    first, last = (reference.events.newest(kind) for kind in ("launched", "finished"))
    assert first is not None
    assert last is not None
    seconds = last["t"] - first["t"]
    settings = Settings(home=folder / "home")
    kinds = itertools.cycle(WRITES)
    while (left := at_random - told.kills["worker, at a random instant"]) > 0 or _in_writes(told) < in_writes:
        run = queue.submit(small_config(data, **CONFIG), settings)
        for _ in range(KILLS_OF_A_RUN):
            _wait_for_worker(run)
            if left > 0:
                killed = kill_at_random(run, chance, seconds / KILLS_OF_A_RUN * 2)
                left -= killed is not None
            elif _in_writes(told) < in_writes:
                killed = kill_in_write(run, next(kinds))
            else:
                break
            if killed is None:
                break
            told.kills[killed] += 1
            if run.state() == "finished":  # killed when it had just said so
                break
            queue.resume(run, settings.home)
        told.wrong += _differences(run, expected, files)
        _say_progress(told)
    told.wrong += hidden_in(settings.home)
    return told


def _wait_for_worker(run: Run) -> None:
    wait(lambda: run.state() not in {"queued"}, "a worker's start")


def _in_writes(told: Told) -> int:
    return sum(count for kind, count in told.kills.items() if "writing" in kind)


def _differences(run: Run, expected: dict[str, bytes], files: set[str]) -> Iterator[str]:
    """Have a run end, and tell what of it is not as it would have been."""
    wait(lambda: run.state() in ENDED, "the end of a run")
    if run.state() != "finished":
        yield f"{run.name}: {run.state()}"
        return
    found = outcome(run)
    names = expected.keys() | found.keys()
    yield from (f"{run.name}: {name} differs" for name in sorted(names) if found.get(name) != expected.get(name))
    # Of checkpoints there are two at the most, those before the last at other steps than without the kills.
    checkpoints = {name for name in left_in(run.folder) if re.fullmatch(r"last-[0-9]+", name)}
    if len(checkpoints) > 2:
        yield f"{run.name}: {len(checkpoints)} checkpoints are left"
    yield from (f"{run.name}: {name} is left" for name in sorted(left_in(run.folder) - files - checkpoints))


def hidden_in(home: Path) -> list[str]:
    """What is hidden in a data home, and no lock."""
    found = (path for path in home.rglob(".*") if not path.name.endswith(".lock"))
    return [f"{path.relative_to(home)} is left" for path in found]


def _say_progress(told: Told) -> None:
    print(f"{told.kills.total()} kills, {len(told.wrong)} wrong", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=50, help="workers killed at random instants")
    parser.add_argument("--writing", type=int, default=20, help="workers killed in the midst of writing")
    parser.add_argument("--servers", type=int, default=20, help="servers killed while a visitor is at work")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many processes as this starts would wait for each other
    chance = random.Random(arguments.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.random or arguments.writing:
            told = kill_workers(Path(temporary, "workers"), arguments.random, arguments.writing, chance)
            told.show()
            wrong += len(told.wrong)
        if arguments.servers:
            told = Told()
            told.kills["server, while a visitor is at work"] = arguments.servers
            told.wrong += kill_servers(Path(temporary, "servers"), arguments.servers, chance)
            told.wrong += hidden_in(Path(temporary, "servers", "home"))
            told.show()
            wrong += len(told.wrong)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
