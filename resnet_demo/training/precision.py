"""The numbers that a network computes with in training: float32, or 16 bits where that is faster and safe."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch

from resnet_demo.texts import AppError

Wish = Literal["auto", "float32", "bf16", "fp16"]
Name = Literal["float32", "bf16", "fp16"]

NAMES: tuple[Name, ...] = ("float32", "bf16", "fp16")
TYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
WORTH = 1.1
"""bf16 on a CPU is taken where a step is this many times as fast as in float32."""
TRIALS = 2


@dataclass(frozen=True)
class Precision:
    """What the layers that bear it compute with; sums, norms and the loss stay float32 (Micikevicius et al. 2018)."""

    name: Name
    device: torch.device

    def autocast(self) -> AbstractContextManager[object]:
        """A block in which layers compute so."""
        lower = self.name != "float32"
        return torch.autocast(self.device.type, TYPES[self.name] if lower else None, enabled=lower)

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps small gradients from vanishing in fp16; does nothing in the others."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")


def known(wish: Wish, device: torch.device) -> Name | None:
    """The precision to train with where that is clear beforehand; None where it has to be measured.

    Raises:
        AppError: the wish cannot be met on this device.
    """
    if wish not in ("auto", "float32") and device.type not in {"cpu", "cuda"}:
        raise AppError("train.problem.precision", precision=wish, device=device.type)
    if wish != "auto":
        return wish
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return None if device.type == "cpu" else "float32"


def bf16_speed(step: Callable[[Precision], object]) -> float:
    """How many times as fast as in float32 the work of a `step` is in bf16 on this CPU.

    Without instructions for it bf16 is slower, and no flag tells by how much: hence the trial.
    """
    cpu = torch.device("cpu")
    return _seconds(step, Precision("float32", cpu)) / _seconds(step, Precision("bf16", cpu))


def _seconds(step: Callable[[Precision], object], precision: Precision) -> float:
    """The shortest of some tries, after one that warms up."""
    times = []
    for _ in range(1 + TRIALS):
        started = time.perf_counter()
        step(precision)
        times.append(time.perf_counter() - started)
    return min(times[1:])
