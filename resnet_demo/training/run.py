"""A run's folder: the only reader and writer of its files, and the state that they tell.

`config.json` never changes, `events.jsonl` only grows, `worker.lock` is held while a worker lives, `stop` asks it to
end, `last-<step>/` are checkpoints, `best/` is a saved model, `test.safetensors` what was said of the test photos,
`log.txt` is for people.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from filelock import Timeout

from resnet_demo.models.places import BEST, NAME, POINTER, RUNS, file_only, run_folder
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError, language_of, visible
from resnet_demo.training import lines, worker_lock, writing
from resnet_demo.training.answers import Answers
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.events import Event, new_event, parsed
from resnet_demo.training.memory_kills import KillCount
from resnet_demo.training.process import Process
from resnet_demo.training.sentences import sentence_of

State = Literal["queued", "starting", "running", "stopping", "finished", "stopped", "failed", "lost"]
Stop = Literal["keep", "now"]

ACTIVE = frozenset[State]({"starting", "running", "stopping"})
ENDED = frozenset[State]({"finished", "stopped", "failed", "lost"})
CONFIG, EVENTS, LOCK, STOP, LOG = "config.json", "events.jsonl", "worker.lock", "stop", "log.txt"
ANSWERS = "test.safetensors"
BESIDE = {"said", "looked", "joined", "measured", "killed"}
"""Kinds of events that do not move a run on."""
UNFINISHED, REPLACED = ".unfinished", ".replaced"
NEW, DELETED = ".new-", ".deleted-"
"""What a run's folder is called while it is made, and while it is removed."""
MOST_CONFIG_BYTES, MOST_STOP_BYTES = 256 * MEGABYTE, 16
MOST_LOG_CHARACTERS = 65_536
"""Of what is written to the log at once."""


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
        fresh = (folder or runs / "run").with_name(f"{NEW}{secrets.token_hex(4)}")
        place = None
        try:
            with writing.refusals(folder or runs, "run.problem.not_made"):
                if folder is not None and (runs in folder.parents or not _is_free(folder)):
                    raise AppError("run.problem.in_use", folder=str(folder))
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
            AppError: there is no run, its `config.json` cannot be understood, or its events cannot be read.
        """
        run = cls(run_folder(folder))
        try:
            run.config  # noqa: B018  read now, so that whoever holds a run can use it
        except (FileNotFoundError, NotADirectoryError) as error:
            raise AppError("run.problem.no_run", folder=str(folder)) from error
        except OSError as error:
            raise _unreadable(run.folder, error) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise AppError("run.problem.damaged", folder=str(run.folder)) from error
        run.newest()
        return run

    @cached_property
    def _entries(self) -> dict[str, Any]:
        with open(self.folder / CONFIG, "rb", opener=file_only) as file:
            entries = json.loads(file.read(MOST_CONFIG_BYTES).decode("utf-8"))
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

        Text that is long beyond reason is cut. Where only the log cannot be written to, the event still counts.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        event = new_event(kind, fields)
        said = sentence_of(event, language_of(os.environ))
        with writing.refusals(self.folder):
            lines.append(self.folder / EVENTS, json.dumps(event, allow_nan=False))
        if said:
            with contextlib.suppress(AppError):
                self.write_log(visible(said))

    def check_writable(self) -> None:
        """Refuse a run whose events and log cannot be added to.

        Raises:
            OSError: they cannot.
        """
        for path in (self.folder / EVENTS, self.log):
            os.close(file_only(os.fspath(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND))

    def write_log(self, said: str) -> None:
        """Add to what a person reads, with the time; of what is long beyond reason the beginning and the end.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        if len(said) > MOST_LOG_CHARACTERS:
            said = f"{said[: MOST_LOG_CHARACTERS // 2]} … {said[-MOST_LOG_CHARACTERS // 2 :]}"
        with writing.refusals(self.folder):
            lines.append(self.log, f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}  {said}")

    def events(self) -> list[Event]:
        """Everything that happened, in order."""
        return self.events_from(0)[0]

    def events_from(self, offset: int) -> tuple[list[Event], int]:
        """The events after `offset` bytes, and the offset after the last whole line; a torn line is none.

        Raises:
            AppError: the disk refuses to read them, as for all that tells what happened or how the run stands.
        """
        try:
            found, end = lines.read_from(self.folder / EVENTS, offset)
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        return [event for line in found if (event := parsed(line))], end

    def newest(self, *kinds: str) -> Event | None:
        """The newest event of these kinds; without any, of those that move the run on."""
        wanted = (one for one in self.backwards() if (one["kind"] in kinds if kinds else one["kind"] not in BESIDE))
        return next(wanted, None)

    def backwards(self) -> Iterator[Event]:
        """The events, the newest first, reading no more than is asked for.

        Raises:
            AppError: as `events_from`.
        """
        try:
            yield from filter(None, map(parsed, lines.backwards(self.folder / EVENTS)))
        except OSError as error:
            raise _unreadable(self.folder, error) from error

    @property
    def queued(self) -> Event:
        """The event that put the run in line last."""
        return self.newest("queued") or {"t": 0.0, "kind": "queued"}

    @property
    def worker(self) -> Process | None:
        """The process that was launched last for this run, alive or not."""
        return Process.told_by(self.newest("launched") or {})

    def launch(self, worker: Process) -> None:
        """Note that a process is to be the run's worker, and how often memory had run out here before.

        Raises:
            AppError: as `append`.
        """
        count = KillCount.here()
        self.append("launched", **asdict(worker), **({"memory_kills": asdict(count)} if count else {}))

    def note_kill(self) -> None:
        """If its worker has ended without a word, note whether memory has run out since it was launched.

        Whoever sees that a run is lost does so at once: later it could have been another process.

        Raises:
            AppError: as `append`.
        """
        newest = self.newest("queued", "launched", "killed", "finished", "stopped", "failed")
        count = KillCount.told_by(newest or {})
        if count is not None and self.state() == "lost" and not self.stop_asked():
            self.append("killed", memory=count.has_risen(), sure=False)

    @property
    def memory_kills(self) -> int:
        """How often the system has ended its worker because memory ran out, as far as that is known."""
        return sum(event["kind"] == "killed" and event.get("memory") is True for event in self.events())

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
        """What became of the run: told by its newest event, its lock, and whether the named process lives.

        Raises:
            AppError: as `events_from`.
        """
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
            AppError: another process is, or the folder cannot be written to.
        """
        with contextlib.ExitStack() as stack:
            with writing.refusals(self.folder):
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
        path = self.folder / STOP
        try:
            with open(path, "rb", opener=file_only) as file:
                return "now" if file.read(MOST_STOP_BYTES) == b"now" else "keep"
        except OSError:  # its presence is enough
            return "keep" if os.path.lexists(path) else None

    def queue_again(self, *, waiter: Process | None = None, more_epochs: int = 0) -> None:
        """Stand in line once more, to go on from the newest checkpoint.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        with writing.refusals(self.folder):
            writing.remove_parts(self.folder / STOP)
            (self.folder / STOP).unlink(missing_ok=True)
        asked = {"more_epochs": more_epochs} if more_epochs else {}
        self.append("queued", **asked, **(asdict(waiter) if waiter else {}))

    # What it keeps

    @contextlib.contextmanager
    def checkpoint_folder(self, step: int) -> Iterator[Path]:
        """A folder to write a checkpoint into; it counts once the block has ended, and others but the one before go.

        One of a later step goes too: it was found damaged, or else the training would have gone on from it.

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
                shutil.rmtree(self.checkpoint(step), ignore_errors=True)
                unfinished.replace(self.checkpoint(step))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        steps = self.checkpoint_steps()
        kept = [one for one in steps if one <= step][:2]
        for other in set(steps).difference(kept):
            shutil.rmtree(self.checkpoint(other), ignore_errors=True)

    def newest_checkpoint(self) -> Path | None:
        """The folder of the newest checkpoint that is as it was written: all of it is read to know."""
        folders = map(self.checkpoint, self.checkpoint_steps())
        return next((folder for folder in folders if writing.is_complete(folder)), None)

    def checkpoint(self, step: int) -> Path:
        """The folder of the checkpoint that was written after so many steps."""
        return self.folder / f"last-{step}"

    def checkpoint_steps(self) -> list[int]:
        """The steps after which checkpoints were written that are kept, whole or not, the last first."""
        names = (path.name.removeprefix("last-") for path in self.folder.glob("last-*"))
        return sorted((int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name)), reverse=True)

    @contextlib.contextmanager
    def new_best(self) -> Iterator[Path]:
        """A folder that is not there yet, to write a model to; it takes the place of `best` once the block has ended.

        Raises:
            AppError: the folder cannot be written to.
        """
        fresh, replaced = self.folder / f"{UNFINISHED}-{BEST}", self.folder / REPLACED
        try:
            self.tidy()
            with writing.refusals(self.folder):
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

    @property
    def has_answers(self) -> bool:
        """Whether what was said of the test photos is kept, whole or damaged."""
        return (self.folder / ANSWERS).is_file()

    def answers(self) -> Answers | None:
        """What was said of the test photos when they were looked at last, if it is kept and whole."""
        path = self.folder / ANSWERS
        try:
            return Answers.read(path) if path.is_file() else None
        except (OSError, ValueError):
            return None

    def tidy(self) -> None:
        """Clear up what a killed worker left half done; only its successor, or whoever killed it, may.

        Raises:
            AppError: the folder cannot be written to.
        """
        with writing.refusals(self.folder):
            for unfinished in (*self.folder.glob(f"{UNFINISHED}*"), *self.folder.glob(f".{UNFINISHED}*")):
                shutil.rmtree(unfinished, ignore_errors=True)
            writing.remove_parts(self.folder / ANSWERS)
            replaced = self.folder / REPLACED
            if replaced.exists() and not self.best.exists():
                replaced.replace(self.best)
            shutil.rmtree(replaced, ignore_errors=True)


def _unreadable(folder: Path, error: OSError) -> AppError:
    return AppError("run.problem.unreadable", folder=str(folder), reason=error.strerror or str(error))


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
