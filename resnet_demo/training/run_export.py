"""The best model of a run as one file, to take it elsewhere: a zip of its folder."""

from __future__ import annotations

import secrets
import zipfile
from pathlib import Path

from resnet_demo.models import model_folders
from resnet_demo.models.model_folders import WEIGHTS
from resnet_demo.texts import AppError
from resnet_demo.training import atomic_writes
from resnet_demo.training.run import Run

TRIES = 3


def export_model(run: Run, file: Path) -> None:
    """Write a zip that holds the best model of a run, in a folder of the run's name; once unpacked it loads as it did.

    Nothing is compressed: weights hardly get smaller. A run that goes on may keep a better model meanwhile; then that
    one is taken.

    Args:
        file: appears whole or not at all, in place of another one.

    Raises:
        AppError: the run has no model yet, or the file cannot be written.
    """
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        for _ in range(TRIES):
            before = model_folders.stamp(run.artefacts.best)
            if before is None:
                break
            with atomic_writes.disk_errors(file.parent, "run.problem.not_exported"):
                if _write(run, part) and model_folders.stamp(run.artefacts.best) == before:
                    part.replace(file)
                    return
        raise AppError("run.problem.no_model", name=run.name)
    finally:
        part.unlink(missing_ok=True)


def _write(run: Run, part: Path) -> bool:
    """Whether the folder could be read to its end; it is replaced by the run's worker."""
    names = sorted(path.name for path in run.artefacts.best.glob("*") if path.is_file())
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            try:
                archive.write(run.artefacts.best / name, f"{run.name}/{name}")
            except FileNotFoundError:
                return False
    return WEIGHTS in names
