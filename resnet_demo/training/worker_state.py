"""State of a run's worker as its folder shows it: the lock that it holds, and the request to stop."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from filelock import Timeout

from resnet_demo.models.model_folders import file_only
from resnet_demo.texts import AppError
from resnet_demo.training import atomic_writes, worker_lock

if TYPE_CHECKING:
    from resnet_demo.training.run_folder import RunFolder

Stop = Literal["keep", "now"]

LOCK, STOP = "worker.lock", "stop"
MOST_STOP_BYTES = 16


@dataclass(frozen=True)
class WorkerState:
    """Whether a process executes the run, and what was asked of it."""

    run: RunFolder

    def lives(self) -> bool:
        """Whether a process holds the lock."""
        return worker_lock.is_held(self.run.folder / LOCK)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the run's worker, as long as this process lives.

        Raises:
            AppError: another process is, or the folder cannot be written to.
        """
        with contextlib.ExitStack() as stack:
            with atomic_writes.disk_errors(self.run.folder):
                try:
                    stack.enter_context(worker_lock.held(self.run.folder / LOCK))
                except Timeout as error:
                    raise AppError("run.problem.busy", name=self.run.name) from error
            yield

    def ask_stop(self, how: Stop) -> None:
        """Ask it to stop: `keep` after this step, saving; `now` at once. `now` is not taken back by `keep`."""
        if self.stop_asked() != "now":
            with atomic_writes.disk_errors(self.run.folder):
                atomic_writes.write_atomic(self.run.folder / STOP, how)

    def stop_asked(self) -> Stop | None:
        """What was asked of it, if anything."""
        path = self.run.folder / STOP
        try:
            with open(path, "rb", opener=file_only) as file:
                return "now" if file.read(MOST_STOP_BYTES) == b"now" else "keep"
        except OSError:  # its presence is enough
            return "keep" if os.path.lexists(path) else None

    def withdraw_stop(self) -> None:
        """Take back what was asked.

        Raises:
            AppError: the folder cannot be written to.
        """
        path = self.run.folder / STOP
        with atomic_writes.disk_errors(self.run.folder):
            atomic_writes.remove_temporary(path)
            path.unlink(missing_ok=True)
