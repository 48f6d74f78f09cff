"""The folder of a run, whatever it is a run of: settings and facts that never change, what happened, how it stands.

In the folder a file of settings never changes, `events.jsonl` only grows, `worker.lock` is held while a worker lives,
`stop` asks it to end, `title.txt` is what people call it, `log.txt` is for people.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, cast

from resnet_demo.models.model_folders import NAME, POINTER, RUNS, file_only, run_folder
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError
from resnet_demo.training import atomic_writes
from resnet_demo.training.events import Event
from resnet_demo.training.memory_kills import KillCount
from resnet_demo.training.process import Process
from resnet_demo.training.run_events import RunEvents, unreadable
from resnet_demo.training.run_log import RunLog
from resnet_demo.training.run_title import TITLE, read_title, write_title
from resnet_demo.training.worker_state import WorkerState

State = Literal["queued", "starting", "running", "stopping", "finished", "stopped", "failed", "lost"]

ACTIVE = frozenset[State]({"starting", "running", "stopping"})
ENDED = frozenset[State]({"finished", "stopped", "failed", "lost"})
EXPERIMENT = "experiment.json"
"""The settings of a run that is an experiment's; a training's are in another file."""
NEW, DELETED = ".new-", ".deleted-"
"""What a run's folder is called while it is made, and while it is removed."""
MOST_SETTINGS_BYTES = 256 * MEGABYTE


@dataclass(frozen=True)
class RunFolder:
    """A run, known by its folder alone; everything is read from there when it is asked for."""

    folder: Path
    settings_file: ClassVar[str]
    """The name of the file with the settings, which tells one kind of run from another."""

    @classmethod
    def make(
        cls,
        home: Path,
        words: str,
        entries: Mapping[str, Any],
        *,
        folder: Path | None = None,
        foreground_process: Process | None = None,
    ) -> Self:
        """A new run, queued: its folder appears whole, or not at all.

        Args:
            home: the data home; the run is listed there, and lies there unless `folder` says otherwise.
            words: what its name says after the time, in letters that a name may have.
            entries: of its file of settings, plain JSON, `facts` among them.
            folder: a new or empty folder elsewhere; `home` then keeps a pointer to it.
            foreground_process: the process that will execute the run itself, in the foreground.

        Raises:
            AppError: the folder is in use or cannot be written to.
        """
        runs = home / RUNS
        fresh = (folder or runs / "run").with_name(f"{NEW}{secrets.token_hex(4)}")
        place = None
        try:
            with atomic_writes.disk_errors(folder or runs, "run.problem.not_made"):
                if folder is not None and (runs in folder.parents or not _is_free(folder)):
                    raise AppError("run.problem.in_use", folder=str(folder))
                fresh.mkdir(parents=True)
                place = _claim(runs, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{words}")
                written = {"name": place.name, **entries}
                atomic_writes.write_atomic(fresh / cls.settings_file, json.dumps(written) + "\n")
                cls(fresh).events.append("queued", **(asdict(foreground_process) if foreground_process else {}))
                atomic_writes.move_into_place(fresh, folder or place)
                if folder is not None:
                    atomic_writes.write_atomic(place / POINTER, str(folder))
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            if place:
                with contextlib.suppress(OSError):
                    place.rmdir()  # empty only if nothing came of it
        return cls(folder or place)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The run in a folder, or the one that a folder of the data home points to.

        Raises:
            AppError: there is no run of this kind, its settings cannot be understood, or its events cannot be read.
        """
        run = cls(run_folder(folder))
        try:
            run.check_settings()  # now, so that whoever holds a run can use it
        except (FileNotFoundError, NotADirectoryError) as error:
            raise AppError("run.problem.no_run", folder=str(folder)) from error
        except OSError as error:
            raise unreadable(run.folder, error) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise AppError("run.problem.damaged", folder=str(run.folder)) from error
        run.events.newest()
        return run

    def check_settings(self) -> None:
        """Read the settings.

        Raises:
            OSError: they cannot be read.
            ValueError, TypeError, KeyError, RecursionError, AppError: they cannot be understood.
        """
        self._entries  # noqa: B018

    @cached_property
    def _entries(self) -> dict[str, Any]:
        with open(self.folder / self.settings_file, "rb", opener=file_only) as file:
            entries = json.loads(file.read(MOST_SETTINGS_BYTES).decode("utf-8"))
        if not (NAME.fullmatch(entries["name"]) and isinstance(entries["facts"], dict)):
            raise ValueError(self.settings_file)
        return cast("dict[str, Any]", entries)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What else it was made from: data and fingerprint, split, versions."""
        return cast("Mapping[str, Any]", self._entries["facts"])

    @property
    def name(self) -> str:
        """What it is called in lists, wherever its folder lies."""
        return cast("str", self._entries["name"])

    @property
    def title(self) -> str | None:
        """What people call it, if it was given a title; everything finds it by its name."""
        return read_title(self.folder)

    def rename(self, title: str) -> None:
        """Give it another title, as much of `title` as can be one; an empty one takes it away.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        write_title(self.folder, title)

    @property
    def events(self) -> RunEvents:
        """What happened."""
        return RunEvents(self.folder)

    @property
    def log(self) -> RunLog:
        """What a person reads."""
        return RunLog(self.folder)

    @property
    def worker(self) -> WorkerState:
        """Whether a process executes it, and what was asked of that."""
        return WorkerState(self)

    def state(self) -> State:
        """What became of the run: told by its newest event, its lock, and whether the named process lives.

        Raises:
            AppError: the disk refuses to read the events.
        """
        newest = self.events.newest()
        state = self._state_after(newest)
        # Between reading the events and checking the lock a worker may have ended in good order.
        return self.state() if state == "lost" and self.events.newest() != newest else state

    def _state_after(self, newest: Event | None) -> State:
        if newest is None:
            return "lost"
        kind, process = newest["kind"], Process.from_event(newest)
        if kind in {"finished", "stopped", "failed"}:
            return cast("State", kind)
        if kind == "queued":
            return "queued" if process is None or process.alive else "lost"
        if not self.worker.lives() and not (kind == "launched" and process and process.alive):
            return "lost"
        if self.worker.stop_asked():
            return "stopping"
        return "starting" if kind == "launched" else "running"

    def queue_again(self, *, foreground_process: Process | None = None, more_epochs: int = 0) -> None:
        """Queue the run again, to resume from the newest checkpoint.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        self.worker.withdraw_stop()
        asked = {"more_epochs": more_epochs} if more_epochs else {}
        self.events.append("queued", **asked, **(asdict(foreground_process) if foreground_process else {}))

    def launch(self, worker: Process) -> None:
        """Note that a process is to be the run's worker, and how often memory had run out here before.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        count = KillCount.here()
        self.events.append("launched", **asdict(worker), **({"memory_kills": asdict(count)} if count else {}))

    def note_kill(self) -> None:
        """If its worker has ended without a word, note whether memory has run out since it was launched.

        Whoever sees that a run is lost does so at once: later it could have been another process.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        newest = self.events.newest("queued", "launched", "killed", "finished", "stopped", "failed")
        count = KillCount.from_event(newest or {})
        if count is not None and self.state() == "lost" and not self.worker.stop_asked():
            self.events.append("killed", memory=count.has_risen(), sure=False)

    def clean_up(self) -> None:
        """Clear up what a killed worker left half done; only its successor, or whoever killed it, may.

        Raises:
            AppError: the folder cannot be written to.
        """
        with atomic_writes.disk_errors(self.folder):
            atomic_writes.remove_temporary(self.folder / TITLE)


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _claim(runs: Path, name: str) -> Path:
    """An empty folder of this name or, where it is taken, with a number behind."""
    for number in range(1, 1_000):
        place = runs / (name if number == 1 else f"{name}-{number}")
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            continue
        return place
    raise FileExistsError(name)
