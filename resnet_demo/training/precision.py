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


def choose(wish: Wish, device: torch.device, step: Callable[[Precision], object]) -> tuple[Precision, float]:
    """The precision to train with, and how many times as fast as float32 it was measured to be (1 if it was not).

    On a CPU without instructions for it bf16 is slower than float32, and no flag tells by how much: `step` is tried.

    Args:
        wish: as in the settings.
        device: where the training runs.
        step: does the work of one step, and leaves no trace.

    Raises:
        AppError: the wish cannot be met on this device.
    """
    if wish not in ("auto", "float32") and device.type not in {"cpu", "cuda"}:
        raise AppError("train.problem.precision", precision=wish, device=device.type)
    if wish != "auto":
        return Precision(wish, device), 1.0
    if device.type == "cuda":
        return Precision("bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16", device), 1.0
    float32, bf16 = Precision("float32", device), Precision("bf16", device)
    if device.type != "cpu":
        return float32, 1.0
    speed = _seconds(step, float32) / _seconds(step, bf16)
    return (bf16, speed) if speed >= WORTH else (float32, 1.0)


def _seconds(step: Callable[[Precision], object], precision: Precision) -> float:
    """The shortest of some tries, after one that warms up."""
    times = []
    for _ in range(1 + TRIALS):
        started = time.perf_counter()
        step(precision)
        times.append(time.perf_counter() - started)
    return min(times[1:])
