"""Models of runs to download: a zip of each, written when it is asked for, and served for an hour."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from pathlib import Path

from resnet_demo.models import model_folders
from resnet_demo.models.model_folders import Stamp
from resnet_demo.training.run import Run
from resnet_demo.training.run_export import export_model
from resnet_demo.ui.security.served_files import new_served_folder

KEPT = 4
KEPT_SECONDS = 3_600.0


class ModelDownloads:
    """The zips that a page serves, each in a folder whose name nobody can guess; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: OrderedDict[tuple[Path, Stamp | None], Path] = OrderedDict()

    def file_of(self, run: Run) -> Path:
        """The zip with the run's model, as `export_model` writes it; written once as long as the model is the same.

        Raises:
            AppError: the run has no model, or the disk is full.
        """
        key = run.folder, model_folders.stamp(run.artefacts.best)
        with self._lock:
            if key not in self._written or not self._written[key].is_file():
                file = new_served_folder() / f"{run.name}.zip"
                try:
                    export_model(run, file)
                except BaseException:
                    shutil.rmtree(file.parent, ignore_errors=True)
                    raise
                self._written[key] = file
                self._discard_later(file.parent)
            self._written.move_to_end(key)
            while len(self._written) > KEPT:
                shutil.rmtree(self._written.popitem(last=False)[1].parent, ignore_errors=True)
            return self._written[key]

    @staticmethod
    def _discard_later(folder: Path) -> None:
        timer = threading.Timer(KEPT_SECONDS, shutil.rmtree, [folder], {"ignore_errors": True})
        timer.daemon = True
        timer.start()
