"""The runs of a data home: all that are listed there, or one by its name; those that cannot be read with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.models.model_folders import NAME, RUNS, run_names
from resnet_demo.texts import AppError, Message
from resnet_demo.training.run import Run


@dataclass(frozen=True)
class Unreadable:
    """A run that is listed in the data home and cannot be read: its name there, and why."""

    name: str
    why: Message


def listing(home: Path) -> Iterator[Run | Unreadable]:
    """Every run that is listed in the data home, the newest first."""
    for name in run_names(home):
        place = home / RUNS / name
        try:
            yield Run.open(place)
        except AppError as error:
            if not is_empty(place):  # nothing came of it
                yield Unreadable(name, error.message)


def all_runs(home: Path) -> list[Run]:
    """Every run that is listed in the data home, the newest first; what cannot be read is passed over."""
    return [found for found in listing(home) if isinstance(found, Run)]


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
