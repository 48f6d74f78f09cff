"""Checkpoints: everything that a training needs to resume exactly. Tensors and JSON, no pickles.

Nothing random has a state of its own: what is drawn depends on the seed, the epoch and the photo alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch

from resnet_demo.texts import AppError
from resnet_demo.training.accuracy_and_loss import Scores
from resnet_demo.training.plan import Plan
from resnet_demo.training.train_state import TrainState

STATE, NETWORK = "state.json", "network.safetensors"
MOST = 2**40
"""Of anything that is counted."""
EVERY_SECONDS = 60.0
MOST_SHARE = 1 / 20
"""Of the time, what writing checkpoints may take."""


@dataclass(frozen=True)
class Position:
    """How far a training has come.

    Args:
        epoch: epochs done.
        step: steps done within the next one.
        cycles: epochs of each cycle of the learning rate: those of the settings, then those added later.
        more_epochs: epochs that were added later, as far as `cycles` has them.
        loss_sum: the losses of this epoch so far, `photos` of them.
        best: how the best epoch did, None before the first; `waited` epochs have passed since.
        epoch_steps: steps that an epoch has; 0 as long as that is not known.
    """

    cycles: tuple[int, ...]
    epoch: int = 0
    step: int = 0
    more_epochs: int = 0
    loss_sum: float = 0.0
    photos: int = 0
    best: Scores | None = None
    waited: int = 0
    epoch_steps: int = 0

    @property
    def epochs(self) -> int:
        """All epochs there are to be."""
        return sum(self.cycles)

    def fitted(self, steps: int) -> Position:
        """With so many steps an epoch.

        Raises:
            AppError: it was begun with another number, so neither its place in the epoch nor its schedule fits.
        """
        if self.epoch_steps not in (0, steps):
            raise AppError("train.problem.other_steps", before=self.epoch_steps, now=steps)
        return replace(self, epoch_steps=steps)

    def extended(self, more_epochs: int) -> Position:
        """With a cycle for the epochs that were asked for since."""
        added = more_epochs - self.more_epochs
        if added <= 0:
            return self
        return replace(self, cycles=(*self.cycles, added), more_epochs=more_epochs, waited=0)

    def ended(self) -> Position:
        """Without the epochs that are still to come."""
        cycles, left = [], self.epoch
        for cycle in self.cycles:
            cycles.append(min(cycle, left))
            left -= cycles[-1]
        return replace(self, cycles=tuple(cycle for cycle in cycles if cycle))


@dataclass
class CheckpointTimer:
    """When to write a checkpoint: at the end of an epoch and once a minute, within a share of the time spent."""

    last: float = field(default_factory=time.monotonic)
    cost: float = 0.0

    def affordable(self) -> bool:
        """Whether writing one now keeps to the share."""
        return time.monotonic() - self.last >= self.cost / MOST_SHARE

    def due(self) -> bool:
        """Whether to write one within an epoch."""
        return self.affordable() and time.monotonic() - self.last >= EVERY_SECONDS

    def wrote(self, seconds: float) -> None:
        """Note that one has just been written, in so many seconds."""
        self.last, self.cost = time.monotonic(), seconds


def save(folder: Path, plan: Plan, position: Position, train_state: TrainState) -> None:
    """Write everything into an empty folder.

    Raises:
        OSError, SafetensorError: the disk is full, say.
    """
    for name, tensors in train_state.state_dict().items():
        plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        safetensors.torch.save_file(plain, folder / f"{name}.safetensors")
    state = {
        "plan": plan.to_json(),
        "position": asdict(position),
        "steps": train_state.steps,
        "pieces": train_state.micro_batching.count,
        "scaler": train_state.scaler.state_dict(),
    }
    (folder / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")


def read(folder: Path) -> tuple[Plan, Position]:
    """The plan and the position in a checkpoint.

    Raises:
        AppError: it cannot be understood.
    """
    try:
        state = _state(folder)
        return Plan.from_json(state["plan"]), _position(state["position"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AppError("train.problem.checkpoint", folder=str(folder)) from error


def _position(entries: Mapping[str, Any]) -> Position:
    best = None if entries["best"] is None else Scores(**entries["best"])
    position = Position(**{**entries, "cycles": tuple(entries["cycles"]), "best": best})
    known = best or Scores()
    _require_counts(*position.cycles, position.epoch, position.step, position.more_epochs)
    _require_counts(position.photos, position.epoch_steps, position.waited, known.correct, known.photos)
    floats = type(position.loss_sum) is type(known.loss_sum) is float
    if not floats or (position.step > 0) != (position.photos > 0):  # a step takes photos, and photos take a step
        raise ValueError(STATE)
    return position


def _require_counts(*counts: object) -> None:
    if not all(type(count) is int and 0 <= count <= MOST for count in counts):
        raise ValueError(STATE)


def load(folder: Path, train_state: TrainState) -> None:
    """Load a checkpoint's tensors into a training state made from the same settings.

    Raises:
        AppError: they do not fit, or cannot be read.
    """
    try:
        state = _state(folder)
        names = train_state.state_dict().keys()
        train_state.load_state_dict(
            {name: safetensors.torch.load_file(folder / f"{name}.safetensors") for name in names}
        )
        _require_counts(state["steps"], state["pieces"])
        train_state.steps, train_state.micro_batching.count = state["steps"], state["pieces"]
        if train_state.scaler.is_enabled():
            train_state.scaler.load_state_dict(state["scaler"])
    except (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
        raise AppError("train.problem.checkpoint", folder=str(folder)) from error


def _state(folder: Path) -> Mapping[str, Any]:
    state: Mapping[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    return state
