"""The trainings of a data home: all that are listed there, or one by its name; with the reason if it is unreadable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.models.model_folders import NAME, RUNS, run_names
from resnet_demo.texts import AppError, Message
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import EXPERIMENT


@dataclass(frozen=True)
class Unreadable:
    """A run that is listed in the data home and cannot be read: its name there, and why."""

    name: str
    why: Message


def listing(home: Path) -> Iterator[Run | Unreadable]:
    """Every training that is listed in the data home, the newest first."""
    for name in run_names(home):
        place = home / RUNS / name
        if is_experiment(place):
            continue
        try:
            yield Run.open(place)
        except AppError as error:
            if not is_empty(place):  # nothing came of it
                yield Unreadable(name, error.message)


def all_runs(home: Path) -> list[Run]:
    """Every training that is listed in the data home, the newest first; what cannot be read is passed over."""
    return [found for found in listing(home) if isinstance(found, Run)]


def is_experiment(place: Path) -> bool:
    """Whether the folder of a run is an experiment's."""
    return os.path.lexists(place / EXPERIMENT)


def is_empty(place: Path) -> bool:
    """Whether this is a folder, no link to one, with nothing in it: where somebody was killed who made a run."""
    try:
        return not place.is_symlink() and next(place.iterdir(), None) is None
    except OSError:
        return False


def find_run(home: Path, name: str) -> Run:
    """The run of this name.

    Raises:
        AppError: there is none.
    """
    if not NAME.fullmatch(name):
        raise AppError("run.problem.no_name", name=name[:100])
    return Run.open(home / RUNS / name)
