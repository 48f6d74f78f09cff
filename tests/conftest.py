"""What every test stands on: a home folder of its own, the shared data where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before anything imports gradio or a Hub client: no telemetry, no reaching out.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["NO_PROXY"] = "localhost,127.0.0.1"
if "PYTEST_XDIST_WORKER" in os.environ:
    # Before anything imports torch: with as many test processes as cores, several threads each wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own folders."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("RESNET_DEMO_HOME", str(home))
    monkeypatch.setenv("TORCH_HOME", str(home / "torch"))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.delenv("RESNET_DEMO_WEIGHTS", raising=False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and weights beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the photos and weights of ../shared, which are not here")
    return SHARED
