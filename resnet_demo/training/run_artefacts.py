"""What a training makes, in its run's folder: the best model, `best/`, and the predictions on the test photos."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.models.model_folders import BEST
from resnet_demo.training import atomic_writes
from resnet_demo.training.labelled_predictions import LabelledPredictions

TEST_PREDICTIONS = "test.safetensors"
UNFINISHED_BEST, REPLACED = f".unfinished-{BEST}", ".replaced"


@dataclass(frozen=True)
class RunArtefacts:
    """What the run in a folder has made so far."""

    folder: Path

    @property
    def best(self) -> Path:
        """The saved model of the best epoch so far; absent before the first."""
        return self.folder / BEST

    @contextlib.contextmanager
    def new_best(self) -> Iterator[Path]:
        """A folder that is not there yet, to write a model to; it takes the place of `best` once the block has ended.

        Raises:
            AppError: the folder cannot be written to.
        """
        fresh, replaced = self.folder / UNFINISHED_BEST, self.folder / REPLACED
        try:
            with atomic_writes.disk_errors(self.folder):
                self.clean_up()
                yield fresh
                if self.best.exists():
                    self.best.replace(replaced)
                fresh.replace(self.best)
                shutil.rmtree(replaced, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def write_test_predictions(self, predictions: LabelledPredictions) -> None:
        """Save the newest predictions on the test photos.

        Raises:
            AppError: the disk is full or the folder cannot be written to.
        """
        with atomic_writes.disk_errors(self.folder):
            atomic_writes.write_atomic(self.folder / TEST_PREDICTIONS, predictions.to_bytes())

    @property
    def has_test_predictions(self) -> bool:
        """Whether predictions on the test photos are saved, whole or damaged."""
        return (self.folder / TEST_PREDICTIONS).is_file()

    def test_predictions(self) -> LabelledPredictions | None:
        """The newest predictions on the test photos, if they are saved and undamaged."""
        path = self.folder / TEST_PREDICTIONS
        try:
            return LabelledPredictions.read(path) if path.is_file() else None
        except (OSError, ValueError):
            return None

    def clean_up(self) -> None:
        """Clear up what a killed process left half done; nobody may be writing it.

        Raises:
            OSError: the folder cannot be written to.
        """
        for unfinished in (*self.folder.glob(f"{UNFINISHED_BEST}*"), *self.folder.glob(f".{UNFINISHED_BEST}*")):
            shutil.rmtree(unfinished, ignore_errors=True)
        atomic_writes.remove_temporary(self.folder / TEST_PREDICTIONS)
        replaced = self.folder / REPLACED
        if replaced.exists() and not self.best.exists():
            replaced.replace(self.best)
        shutil.rmtree(replaced, ignore_errors=True)
