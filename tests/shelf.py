"""A shelf of small models for tests: one that ships with the app, and runs that have kept theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from resnet_demo.models import saved
from resnet_demo.models.model import TrainingInfo
from resnet_demo.settings import Settings
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from tests.tiny import tiny_model


def ship(folder: Path, name: str = "flowers", seed: int = 0) -> Path:
    """A folder of built-in models with one of this name."""
    saved.write(tiny_model(seed=seed), folder / name, card="A model for tests.")
    return folder


def run_with_model(
    settings: Settings, data: str = "/photos/My flowers", *, out: Path | None = None, **facts: str
) -> Run:
    """A run that has kept a model."""
    run = Run.create(settings.home, TrainConfig(data, variant="cifar_resnet20"), facts, folder=out)
    keep(run)
    return run


def keep(run: Run, seed: int = 0, **metrics: float) -> None:
    """Put a model into a run's folder, in the place of the one before."""
    metrics = metrics or {"val_accuracy": 0.912, "val_photos": 375.0}
    with run.artefacts.new_best() as folder:
        saved.write(
            replace(tiny_model(seed=seed), training_info=TrainingInfo(metrics=metrics)), folder, card="For tests."
        )
