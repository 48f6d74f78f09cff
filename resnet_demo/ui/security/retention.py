"""Retention limits for public pages: how many photos and runs of visitors are stored, and for how long."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from resnet_demo.data import dataset_storage
from resnet_demo.data.dataset_storage import DATASETS, HUB, PUBLIC_FOLDER
from resnet_demo.data.sample_photos import SAMPLES
from resnet_demo.data.upload_quota import delete_expired, folder_bytes, within_quota
from resnet_demo.jobs import queue
from resnet_demo.labs.lab_run import AnyRun, lab_runs
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run_folder import ACTIVE, ENDED

log = logging.getLogger(__name__)


def start_cleanup(settings: Settings, every_seconds: float) -> None:
    """Remove what killed processes left; on a public page, enforce the limits as long as the app runs."""
    threading.Thread(target=_run_forever, args=(settings, every_seconds), daemon=True).start()


def _run_forever(settings: Settings, every_seconds: float) -> None:
    remove_leftovers(settings.home)
    while not settings.local_paths_allowed:
        try:
            enforce_limits(settings)
        except Exception:  # a disk that is gone for a moment must not end it
            log.exception("What visitors left cannot be cleared up")
        time.sleep(every_seconds)


def remove_leftovers(home: Path) -> None:
    """Remove what processes left in the data home that were killed while they wrote; what is in use stays."""
    for datasets in (folder / place for folder in (home, home / PUBLIC_FOLDER) for place in (DATASETS, HUB, SAMPLES)):
        try:
            dataset_storage.remove_leftovers(datasets)
        except OSError as error:
            log.warning("What a killed process left cannot be removed: %s", error)
    try:
        queue.clean_up(home)
    except AppError as error:
        log.warning("What a killed process left cannot be removed: %s", error)


def enforce_limits(settings: Settings) -> None:
    """Stop runs that take too long, and delete photos and runs that are too old; only on a public page.

    Raises:
        AppError: a run cannot be stopped.
    """
    if settings.local_paths_allowed:
        return
    home = settings.home
    delete_expired(settings, needed_by_runs(home))
    needed = {run.config.parent for run in all_runs(home) if run.state() not in ENDED}
    for run in _public_runs(home):
        state = run.state()
        if state in ACTIVE:
            _stop_if_long(run, settings)
        elif state in ENDED and run.name not in needed and _age(run) > settings.keep_seconds:
            _delete(run, home)


def _delete(run: AnyRun, home: Path) -> None:
    try:
        queue.delete(run.name, home)
    except AppError:  # it must not keep the others here
        log.exception("A visitor's run cannot be deleted")


def _stop_if_long(run: AnyRun, settings: Settings) -> None:
    most = settings.max_training_seconds
    if most is None or _age(run, "launched") <= most:
        return
    if run.worker.stop_asked() is None:
        run.events.append("said", key="keeping.too_long", fields={"minutes": most // 60})
        queue.stop(run, settings.home, "keep")
    elif _age(run, "launched") > 2 * most:  # it does not heed it
        queue.stop(run, settings.home, "now")


def _age(run: AnyRun, *kinds: str) -> float:
    """Seconds since the newest event, of one of these kinds if any are named."""
    newest = run.events.newest(*kinds)
    return time.time() - newest["t"] if newest else 0.0


def _public_runs(home: Path) -> list[AnyRun]:
    """Runs that were begun on a public page."""
    runs: list[AnyRun] = [*all_runs(home), *lab_runs(home)]
    return [run for run in runs if run.facts.get("stranger") is True]


def needed_by_runs(home: Path) -> set[Path]:
    """Folders of photos that a training waits for or works with."""
    return {Path(run.config.data) for run in all_runs(home) if run.state() not in ENDED}


def within_storage_limit(settings: Settings) -> Settings:
    """The same settings, with the bytes to store limited to what visitors' photos and runs leave free.

    Raises:
        AppError: nothing is left free.
    """
    if settings.local_paths_allowed:
        return settings
    return within_quota(settings, sum(folder_bytes(run.folder) for run in _public_runs(settings.home)))
