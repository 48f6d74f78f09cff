"""Tests of training compute in one thread: others on the same machine would make several wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run

FACTS = {"data": {"name": "花", "fingerprint": "ab12"}, "split": {"train": [0, 2], "val": [1], "test": [3], "seed": 0}}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A new run of photos that are not there."""
    return Run.create(tmp_path / "home", TrainConfig(data="/photos/Wild Flowers"), FACTS)
