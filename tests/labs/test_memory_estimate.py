"""What an experiment takes of memory: by hand, against a real training, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resnet_demo.jobs import queue
from resnet_demo.labs.configs import Gradients, Twins
from resnet_demo.labs.lab_run import lab_runs
from resnet_demo.labs.memory_estimate import PROCESS_BYTES, check_memory, training_bytes
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.free_memory import total_bytes
from tests.conftest import ROOT


def test_by_hand() -> None:
    config = Twins(depth=12 + 2, batch_size=10, size=8, per_class=2, test_per_class=1)
    numbers = 10 * 8 * 8 * 16 * 3 * 14 / 3 * (1 + 1 / 2 + 1 / 4) + 10 * 3 * 8 * 8 * 3
    assert training_bytes(config) == PROCESS_BYTES + round(4 * numbers)


@pytest.mark.slow
def test_a_real_step_takes_about_as_much() -> None:
    code = """
import torch
from tests.peak_memory import peak_memory
from resnet_demo.labs import networks
torch.set_num_threads(1)
network = networks.build("residual", 56, 0)
network(torch.randn(64, 3, 32, 32)).sum().backward()
print(peak_memory())
"""
    estimated = training_bytes(Twins(depth=56, batch_size=64, size=32, per_class=2, test_per_class=1))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(estimated, rel=0.5)


def test_what_cannot_fit_is_refused(tmp_path: Path) -> None:
    small, large = Twins(), Twins(depth=110, batch_size=512, size=64)
    local = Settings(home=tmp_path, max_memory_share=None)
    shared = Settings(home=tmp_path, public=True, max_memory_share=training_bytes(small) * 0.9 / total_bytes())
    check_memory(Gradients(), shared)
    check_memory(small, local)
    for config, settings in ((small, shared), (large, Settings(home=tmp_path, public=True, max_memory_share=0.5))):
        with pytest.raises(AppError, match="GB of memory"):
            queue.submit_experiment("twins", config, settings)
    assert list(lab_runs(tmp_path)) == []
