"""Runs as the current visitor may see them: all of them here, and each visitor's own on a public page."""

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
from typing import TypeVar

from resnet_demo.jobs import queue
from resnet_demo.labs.lab_run import AnyRun, LabRun, open_run
from resnet_demo.models.model_folders import NAME, RUNS, run_names
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.evaluation_count import count_test_set_uses
from resnet_demo.training.listed_runs import Unreadable, is_empty
from resnet_demo.training.run import CONFIG, Run
from resnet_demo.training.run_events import EVENTS
from resnet_demo.training.run_folder import ACTIVE, ENDED, RunFolder, State
from resnet_demo.training.run_history import RunHistory
from resnet_demo.ui.security.retention import within_storage_limit
from resnet_demo.ui.visitor_context import NOBODY, current_visitor

QUEUE_CHECK_SECONDS = 1.0
AFTER_TROUBLE_SECONDS = 60.0
HISTORIES_KEPT = 32
VISITORS = 10
"""Times the queued runs that one visitor may have: as many as all of them may."""
OVER = frozenset[State]({"finished", "stopped", "failed"})
"""States that stay as long as nothing is added to the events."""

Stamp = tuple[int, int]
OneRun = TypeVar("OneRun", bound=RunFolder)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Known:
    """What is kept of a run's `config.json`, which may hold the split of many photos."""

    stamp: Stamp | None
    kind: type[AnyRun]
    folder: Path
    owner: object

    @property
    def run(self) -> AnyRun:
        """The run, of which nothing has been read yet."""
        return self.kind(self.folder)


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
        self._histories: OrderedDict[tuple[Path, Stamp | None], tuple[threading.Lock, RunHistory]] = OrderedDict()
        self._next_check = 0.0

    def find(self, name: object) -> Run:
        """The training of this name, as the browser gave it.

        Raises:
            AppError: there is none, or it is another visitor's.
        """
        run = self._find(name)
        if not isinstance(run, Run):
            raise AppError("runs.problem.none")
        return run

    def find_experiment(self, name: object) -> LabRun:
        """The run of an experiment of this name; as `find`.

        Raises:
            AppError: as `find`.
        """
        run = self._find(name)
        if not isinstance(run, LabRun):
            raise AppError("runs.problem.none")
        return run

    def _find(self, name: object) -> Run | LabRun:
        known = self._lookup(name) if isinstance(name, str) and NAME.fullmatch(name) else None
        if not isinstance(known, _Known) or not self._may_see(known):
            raise AppError("runs.problem.none")
        return known.run

    def listed(self) -> list[Run]:
        """The visitor's trainings, the newest first, those left out that cannot be read."""
        return [found for found in self.listing() if isinstance(found, Run)]

    def listing(self) -> list[Run | Unreadable]:
        """The visitor's trainings, the newest first; nobody knows whose one is that cannot be read."""
        found = (known.run if isinstance(known, _Known) else known for known in self._all() if self._may_see(known))
        return [one for one in found if not isinstance(one, LabRun)]

    def experiments(self, experiment: str) -> list[LabRun]:
        """The visitor's runs of an experiment, the newest first, those left out that cannot be read."""
        seen = (known.run for known in self._all() if isinstance(known, _Known) and self._may_see(known))
        return [run for run in seen if isinstance(run, LabRun) and run.experiment == experiment]

    def unreadable(self, name: object) -> Unreadable | None:
        """What is listed under this name, if it cannot be read; named as for `find`."""
        known = self._lookup(name) if isinstance(name, str) and NAME.fullmatch(name) else None
        if known is None or not self._may_see(known):
            return None
        if isinstance(known, Unreadable):
            return known
        try:
            self.state(known.run)
        except AppError as error:
            return Unreadable(str(name), error.message)
        return None

    def deletable(self, name: object) -> str:
        """The name, if a run is listed under it for this visitor, whether or not it can be read.

        Raises:
            AppError: as `find`.
        """
        unreadable = self.unreadable(name)
        return self.find(name).name if unreadable is None else unreadable.name

    def current(self, name: object) -> Run | None:
        """The run that was opened, or else the one that goes on, or else the newest; named as for `find`."""
        try:
            run = self.find(name)
            self.state(run)
        except AppError:
            states = self._states(self.listed())
            return next((run for run, state in states.items() if state in ACTIVE), next(iter(states), None))
        return run

    def _states(self, runs: Iterable[OneRun]) -> dict[OneRun, State]:
        """How runs stand, those passed over that cannot be read."""
        states = {}
        for run in runs:
            with suppress(AppError):
                states[run] = self.state(run)
        return states

    def state(self, run: RunFolder) -> State:
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

    def ended(self, name: str, since: float) -> float | None:
        """When a run that is over ended, in seconds since 1970; None if it was not after `since`.

        Raises:
            AppError: as `find` and `state`.
        """
        run = self.find(name)
        stamp = _stamp(run, EVENTS)
        if stamp is None or stamp[0] / 1e9 < since:  # all of it was written before
            return None
        at = (run.events.newest() or {}).get("t")
        return float(at) if isinstance(at, int | float) and at > since else None

    def version(self, run: RunFolder) -> tuple[str, Stamp | None]:
        """Something else whenever there may be more to read in a run."""
        return run.name, _stamp(run, EVENTS)

    def test_set_uses(self, run: Run) -> int:
        """How often the run's test photos were used, by any of the visitor's runs that has the same ones."""
        return count_test_set_uses(run, self.listed())

    def admit(self) -> None:
        """Let the visitor queue one more run; on a public page their number is bounded.

        Raises:
            AppError: this visitor, or all of them together, have as many as may be, or the disk is full.
        """
        most = self._settings.max_runs
        if self._settings.local_paths_allowed:
            return
        if current_visitor() == NOBODY:
            raise AppError("runs.problem.no_visitor")
        within_storage_limit(self._settings)
        if most is None:
            return
        # A visitor can come again as another one, so all of them together are counted too.
        own = [known.run for known in self._all() if isinstance(known, _Known) and self._may_see(known)]
        for listed, limit, key in ((own, most, "many"), (self._runs(), most * VISITORS, "queue_full")):
            if sum(state not in ENDED for state in self._states(listed).values()) >= limit:
                raise AppError(f"runs.problem.{key}", runs=limit)

    def idle(self) -> bool:
        """Whether no training goes on, whosever it is."""
        return not any(state in ACTIVE for state in self._states(self._runs()).values())

    def before(self, run: RunFolder) -> int:
        """How many runs, whosever they are, come before a queued one."""
        turn = run.events.queued["t"], run.folder.name
        others = self._states(other for other in self._runs() if other != run).items()
        ahead = (state == "queued" and (other.events.queued["t"], other.folder.name) < turn for other, state in others)
        return sum(state in ACTIVE for _, state in others) + sum(ahead)

    def advance(self) -> None:
        """Start the run whose turn it is; checks once a second at the most, however many pages ask."""
        with self._lock:
            if time.monotonic() < self._next_check:
                return
            self._next_check = time.monotonic() + QUEUE_CHECK_SECONDS
        states = set(self._states(self._runs()).values())
        if "queued" not in states or states & ACTIVE:
            return
        try:
            queue.start_next(self._settings.home)
        except (AppError, OSError):
            log.exception("The next queued run cannot be started")
            with self._lock:
                self._next_check = time.monotonic() + AFTER_TROUBLE_SECONDS

    @contextmanager
    def history(self, run: Run) -> Iterator[RunHistory]:
        """The history of a run, up to date; no other thread reads it meanwhile."""
        key = run.folder, _stamp(run, CONFIG)  # another run may come to lie in the same place
        with self._lock:
            lock, history = self._histories.setdefault(key, (threading.Lock(), RunHistory(run)))
            self._histories.move_to_end(key)
            while len(self._histories) > HISTORIES_KEPT:
                self._histories.popitem(last=False)
        with lock:
            history.update()
            yield history

    def _runs(self) -> list[AnyRun]:
        return [known.run for known in self._all() if isinstance(known, _Known)]

    def _all(self) -> list[_Known | Unreadable]:
        names = run_names(self._settings.home)
        for gone in self._known.keys() - set(names):
            if known := self._known.pop(gone, None):
                self._over.pop(known.folder, None)
                self._noted.pop(known.folder, None)
        return [known for known in map(self._lookup, names) if known is not None]

    def _lookup(self, name: str) -> _Known | Unreadable | None:
        """What is known of the run of this name, if there is one; a run's settings never change."""
        known = self._known.get(name)
        if known and _stamp(known.run, known.kind.settings_file) == known.stamp:
            return known
        place = self._settings.home / RUNS / name
        try:
            run = open_run(place)
        except AppError as error:
            return Unreadable(name, error.message) if os.path.lexists(place) and not is_empty(place) else None
        known = _Known(_stamp(run, run.settings_file), type(run), run.folder, run.facts.get("owner"))
        self._known[name] = known
        return known

    def _may_see(self, known: _Known | Unreadable) -> bool:
        if self._settings.local_paths_allowed:
            return True
        if isinstance(known, Unreadable):
            return False
        token = current_visitor().token
        if token is None or not isinstance(known.owner, str):
            return False
        return secrets.compare_digest(token.encode(), known.owner.encode("utf-8", "replace"))


def _stamp(run: RunFolder, name: str) -> Stamp | None:
    """Tells one version of a file of the run from another; None where there is none."""
    try:
        found = (run.folder / name).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
