"""What an experiment is given beside its settings: where it may write, and who may stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_demo.settings import Settings

Figures = Mapping[str, Any]
"""What an experiment has measured so far, ready for JSON."""


@dataclass(frozen=True)
class LabStopped(Exception):  # noqa: N818  no error: somebody asked for it
    """The experiment was stopped on request; the last whole epoch of a training is in its checkpoint."""


def never() -> bool:
    """For experiments that nobody stops."""
    return False


@dataclass(frozen=True)
class LabContext:
    """Where an experiment runs: settings of the app, a folder for its checkpoints, and who may stop it."""

    settings: Settings
    folder: Path
    stopped: Callable[[], bool] = never
