"""The machine that a result was measured on, in words."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

import torch

from resnet_demo.measurements import machine


def description() -> str:
    """The processor by its maker's name where the system tells it, its cores, and what `measurements.machine` says."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores; {machine(torch.device('cpu'))}"
