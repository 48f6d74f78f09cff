"""A training's run: its settings, and its folder's subjects, each with a reader of its own.

Beside what each run's folder holds, `config.json` are the settings, `last-<step>/` are checkpoints, `best/` is a saved
model, and `test.safetensors` the predictions on the test photos.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from resnet_demo.training import atomic_writes
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.process import Process
from resnet_demo.training.run_artefacts import RunArtefacts
from resnet_demo.training.run_checkpoints import RunCheckpoints
from resnet_demo.training.run_folder import RunFolder

CONFIG = "config.json"


@dataclass(frozen=True)
class Run(RunFolder):
    """A training, known by its folder alone; everything is read from there when it is asked for."""

    settings_file: ClassVar[str] = CONFIG

    @classmethod
    def create(
        cls,
        home: Path,
        config: TrainConfig,
        facts: Mapping[str, Any],
        *,
        folder: Path | None = None,
        foreground_process: Process | None = None,
    ) -> Run:
        """A new run, queued; as `make`.

        Args:
            facts: what else the run is made from, plain JSON: data and its fingerprint, split, versions.
        """
        entries = {"config": config.to_json(), "facts": dict(facts)}
        return cls.make(home, _slug(config), entries, folder=folder, foreground_process=foreground_process)

    def check_settings(self) -> None:
        """As for every run; `config` is read."""
        self.config  # noqa: B018

    @cached_property
    def config(self) -> TrainConfig:
        """The settings that the run was made with."""
        return TrainConfig.from_json(self._entries["config"])

    @property
    def checkpoints(self) -> RunCheckpoints:
        """What it is resumed from."""
        return RunCheckpoints(self.folder)

    @property
    def artefacts(self) -> RunArtefacts:
        """What it has made: the best model, and the predictions on the test photos."""
        return RunArtefacts(self.folder)

    def clean_up(self) -> None:
        """As for every run; checkpoints and models that are not finished go, too."""
        super().clean_up()
        with atomic_writes.disk_errors(self.folder):
            self.checkpoints.clean_up()
            self.artefacts.clean_up()


def _slug(config: TrainConfig) -> str:
    """The data set's name and the variant, in letters that every file system and address bar takes."""
    plain = unicodedata.normalize(
        "NFKD", f"{Path(config.data).name} {Path(config.parent or config.network).name}"
    ).encode("ascii", "ignore")
    return "-".join(re.findall(r"[0-9a-z]+", plain.decode().lower()))[:60].strip("-")
