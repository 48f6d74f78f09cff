"""A run's folder: the only reader and writer of its files, and the state that they tell.

`config.json` never changes, `events.jsonl` only grows, `worker.lock` is held while a worker lives, `stop` asks it to
end, `last-<step>/` are checkpoints, `best/` is a saved model, `test.safetensors` what was said of the test photos,
`log.txt` is for people.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from filelock import Timeout

from resnet_demo.models.places import BEST, NAME, POINTER, RUNS, run_folder, run_names
from resnet_demo.texts import AppError, language_of, visible
from resnet_demo.training import lines, worker_lock, writing
from resnet_demo.training.answers import Answers
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.process import Process
from resnet_demo.training.sentences import sentence_of

State = Literal["queued", "starting", "running", "stopping", "finished", "stopped", "failed", "lost"]
Stop = Literal["keep", "now"]
Event = dict[str, Any]

ACTIVE = frozenset[State]({"starting", "running", "stopping"})
ENDED = frozenset[State]({"finished", "stopped", "failed", "lost"})
CONFIG, EVENTS, LOCK, STOP, LOG = "config.json", "events.jsonl", "worker.lock", "stop", "log.txt"
ANSWERS = "test.safetensors"
BESIDE = {"said", "looked", "joined", "measured"}
"""Kinds of events that do not move a run on."""
UNFINISHED, REPLACED = ".unfinished", ".replaced"


@dataclass(frozen=True)
class Run:
    """A run, known by its folder alone; everything is read from there when it is asked for."""

    folder: Path

    @classmethod
    def create(
        cls,
        home: Path,
        config: TrainConfig,
        facts: Mapping[str, Any],
        *,
        folder: Path | None = None,
        waiter: Process | None = None,
    ) -> Run:
        """A new run, queued: its folder appears whole, or not at all.

        Args:
            home: the data home; the run is listed there, and lies there unless `folder` says otherwise.
            facts: what else the run is made from, plain JSON: data and its fingerprint, split, versions.
            folder: a new or empty folder elsewhere; `home` then keeps a pointer to it.
            waiter: the process that will carry the run out itself, in the foreground.

        Raises:
            AppError: the folder is in use or cannot be written to.
        """
        runs = home / RUNS
        if folder is not None and (runs in folder.parents or not _is_free(folder)):
            raise AppError("run.problem.in_use", folder=str(folder))
        fresh = (folder or runs / "run").with_name(f".new-{secrets.token_hex(4)}")
        place = None
        try:
            with writing.refusals(folder or runs, "run.problem.not_made"):
                fresh.mkdir(parents=True)
                place = _claim(runs, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{_words(config)}")
                entries = {"name": place.name, "config": config.to_json(), "facts": dict(facts)}
                writing.write_whole(fresh / CONFIG, json.dumps(entries) + "\n")
                cls(fresh).append("queued", **(asdict(waiter) if waiter else {}))
                writing.put(fresh, folder or place)
                if folder is not None:
                    writing.write_whole(place / POINTER, str(folder))
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            if place:
                with contextlib.suppress(OSError):
                    place.rmdir()  # empty only if nothing came of it
        return cls(folder or place)

    @classmethod
    def open(cls, folder: Path) -> Run:
        """The run in a folder, or the one that a folder of the data home points to.

        Raises:
            AppError: there is no run, or its `config.json` cannot be understood.
        """
        try:
            run = cls(run_folder(folder))
            run.config  # noqa: B018  read now, so that whoever holds a run can use it
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise AppError("run.problem.no_run", folder=str(folder)) from error
        return run

    @cached_property
    def _entries(self) -> dict[str, Any]:
        entries = json.loads((self.folder / CONFIG).read_text(encoding="utf-8"))
        if not (NAME.fullmatch(entries["name"]) and isinstance(entries["facts"], dict)):
            raise ValueError(CONFIG)
        return cast("dict[str, Any]", entries)

    @cached_property
    def config(self) -> TrainConfig:
        """The settings that the run was made with."""
        return TrainConfig.from_json(self._entries["config"])

    @property
    def facts(self) -> Mapping[str, Any]:
        """What else it was made from: data and fingerprint, split, versions."""
        return cast("Mapping[str, Any]", self._entries["facts"])

    @property
    def name(self) -> str:
        """What it is called in lists, wherever its folder lies."""
        return cast("str", self._entries["name"])

    @property
    def log(self) -> Path:
        """What a person reads; a worker in the background has its output go there too."""
        return self.folder / LOG

    @property
    def best(self) -> Path:
        """The saved model of the best epoch so far; absent before the first."""
        return self.folder / BEST

    # What happened

    def append(self, kind: str, **fields: Any) -> None:
        """Add an event, and to the log the sentence that it means, if it means one. Any process may.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        event: Event = {"t": round(time.time(), 3), "kind": kind}
        for name, value in fields.items():
            event[name] = None if isinstance(value, float) and not math.isfinite(value) else value
        said = sentence_of(event, language_of(os.environ))
        with writing.refusals(self.folder):
            lines.append(self.folder / EVENTS, json.dumps(event, allow_nan=False))
        if said:
            self.write_log(visible(said))

    def write_log(self, said: str) -> None:
        """Add to what a person reads, with the time.

        Raises:
            AppError: as `append`.
        """
        with writing.refusals(self.folder):
            lines.append(self.log, f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}  {said}")

    def events(self) -> list[Event]:
        """Everything that happened, in order."""
        return self.events_from(0)[0]

    def events_from(self, offset: int) -> tuple[list[Event], int]:
        """The events after `offset` bytes, and the offset after the last whole line; a torn line is none."""
        found, end = lines.read_from(self.folder / EVENTS, offset)
        return [event for line in found if (event := _event(line))], end

    def newest(self, *kinds: str) -> Event | None:
        """The newest event of these kinds; without any, of those that move the run on."""
        wanted = (one for one in self.backwards() if (one["kind"] in kinds if kinds else one["kind"] not in BESIDE))
        return next(wanted, None)

    def backwards(self) -> Iterator[Event]:
        """The events, the newest first, reading no more than is asked for."""
        return filter(None, map(_event, lines.backwards(self.folder / EVENTS)))

    @property
    def queued(self) -> Event:
        """The event that put the run in line last."""
        return self.newest("queued") or {"t": 0.0, "kind": "queued"}

    @property
    def worker(self) -> Process | None:
        """The process that was launched last for this run, alive or not."""
        return Process.told_by(self.newest("launched") or {})

    @property
    def more_epochs(self) -> int:
        """Epochs that were asked for later, on top of those of the settings."""
        asked = [event.get("more_epochs") for event in self.events() if event["kind"] == "queued"]
        return sum(number for number in asked if isinstance(number, int))

    @property
    def test_looks(self) -> int:
        """How often this run's model was shown its test photos; of other runs with the same ones `looks` knows."""
        looks = (self.newest("finished", "looked") or {}).get("test_looks", 0)
        return looks if isinstance(looks, int) else 0

    # How it stands

    def state(self) -> State:
        """What became of the run: told by its newest event, its lock, and whether the named process lives."""
        newest = self.newest()
        state = self._state_after(newest)
        # Between the look at the events and that at the lock a worker may have ended in good order.
        return self.state() if state == "lost" and self.newest() != newest else state

    def _state_after(self, newest: Event | None) -> State:
        if newest is None:
            return "lost"
        kind, process = newest["kind"], Process.told_by(newest)
        if kind in {"finished", "stopped", "failed"}:
            return cast("State", kind)
        if kind == "queued":
            return "queued" if process is None or process.alive else "lost"
        if not self.worker_lives() and not (kind == "launched" and process and process.alive):
            return "lost"
        if self.stop_asked():
            return "stopping"
        return "starting" if kind == "launched" else "running"

    def worker_lives(self) -> bool:
        """Whether a process holds the worker's lock."""
        return worker_lock.is_held(self.folder / LOCK)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the run's worker, as long as this process lives.

        Raises:
            AppError: another process is.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(worker_lock.held(self.folder / LOCK))
            except Timeout as error:
                raise AppError("run.problem.busy", name=self.name) from error
            yield

    def ask_stop(self, how: Stop) -> None:
        """Ask the worker to stop: `keep` after this step, saving; `now` at once. `now` is not taken back by `keep`."""
        if self.stop_asked() != "now":
            with writing.refusals(self.folder):
                writing.write_whole(self.folder / STOP, how)

    def stop_asked(self) -> Stop | None:
        """What was asked of the worker, if anything."""
        try:
            asked = (self.folder / STOP).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return "now" if asked == "now" else "keep"

    def queue_again(self, *, waiter: Process | None = None, more_epochs: int = 0) -> None:
        """Stand in line once more, to go on from the newest checkpoint."""
        (self.folder / STOP).unlink(missing_ok=True)
        asked = {"more_epochs": more_epochs} if more_epochs else {}
        self.append("queued", **asked, **(asdict(waiter) if waiter else {}))

    # What it keeps

    @contextlib.contextmanager
    def checkpoint_folder(self, step: int) -> Iterator[Path]:
        """A folder to write a checkpoint into; it counts once the block has ended, and older ones but one go.

        Raises:
            AppError: the disk is full or the folder cannot be written to; the checkpoints before still stand.
        """
        unfinished = self.folder / UNFINISHED
        try:
            with writing.refusals(self.folder):
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                yield unfinished
                writing.complete(unfinished)
                shutil.rmtree(self.folder / f"last-{step}", ignore_errors=True)
                unfinished.replace(self.folder / f"last-{step}")
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        for old in self._checkpoints()[2:]:
            shutil.rmtree(old, ignore_errors=True)

    def newest_checkpoint(self) -> Path | None:
        """The folder of the newest complete checkpoint, `last-<step>`."""
        return next((folder for folder in self._checkpoints() if writing.is_complete(folder)), None)

    def _checkpoints(self) -> list[Path]:
        named = [(int(path.name[5:]), path) for path in self.folder.glob("last-*") if path.name[5:].isdecimal()]
        return [path for _, path in sorted(named, reverse=True)]

    @contextlib.contextmanager
    def new_best(self) -> Iterator[Path]:
        """A folder that is not there yet, to write a model to; it takes the place of `best` once the block has ended.

        Raises:
            AppError: the folder cannot be written to.
        """
        fresh, replaced = self.folder / f"{UNFINISHED}-{BEST}", self.folder / REPLACED
        try:
            with writing.refusals(self.folder):
                self.tidy()
                yield fresh
                if self.best.exists():
                    self.best.replace(replaced)
                fresh.replace(self.best)
                shutil.rmtree(replaced, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def write_answers(self, answers: Answers) -> None:
        """Keep what was said of the test photos when they were looked at last.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        with writing.refusals(self.folder):
            writing.write_whole(self.folder / ANSWERS, answers.to_bytes())

    def answers(self) -> Answers | None:
        """What was said of the test photos when they were looked at last, if it is kept and can be read."""
        try:
            return Answers.read(self.folder / ANSWERS)
        except (OSError, ValueError):
            return None

    def tidy(self) -> None:
        """Clear up what a killed worker left half done; only its successor, or whoever killed it, may."""
        for unfinished in self.folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        replaced = self.folder / REPLACED
        if replaced.exists() and not self.best.exists():
            replaced.replace(self.best)
        shutil.rmtree(replaced, ignore_errors=True)


def all_runs(home: Path) -> list[Run]:
    """Every run that is listed in the data home, the newest first; what cannot be read is passed over."""
    found = []
    for name in run_names(home):
        with contextlib.suppress(AppError):
            found.append(Run.open(home / RUNS / name))
    return found


def find_run(home: Path, name: str) -> Run:
    """The run of this name.

    Raises:
        AppError: there is none.
    """
    if not NAME.fullmatch(name):
        raise AppError("run.problem.no_name", name=name[:100])
    return Run.open(home / RUNS / name)


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and isinstance(event.get("kind"), str) and isinstance(event.get("t"), int | float)
    return event if whole else None


def _words(config: TrainConfig) -> str:
    """The data set's name and the variant, in letters that every file system and address bar takes."""
    plain = unicodedata.normalize(
        "NFKD", f"{Path(config.data).name} {Path(config.parent or config.network).name}"
    ).encode("ascii", "ignore")
    return "-".join(re.findall(r"[0-9a-z]+", plain.decode().lower()))[:60].strip("-")


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
