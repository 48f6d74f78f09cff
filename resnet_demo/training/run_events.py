"""The events of a run: what happened, in order; they are only ever added to."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_demo.models.model_folders import file_only
from resnet_demo.texts import AppError, language_of, visible
from resnet_demo.training import append_only_file, atomic_writes
from resnet_demo.training.event_text import event_text
from resnet_demo.training.events import Event, new_event, parsed
from resnet_demo.training.process import Process
from resnet_demo.training.run_log import RunLog

EVENTS = "events.jsonl"
BESIDE = {"said", "phase", "looked", "joined", "measured", "killed"}
"""Kinds of events that do not move a run on."""
WENT_ON = {"step", "epoch", "finished"}
"""Kinds of events by which a training has gone on since it was queued."""


@dataclass(frozen=True)
class RunEvents:
    """The events in a run's folder; nothing is kept in memory."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file: a line of JSON for each event."""
        return self.folder / EVENTS

    def append(self, kind: str, **fields: Any) -> None:
        """Add an event, and to the log the sentence that it means, if it means one. Any process may.

        Text that is long beyond reason is cut. Where only the log cannot be written to, the event still counts.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        event = new_event(kind, fields)
        said = event_text(event, language_of(os.environ))
        with atomic_writes.disk_errors(self.folder):
            append_only_file.append(self.path, json.dumps(event, allow_nan=False))
        if said:
            with contextlib.suppress(AppError):
                RunLog(self.folder).write(visible(said))

    def check_writable(self) -> None:
        """Refuse a run whose events and log cannot be added to.

        Raises:
            OSError: they cannot.
        """
        for path in (self.path, RunLog(self.folder).path):
            os.close(file_only(os.fspath(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND))

    def all(self) -> list[Event]:
        """Everything that happened, in order."""
        return self.since(0)[0]

    def since(self, offset: int) -> tuple[list[Event], int]:
        """The events after `offset` bytes, and the offset after the last whole line; a torn line is none.

        Raises:
            AppError: the disk refuses to read them, as for all that reads events.
        """
        try:
            found, end = append_only_file.read_from(self.path, offset)
        except OSError as error:
            raise unreadable(self.folder, error) from error
        return [event for line in found if (event := parsed(line))], end

    def newest(self, *kinds: str) -> Event | None:
        """The newest event of these kinds; without any, of those that move the run on."""
        wanted = (one for one in self.backwards() if (one["kind"] in kinds if kinds else one["kind"] not in BESIDE))
        return next(wanted, None)

    def backwards(self) -> Iterator[Event]:
        """The events, the newest first, reading no more than is asked for.

        Raises:
            AppError: as `since`.
        """
        try:
            yield from filter(None, map(parsed, append_only_file.backwards(self.path)))
        except OSError as error:
            raise unreadable(self.folder, error) from error

    @property
    def queued(self) -> Event:
        """The event that queued the run last."""
        return self.newest("queued") or {"t": 0.0, "kind": "queued"}

    @property
    def launched_process(self) -> Process | None:
        """The process that was launched last to be the run's worker, alive or not."""
        return Process.from_event(self.newest("launched") or {})

    @property
    def memory_kills(self) -> int:
        """How often the system has ended the run's worker because memory ran out, as far as that is known."""
        return sum(event["kind"] == "killed" and event.get("memory") is True for event in self.all())

    @property
    def more_epochs(self) -> int:
        """Epochs that were asked for later, on top of those of the settings.

        What was asked for counts once the training has gone on; until then the next such request takes its place, so
        that one that was refused adds nothing when it is repeated.
        """
        taken_up = asked = 0
        started = False
        for event in self.all():
            kind, number = event["kind"], event.get("more_epochs")
            if kind == "queued":
                started = False
                asked = number if isinstance(number, int) and number else asked
            started |= kind == "started"
            if kind in WENT_ON or (kind == "stopped" and started):
                taken_up, asked = taken_up + asked, 0
        return taken_up + asked

    @property
    def test_set_uses(self) -> int:
        """How often this run evaluated its test photos; `evaluation_count` adds up runs with the same ones."""
        uses = (self.newest("finished", "looked") or {}).get("test_looks", 0)
        return uses if isinstance(uses, int) else 0


def unreadable(folder: Path, error: OSError) -> AppError:
    """The sentence for a run that the disk refuses to read."""
    return AppError("run.problem.unreadable", folder=str(folder), reason=error.strerror or str(error))
