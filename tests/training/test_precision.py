"""Precision: wishes are met or refused in words, and on a CPU the clock decides."""

from __future__ import annotations

import time

import pytest
import torch

from resnet_demo.texts import AppError
from resnet_demo.training.precision import Precision, bf16_speed, known

CPU, MPS = torch.device("cpu"), torch.device("mps")


def test_only_a_cpu_has_to_be_measured() -> None:
    assert known("auto", CPU) is None
    assert known("auto", MPS) == "float32"
    assert known("bf16", CPU) == "bf16"
    with pytest.raises(AppError) as caught:
        known("fp16", MPS)
    assert "fp16" in str(caught.value)


def test_speed_is_measured() -> None:
    def step(precision: Precision) -> None:
        time.sleep(0.02 if precision.name == "bf16" else 0.1)

    assert 3 < bf16_speed(step) < 7


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_layers_compute_so(name: str, dtype: torch.dtype) -> None:
    precision = Precision(name, CPU)  # type: ignore[arg-type]
    with precision.autocast():
        assert torch.nn.Linear(4, 4)(torch.ones(2, 4)).dtype == dtype
    assert precision.scaler().is_enabled() == (name == "fp16")
