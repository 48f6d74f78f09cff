"""Runs as a visitor of the page may see them: all of them here, and each one's own where strangers share the page."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.jobs import queue
from resnet_demo.models.places import NAME, RUNS, run_names
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.course import Course
from resnet_demo.training.listed_runs import Unreadable, is_empty
from resnet_demo.training.looks import looks_of
from resnet_demo.training.run import ACTIVE, CONFIG, ENDED, EVENTS, Run, State
from resnet_demo.ui.keeping import room

LINE_SECONDS = 1.0
AFTER_TROUBLE_SECONDS = 60.0
COURSES_KEPT = 32
VISITORS = 10
"""So many may have all the runs in line that one may."""
MOST_LETTERS = 100
OVER = frozenset[State]({"finished", "stopped", "failed"})
"""States that stay as long as nothing is added to the events."""

Stamp = tuple[int, int]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Known:
    """What is kept of a run's `config.json`, which may hold the split of many photos."""

    stamp: Stamp | None
    folder: Path
    owner: object


class Runs:
    """The runs of one data home; safe to call from any thread.

    A page asks every second: what cannot have changed since is not read again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._over: dict[Path, tuple[Stamp, State]] = {}
        self._noted: dict[Path, Stamp] = {}
        self._courses: OrderedDict[tuple[str, Path], tuple[threading.Lock, Course]] = OrderedDict()
        self._next_look = 0.0

    def find(self, name: object, visitor: object) -> Run:
        """The run of this name, both as the browser gave them.

        Raises:
            AppError: there is none, or it is another visitor's.
        """
        known = self._look(name) if isinstance(name, str) and NAME.fullmatch(name) else None
        if not isinstance(known, _Known) or not self._may_see(known, visitor):
            raise AppError("runs.problem.none")
        return Run(known.folder)

    def listed(self, visitor: object) -> list[Run]:
        """The visitor's runs, the newest first, those left out that cannot be read."""
        return [found for found in self.listing(visitor) if isinstance(found, Run)]

    def listing(self, visitor: object) -> list[Run | Unreadable]:
        """The visitor's runs, the newest first; nobody knows whose one is that cannot be read."""
        found = (known for known in self._all() if self._may_see(known, visitor))
        return [Run(known.folder) if isinstance(known, _Known) else known for known in found]

    def unreadable(self, name: object, visitor: object) -> Unreadable | None:
        """What is listed under this name, if it cannot be read; named as for `find`."""
        known = self._look(name) if isinstance(name, str) and NAME.fullmatch(name) else None
        if known is None or not self._may_see(known, visitor):
            return None
        if isinstance(known, Unreadable):
            return known
        try:
            self.state(Run(known.folder))
        except AppError as error:
            return Unreadable(str(name), error.message)
        return None

    def deletable(self, name: object, visitor: object) -> str:
        """The name, if a run is listed under it for this visitor, whether or not it can be read.

        Raises:
            AppError: as `find`.
        """
        unreadable = self.unreadable(name, visitor)
        return self.find(name, visitor).name if unreadable is None else unreadable.name

    def shown(self, name: object, visitor: object) -> Run | None:
        """The run that was opened, or else the one that goes on, or else the newest; named as for `find`."""
        try:
            run = self.find(name, visitor)
            self.state(run)
        except AppError:
            states = self._states(self.listed(visitor))
            return next((run for run, state in states.items() if state in ACTIVE), next(iter(states), None))
        return run

    def _states(self, runs: Iterable[Run]) -> dict[Run, State]:
        """How runs stand, those passed over that cannot be read."""
        states = {}
        for run in runs:
            with suppress(AppError):
                states[run] = self.state(run)
        return states

    def state(self, run: Run) -> State:
        """How a run stands.

        Raises:
            AppError: it cannot be read any more.
        """
        stamp = _stamp(run, EVENTS)
        known = self._over.get(run.folder)
        if known and known[0] == stamp:
            return known[1]
        state = run.state()
        if state == "lost" and stamp is not None and self._noted.get(run.folder) != stamp:
            self._noted[run.folder] = stamp
            queue.note_kill(run)
        if state in OVER and stamp is not None:
            self._over[run.folder] = stamp, state
        return state

    def version(self, run: Run) -> tuple[str, Stamp | None]:
        """Something else whenever there may be more to read in a run."""
        return run.name, _stamp(run, EVENTS)

    def test_looks(self, run: Run, visitor: object) -> int:
        """How often the run's test photos were looked at, by any of the visitor's runs that has the same ones."""
        return looks_of(run, self.listed(visitor))

    def admit(self, visitor: object) -> None:
        """Let a visitor put one more run in line; where strangers share the page there is an end to it.

        Raises:
            AppError: this visitor, or all of them together, have as many as may be, or there is no room on the disk.
        """
        most = self._settings.max_runs
        if self._settings.local_paths_allowed:
            return
        if not (isinstance(visitor, str) and 0 < len(visitor) <= MOST_LETTERS):
            raise AppError("runs.problem.no_visitor")
        room(self._settings)
        if most is None:
            return
        # A visitor can come again as another one, so all of them together are counted too.
        for listed, limit, key in ((self.listed(visitor), most, "many"), (self._runs(), most * VISITORS, "long_line")):
            if sum(state not in ENDED for state in self._states(listed).values()) >= limit:
                raise AppError(f"runs.problem.{key}", runs=limit)

    def idle(self) -> bool:
        """Whether no training goes on, whosever it is."""
        return not any(state in ACTIVE for state in self._states(self._runs()).values())

    def before(self, run: Run) -> int:
        """How many runs, whosever they are, come before one that is in line."""
        turn = run.queued["t"], run.folder.name
        others = self._states(other for other in self._runs() if other != run).items()
        ahead = (state == "queued" and (other.queued["t"], other.folder.name) < turn for other, state in others)
        return sum(state in ACTIVE for _, state in others) + sum(ahead)

    def move_on(self) -> None:
        """Start the run whose turn it is; looks once a second at the most, however many pages ask."""
        with self._lock:
            if time.monotonic() < self._next_look:
                return
            self._next_look = time.monotonic() + LINE_SECONDS
        states = set(self._states(self._runs()).values())
        if "queued" not in states or states & ACTIVE:
            return
        try:
            queue.start_next(self._settings.home)
        except (AppError, OSError):
            log.exception("The line of runs cannot move on")
            with self._lock:
                self._next_look = time.monotonic() + AFTER_TROUBLE_SECONDS

    @contextmanager
    def course(self, run: Run) -> Iterator[Course]:
        """The course of a run, read on to this moment; nobody else reads it meanwhile."""
        key = run.name, run.folder
        with self._lock:
            lock, course = self._courses.setdefault(key, (threading.Lock(), Course(run)))
            self._courses.move_to_end(key)
            while len(self._courses) > COURSES_KEPT:
                self._courses.popitem(last=False)
        with lock:
            course.read_on()
            yield course

    def _runs(self) -> list[Run]:
        return [Run(known.folder) for known in self._all() if isinstance(known, _Known)]

    def _all(self) -> list[_Known | Unreadable]:
        names = run_names(self._settings.home)
        for gone in self._known.keys() - set(names):
            if known := self._known.pop(gone, None):
                self._over.pop(known.folder, None)
                self._noted.pop(known.folder, None)
        return [known for known in map(self._look, names) if known is not None]

    def _look(self, name: str) -> _Known | Unreadable | None:
        """What is known of the run of this name, if there is one; a run's settings never change."""
        known = self._known.get(name)
        if known and _stamp(Run(known.folder), CONFIG) == known.stamp:
            return known
        place = self._settings.home / RUNS / name
        try:
            run = Run.open(place)
        except AppError as error:
            return Unreadable(name, error.message) if os.path.lexists(place) and not is_empty(place) else None
        known = _Known(_stamp(run, CONFIG), run.folder, run.facts.get("owner"))
        self._known[name] = known
        return known

    def _may_see(self, known: _Known | Unreadable, visitor: object) -> bool:
        if self._settings.local_paths_allowed:
            return True
        if isinstance(known, Unreadable):
            return False
        if not (isinstance(visitor, str) and isinstance(known.owner, str) and known.owner):
            return False
        return secrets.compare_digest(visitor.encode("utf-8", "replace"), known.owner.encode("utf-8", "replace"))


def _stamp(run: Run, name: str) -> Stamp | None:
    """Tells one version of a file of the run from another; None where there is none."""
    try:
        found = (run.folder / name).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
