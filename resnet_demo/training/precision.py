"""The numbers that a network computes with in training: float32, or 16 bits where that is faster and safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from resnet_demo.measurements import Measurements, machine
from resnet_demo.texts import AppError

Requested = Literal["auto", "float32", "bf16", "fp16"]
Name = Literal["float32", "bf16", "fp16"]

NAMES: tuple[Name, ...] = ("float32", "bf16", "fp16")
TYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MEASUREMENTS = "measurements.json"
"""The file in the data home."""
MIN_SPEEDUP = 1.1
"""bf16 on a CPU is taken where a convolution is this many times as fast as in float32."""
TRIAL_SECONDS = 0.5
"""After so long no further convolution is tried."""
PHOTOS, CHANNELS, SIDE = 4, 64, 28
"""Of the convolution that is tried: one of ResNet-18's, a few milliseconds forward and backward."""


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


def known(requested: Requested, device: torch.device, measurements: Measurements) -> Name | None:
    """The precision to train with where no measurement is needed any more; None where one is.

    Args:
        requested: what the settings ask for.
        device: where the training runs.
        measurements: those of this machine.

    Raises:
        AppError: the requested one cannot be had on this device.
    """
    if requested not in ("auto", "float32") and device.type not in {"cpu", "cuda"}:
        raise AppError("train.problem.precision", precision=requested, device=device.type)
    if requested != "auto":
        return requested
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type != "cpu" or not may_have_bf16():
        return "float32"
    found = measurements.read(_key())
    speed = found.get("speed") if isinstance(found, dict) else None
    return _faster(speed) if isinstance(speed, int | float) else None


def measured(measurements: Measurements) -> Name:
    """The faster precision on this CPU, measured now and kept."""
    speed = bf16_speed(_convolution())
    measurements.write(_key(), {"speed": round(speed, 2)})
    return _faster(speed)


def may_have_bf16(capabilities: Mapping[str, object] | None = None) -> bool:
    """Whether this CPU may compute in bf16; without instructions for it bf16 is emulated, and always slower.

    Args:
        capabilities: what torch says of a CPU; of this one by default.
    """
    if capabilities is None:
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    flags = [has for name, has in capabilities.items() if "bf16" in name]  # avx512_bf16, amx_bf16, ARM's bf16
    return any(flags) or not flags


def bf16_speed(step: Callable[[Precision], object], seconds: float = TRIAL_SECONDS) -> float:
    """How many times as fast as in float32 a `step` is in bf16 on this CPU.

    Both take turns, so that a busy moment meets both; the shortest time of each counts, the first ones only warm up.
    Where the first ones have taken all of the `seconds` already, they count.
    """
    cpu, started = torch.device("cpu"), time.perf_counter()
    precisions = Precision("float32", cpu), Precision("bf16", cpu)
    first = [_seconds(step, precision) for precision in precisions]
    times: list[list[float]] = []
    while time.perf_counter() - started < seconds:
        times.append([_seconds(step, precision) for precision in precisions])
    float32, bf16 = zip(*(times or [first]), strict=True)
    return float(min(float32) / min(bf16))


def _convolution() -> Callable[[Precision], None]:
    """A convolution forward and backward; no random numbers are drawn for it."""
    laid_out = {"memory_format": torch.channels_last}
    images = torch.full((PHOTOS, CHANNELS, SIDE, SIDE), 0.5).to(**laid_out)  # type: ignore[call-overload]
    weight = torch.full((CHANNELS, CHANNELS, 3, 3), 0.01).to(**laid_out).requires_grad_()  # type: ignore[call-overload]

    def step(precision: Precision) -> None:
        with precision.autocast():
            found = F.conv2d(images, weight, padding=1)
        found.float().sum().backward()  # type: ignore[no-untyped-call]

    return step


def _seconds(step: Callable[[Precision], object], precision: Precision) -> float:
    started = time.perf_counter()
    step(precision)
    return time.perf_counter() - started


def _faster(speed: float) -> Name:
    return "bf16" if speed >= MIN_SPEEDUP else "float32"


def _key() -> str:
    return f"bf16 against float32, {machine(torch.device('cpu'))}"
