"""What strangers leave on a public page: photos and runs are bounded, and go in time, also while nobody visits."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from resnet_demo.data import staging
from resnet_demo.data.intake import SAMPLES
from resnet_demo.data.staging import DATASETS, HUB, STRANGERS
from resnet_demo.data.stored import bounded, clear_away, stored_bytes
from resnet_demo.jobs import queue
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import ACTIVE, ENDED, Run

log = logging.getLogger(__name__)


def keep_clear(settings: Settings, every_seconds: float) -> None:
    """Clear up what killed processes left; where strangers come, go on to clear up as long as the app runs."""
    threading.Thread(target=_go_on, args=(settings, every_seconds), daemon=True).start()


def _go_on(settings: Settings, every_seconds: float) -> None:
    remove_leftovers(settings.home)
    while not settings.local_paths_allowed:
        try:
            clear_up(settings)
        except Exception:  # a disk that is gone for a moment must not end it
            log.exception("What strangers left cannot be cleared up")
        time.sleep(every_seconds)


def remove_leftovers(home: Path) -> None:
    """Clear up what processes left in the data home that were killed while they wrote; what is in use stays."""
    for datasets in (folder / place for folder in (home, home / STRANGERS) for place in (DATASETS, HUB, SAMPLES)):
        try:
            staging.remove_leftovers(datasets)
        except OSError as error:
            log.warning("What a killed process left cannot be removed: %s", error)
    try:
        queue.tidy(home)
    except AppError as error:
        log.warning("What a killed process left cannot be removed: %s", error)


def clear_up(settings: Settings) -> None:
    """Stop what takes too long, and delete what is too old; nothing where no stranger comes.

    Raises:
        AppError: a run cannot be stopped.
    """
    if settings.local_paths_allowed:
        return
    home = settings.home
    clear_away(settings, needed_by_runs(home))
    needed = {run.config.parent for run in all_runs(home) if run.state() not in ENDED}
    for run in _of_strangers(home):
        state = run.state()
        if state in ACTIVE:
            _stop_if_long(run, settings)
        elif state in ENDED and run.name not in needed and _age(run) > settings.keep_seconds:
            _delete(run, home)


def _delete(run: Run, home: Path) -> None:
    try:
        queue.delete(run.name, home)
    except AppError:  # it must not keep the others here
        log.exception("A stranger's run cannot be deleted")


def _stop_if_long(run: Run, settings: Settings) -> None:
    most = settings.max_training_seconds
    if most is None or _age(run, "launched") <= most:
        return
    if run.stop_asked() is None:
        run.append("said", key="keeping.too_long", fields={"minutes": most // 60})
        queue.stop(run, settings.home, "keep")
    elif _age(run, "launched") > 2 * most:  # it does not heed it
        queue.stop(run, settings.home, "now")


def _age(run: Run, *kinds: str) -> float:
    """Seconds since the newest event, of one of these kinds if any are named."""
    newest = run.newest(*kinds)
    return time.time() - newest["t"] if newest else 0.0


def _of_strangers(home: Path) -> list[Run]:
    """Runs that were begun on a public page."""
    return [run for run in all_runs(home) if run.facts.get("stranger") is True]


def needed_by_runs(home: Path) -> set[Path]:
    """Folders of photos that a training waits for or works with."""
    return {Path(run.config.data) for run in all_runs(home) if run.state() not in ENDED}


def room(settings: Settings) -> Settings:
    """The same settings with no more to store than there is room for beside strangers' photos and runs.

    Raises:
        AppError: there is no room left.
    """
    if settings.local_paths_allowed:
        return settings
    return bounded(settings, sum(stored_bytes(run.folder) for run in _of_strangers(settings.home)))
