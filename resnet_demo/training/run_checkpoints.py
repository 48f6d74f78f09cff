"""The checkpoints in a run's folder, `last-<step>/`: the newest two are kept. What is in them is `checkpoint`'s."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.training import atomic_writes

UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class RunCheckpoints:
    """The checkpoints of the run in a folder."""

    folder: Path

    @contextlib.contextmanager
    def write(self, step: int) -> Iterator[Path]:
        """A folder to write a checkpoint into; it counts once the block has ended, and others but the one before go.

        One of a later step goes too: it was found damaged, or else the training would have gone on from it.

        Raises:
            AppError: the disk is full or the folder cannot be written to; the checkpoints before still stand.
        """
        unfinished = self.folder / UNFINISHED
        try:
            with atomic_writes.disk_errors(self.folder):
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                yield unfinished
                atomic_writes.mark_complete(unfinished)
                shutil.rmtree(self.at(step), ignore_errors=True)
                unfinished.replace(self.at(step))
        finally:
            self.clean_up()
        steps = self.steps()
        kept = [one for one in steps if one <= step][:2]
        for other in set(steps).difference(kept):
            shutil.rmtree(self.at(other), ignore_errors=True)

    def newest(self) -> Path | None:
        """The folder of the newest checkpoint that is as it was written: all of it is read to know."""
        return next((folder for folder in map(self.at, self.steps()) if atomic_writes.is_complete(folder)), None)

    def at(self, step: int) -> Path:
        """The folder of the checkpoint that was written after so many steps."""
        return self.folder / f"last-{step}"

    def steps(self) -> list[int]:
        """The steps after which checkpoints were written that are kept, whole or not, the last first."""
        names = (path.name.removeprefix("last-") for path in self.folder.glob("last-*"))
        return sorted((int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name)), reverse=True)

    def clean_up(self) -> None:
        """Remove one that is not finished; nobody may be writing it."""
        shutil.rmtree(self.folder / UNFINISHED, ignore_errors=True)
