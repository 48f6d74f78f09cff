"""Photos that strangers brought go in time, also while nobody visits the page."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from resnet_demo.data.stored import clear_away
from resnet_demo.settings import Settings
from resnet_demo.training.run import ENDED, all_runs

log = logging.getLogger(__name__)


def keep_clear(settings: Settings, every_seconds: float) -> None:
    """Begin to delete what is old, now and then, as long as the app runs; nothing where no stranger comes."""
    if not settings.local_paths_allowed:
        threading.Thread(target=_go_on, args=(settings, every_seconds), daemon=True).start()


def _go_on(settings: Settings, every_seconds: float) -> None:
    while True:
        try:
            clear_away(settings, needed_by_runs(settings.home))
        except Exception:  # a disk that is gone for a moment must not end it
            log.exception("Old photos cannot be cleared away")
        time.sleep(every_seconds)


def needed_by_runs(home: Path) -> set[Path]:
    """Folders of photos that a training waits for or works with."""
    return {Path(run.config.data) for run in all_runs(home) if run.state() not in ENDED}
