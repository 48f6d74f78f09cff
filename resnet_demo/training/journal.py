"""What a training tells while it goes on: events for curves, sentences for people. Only the first process writes."""

from __future__ import annotations

import math
import time
from typing import Any

import psutil
import torch
from torch import Tensor

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError, Field
from resnet_demo.training.checkpoint import Position
from resnet_demo.training.ranks import Ranks
from resnet_demo.training.run import Run
from resnet_demo.training.scores import Scores

STEP_SECONDS = 0.5
"""Between two events of steps: to look at a loss, the processor must wait for the GPU."""


class Journal:
    """Tells of one training."""

    def __init__(self, run: Run, ranks: Ranks) -> None:
        self._run, self._ranks = run, ranks
        self._last = time.monotonic()
        self._photos = 0

    def tell(self, kind: str, **fields: Any) -> None:
        """Add an event."""
        if self._ranks.leads:
            self._run.append(kind, **fields)

    def say(self, key: str, **fields: Field) -> None:
        """Add a sentence: a key of the texts and what fills its gaps."""
        self.tell("said", key=key, fields=fields)

    def step(self, position: Position, steps_per_epoch: int, loss: Tensor, photos: int, rate: float) -> None:
        """Tell of a step, if the last time was a while ago or it is the last of its epoch.

        Args:
            loss: the sum over this process's photos of the batch, `photos` of them.

        Raises:
            AppError: the loss is not finite.
        """
        self._photos += photos * self._ranks.world
        seconds = time.monotonic() - self._last
        if not self._ranks.leads or (seconds < STEP_SECONDS and position.step < steps_per_epoch):
            return
        step = position.epoch * steps_per_epoch + position.step
        require_finite(float(loss), step)
        self.tell(
            "step",
            step=step,
            steps=position.epochs * steps_per_epoch,
            epoch=position.epoch + 1,
            epochs=position.epochs,
            loss=round(float(loss) / photos, 5),
            lr=float(f"{rate:.3g}"),
            photos_per_second=round(self._photos / max(seconds, 1e-9), 1),
            megabytes=_megabytes(self._ranks.device),
        )
        self.start_clock()

    def start_clock(self) -> None:
        """Count photos and seconds from here."""
        self._last, self._photos = time.monotonic(), 0

    def epoch(self, position: Position, train_loss: float, scores: Scores, best: bool, size: int) -> None:
        """Tell of the epoch that has just ended, `position` being where it began."""
        self.tell(
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
    """Refuse to go on with a loss that is none.

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
