"""Logging of a training: events with metrics for plots, messages for people. Only rank 0 writes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import psutil
import torch
from torch import Tensor

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError, Field
from resnet_demo.training.accuracy_and_loss import Scores
from resnet_demo.training.checkpoint import Position
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.run import Run

STEP_SECONDS = 0.5
"""Between two events of steps: to read a loss, the processor must wait for the GPU."""


class RunLogger:
    """Writes the events of one training."""

    def __init__(self, run: Run, distributed: DistributedContext) -> None:
        self._run, self._distributed = run, distributed
        self._last = time.monotonic()
        self._photos = 0

    def event(self, kind: str, **fields: Any) -> None:
        """Add an event."""
        if self._distributed.is_main:
            self._run.events.append(kind, **fields)

    def message(self, key: str, **fields: Field) -> None:
        """Add a message: a key of the texts and its fields."""
        self.event("said", key=key, fields=fields)

    def phase(self, name: str, total: int = 0, *, announced: bool = True) -> Callable[[int], None]:
        """Log that something begins which takes time without being a step; the next event of another kind ends it.

        Args:
            name: a text `run.phase.<name>` says what it is.
            total: how many photos, steps or bytes it has; 0 if that is not known.
            announced: False where it is mostly over at once: then nothing is logged before the first report.

        Returns:
            To be called with how many of `total` are done; logged now and then.
        """
        last = time.monotonic()

        def report(done: int) -> None:
            nonlocal last
            if time.monotonic() - last >= STEP_SECONDS:
                self.event("phase", phase=name, done=done, total=total)
                last = time.monotonic()

        if announced:
            self.event("phase", phase=name, done=0, total=total)
        return report

    def step(self, position: Position, steps_per_epoch: int, loss: Tensor, photos: int, rate: float) -> None:
        """Log a step, unless one was logged just before; the last step of an epoch is always logged.

        Args:
            loss: the sum over this process's photos of the batch, `photos` of them.

        Raises:
            AppError: the loss is not finite.
        """
        self._photos += photos * self._distributed.world_size
        seconds = time.monotonic() - self._last
        if not self._distributed.is_main or (seconds < STEP_SECONDS and position.step < steps_per_epoch):
            return
        step = position.epoch * steps_per_epoch + position.step
        require_finite(float(loss), step)
        self.event(
            "step",
            step=step,
            steps=position.epochs * steps_per_epoch,
            epoch=position.epoch + 1,
            epochs=position.epochs,
            loss=round(float(loss) / photos, 5),
            lr=float(f"{rate:.3g}"),
            photos_per_second=round(self._photos / max(seconds, 1e-9), 1),
            megabytes=_megabytes(self._distributed.device),
        )
        self.start_clock()

    def start_clock(self) -> None:
        """Restart the measurement of photos per second."""
        self._last, self._photos = time.monotonic(), 0

    def epoch(self, position: Position, train_loss: float, scores: Scores, best: bool, size: int) -> None:
        """Log the epoch that has just ended, `position` being where it began."""
        self.event(
            "epoch",
            epoch=position.epoch + 1,
            epochs=position.epochs,
            train_loss=round(train_loss, 5),
            val_loss=round(scores.loss, 5),
            val_accuracy=scores.accuracy,
            val_photos=scores.photos,
            best=best,
            size=size,
        )


def require_finite(loss: float, step: int) -> None:
    """Stop the training at a loss that is not finite.

    Raises:
        AppError: it is infinite, or no number.
    """
    if not math.isfinite(loss):
        raise AppError("train.problem.not_finite", step=step)


def _megabytes(device: torch.device) -> int:
    """The most memory that the device has given so far; on a CPU what this process holds now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // MEGABYTE
    return int(psutil.Process().memory_info().rss) // MEGABYTE
