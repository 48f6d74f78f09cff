"""Workers of these tests take one thread each: on a busy machine two of them wait for each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_demo.settings import Settings, find_settings
from tests.jobs.small import coloured_photos


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def settings() -> Settings:
    """Those of a home of its own."""
    return find_settings()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that no test changes."""
    return coloured_photos(tmp_path_factory.mktemp("data") / "colours")
