"""A public page of one checkout as a process of its own, and what it takes of this machine: memory and processor."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.launched import free_port, launched_process

KILOBYTE = 1_000
FLAT_WITHIN = 0.05


@dataclass(frozen=True)
class Sample:
    """At a moment (seconds, monotonic): bytes in memory and processor seconds so far, of all of the app's processes."""

    at: float
    rss: int
    processor: float


class Server:
    """A launched page; `samples` grow every `every` seconds until it ends."""

    def __init__(self, url: str, process: psutil.Process, log: Path, every: float) -> None:
        self.url, self.log = url, log
        self.samples: list[Sample] = []
        self._process = process
        self._every = every
        self._ended = threading.Event()
        self._gone: dict[int, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def sample(self) -> Sample:
        """What it takes now."""
        rss = 0
        for one in _tree(self._process):
            try:
                with one.oneshot():
                    rss += one.memory_info().rss
                    times = one.cpu_times()
                    self._gone[one.pid] = times.user + times.system
            except psutil.Error:
                continue  # it ended while we looked
        return Sample(time.monotonic(), rss, sum(self._gone.values()))

    def between(self, begin: float, end: float) -> list[Sample]:
        """The samples of a span of time."""
        return [one for one in list(self.samples) if begin <= one.at <= end]

    def complaints(self) -> int:
        """How many unexpected errors its log tells of."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("Traceback (most recent call last)")

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.samples.append(self.sample())
            self._ended.wait(self._every)


@contextmanager
def public_page(app: Path, cores: int, every: float = 5.0) -> Iterator[Server]:
    """A public page, with folders of its own that go with it, on `cores` cores at the most.

    Args:
        app: a checkout, the folder that holds `app.py`.
        cores: as the operating system counts them; without effect where it binds no process to any (macOS).
        every: seconds between looks at its memory.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        (folder / "tmp").mkdir()
        log = folder / "log.txt"
        flags = ["--public", "--no-browser", "--host", "127.0.0.1", "--port", str(free_port())]
        command = ["app.py", *flags, "--home", str(folder / "home")]
        with (
            log.open("w", encoding="utf-8") as complaints,
            launched_process(command, app, {"TMPDIR": str(folder / "tmp")}, complaints) as (url, started),
        ):
            process = psutil.Process(started.pid)
            bind(process, cores)
            server = Server(url, process, log, every)
            try:
                yield server
            finally:
                server.end()


def bind(process: psutil.Process, cores: int) -> None:
    """Let it use no more than the first `cores` cores that it may use, where the system can do that."""
    if hasattr(process, "cpu_affinity"):
        allowed = process.cpu_affinity()[:cores]
        for thread in process.threads():  # the main thread alone is bound otherwise
            try:
                psutil.Process(thread.id).cpu_affinity(allowed)
            except psutil.Error:
                continue


def flatness(samples: Sequence[Sample]) -> float:
    """How much larger memory is at the end: the mean of the last fifth over that of the second, less 1.

    The first fifth is warming up: models are opened, and caches filled, once.
    """
    fifth = len(samples) // 5
    if fifth == 0:
        return float("nan")
    second, last = samples[fifth : 2 * fifth], samples[-fifth:]
    return _mean(last) / _mean(second) - 1


def _mean(samples: Sequence[Sample]) -> float:
    return sum(one.rss for one in samples) / len(samples)


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
