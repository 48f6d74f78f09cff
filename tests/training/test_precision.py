"""Precision: what is asked for is had or refused in words, and on a CPU a convolution decides, once for a machine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from resnet_demo.measurements import Measurements
from resnet_demo.texts import AppError
from resnet_demo.training import precision
from resnet_demo.training.precision import Precision, bf16_speed, known, may_have_bf16, measured

CPU, MPS = torch.device("cpu"), torch.device("mps")
NOTHING = Measurements(None)


def test_only_a_cpu_has_to_be_measured() -> None:
    assert known("auto", CPU, NOTHING) == (None if may_have_bf16() else "float32")
    assert known("auto", MPS, NOTHING) == "float32"
    assert known("bf16", CPU, NOTHING) == "bf16"
    with pytest.raises(AppError) as caught:
        known("fp16", MPS, NOTHING)
    assert "fp16" in str(caught.value)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx2": True, "avx512_bf16": True, "amx_bf16": False}, True),
        ({"neon": True, "bf16": True}, True),
        ({}, True),  # nobody knows: the trial tells
    ],
)
def test_without_the_instructions_nothing_is_timed(capabilities: dict[str, object], expected: bool) -> None:
    assert may_have_bf16(capabilities) is expected


def test_the_faster_one_is_found_once_for_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "may_have_bf16", lambda: True)  # as on another processor
    kept = Measurements(tmp_path / "measurements.json")
    assert known("auto", CPU, kept) is None
    found = measured(kept)
    assert known("auto", CPU, Measurements(tmp_path / "measurements.json")) == found
    (tmp_path / "measurements.json").write_text("[")
    assert known("auto", CPU, kept) is None


def test_speed_is_measured() -> None:
    def step(precision: Precision) -> None:
        time.sleep(0.02 if precision.name == "bf16" else 0.1)

    assert 3 < bf16_speed(step) < 7


def test_a_slow_trial_ends_after_its_first_steps() -> None:
    """As on processors where bf16 is emulated, a hundred times as slow."""
    tried = []

    def step(precision: Precision) -> None:
        tried.append(precision.name)
        time.sleep(0.2 if precision.name == "bf16" else 0.0)

    assert bf16_speed(step, seconds=0.1) < 1
    assert tried == ["float32", "bf16"]


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_layers_compute_so(name: str, dtype: torch.dtype) -> None:
    precision = Precision(name, CPU)  # type: ignore[arg-type]
    with precision.autocast():
        assert torch.nn.Linear(4, 4)(torch.ones(2, 4)).dtype == dtype
    assert precision.scaler().is_enabled() == (name == "fp16")
