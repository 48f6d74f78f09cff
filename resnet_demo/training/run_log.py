"""The log of a run, for people: what a worker in the background prints goes there too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from resnet_demo.training import append_only_file, atomic_writes

LOG = "log.txt"
MOST_LOG_CHARACTERS = 65_536
"""Of what is written at once."""


@dataclass(frozen=True)
class RunLog:
    """The log in a run's folder."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / LOG

    def write(self, said: str) -> None:
        """Add a line or more, with the time; of what is long beyond reason the beginning and the end.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        if len(said) > MOST_LOG_CHARACTERS:
            said = f"{said[: MOST_LOG_CHARACTERS // 2]} … {said[-MOST_LOG_CHARACTERS // 2 :]}"
        with atomic_writes.disk_errors(self.folder):
            append_only_file.append(self.path, f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}  {said}")
