"""A run of an experiment: the same folder, queue and worker as a training, with `experiment.json` and `result.json`."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from resnet_demo.labs.configs import LabConfig
from resnet_demo.labs.context import LabStopped
from resnet_demo.labs.experiments import experiment_named, run_experiment
from resnet_demo.models.model_folders import RUNS, file_only, run_folder, run_names
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError
from resnet_demo.training import atomic_writes
from resnet_demo.training.listed_runs import Unreadable, is_empty, is_experiment
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import EXPERIMENT, RunFolder

RESULT, CHECKPOINTS = "result.json", "checkpoints"
LEAST_SECONDS = 0.5
"""Between two results that are written, the last one apart."""
MOST_RESULT_BYTES = 16 * MEGABYTE


@dataclass(frozen=True)
class LabRun(RunFolder):
    """A run of an experiment, known by its folder alone; everything is read from there when it is asked for."""

    settings_file: ClassVar[str] = EXPERIMENT

    @classmethod
    def create(
        cls,
        home: Path,
        experiment: str,
        config: LabConfig,
        facts: Mapping[str, Any],
        *,
        foreground_process: Process | None = None,
    ) -> LabRun:
        """A new run, queued; as `RunFolder.make`."""
        entries = {"experiment": experiment, "config": config.to_json(), "facts": dict(facts)}
        return cls.make(home, f"lab-{experiment}", entries, foreground_process=foreground_process)

    def check_settings(self) -> None:
        """As for every run; `config` is read."""
        self.config  # noqa: B018

    @property
    def experiment(self) -> str:
        """The name of the experiment."""
        name: str = self._entries["experiment"]
        return name

    @cached_property
    def config(self) -> LabConfig:
        """The settings that the run was made with."""
        return experiment_named(self.experiment).config.from_json(self._entries["config"])

    def words(self) -> list[str]:
        """The words of a command line that run the same again."""
        return ["lab", self.experiment, *self.config.arguments()]

    def result(self) -> dict[str, Any] | None:
        """What has been measured so far; None before the first figures.

        Raises:
            AppError: the file is damaged, or the disk refuses to read it.
        """
        try:
            with open(self.folder / RESULT, "rb", opener=file_only) as file:
                result = json.loads(file.read(MOST_RESULT_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise AppError("run.problem.damaged", folder=str(self.folder)) from error
        if not isinstance(result, dict) or result.get("experiment") != self.experiment:
            raise AppError("run.problem.damaged", folder=str(self.folder))
        return result

    def execute(self, settings: Settings) -> None:
        """Run the experiment, from its checkpoints if there are any; what becomes of it is in the events.

        Whoever calls holds the worker's lock.

        Raises:
            AppError: it cannot be run, or its folder cannot be written to.
        """
        self.events.append("started", experiment=self.experiment)
        written = 0.0
        latest: dict[str, Any] | None = None
        try:
            for latest in run_experiment(
                self.experiment,
                self.config,
                settings,
                stopped=lambda: self.worker.stop_asked() is not None,
                checkpoints=self.folder / CHECKPOINTS,
            ):
                if time.monotonic() - written >= LEAST_SECONDS:
                    self._write(latest)
                    written, latest = time.monotonic(), None
        except LabStopped:
            self._write(latest)
            self.events.append("stopped", how=self.worker.stop_asked() or "keep")
        else:
            self._write(latest)
            self.events.append("finished")

    def _write(self, result: Mapping[str, Any] | None) -> None:
        if result is not None:
            with atomic_writes.disk_errors(self.folder):
                atomic_writes.write_atomic(self.folder / RESULT, json.dumps(result))

    def clean_up(self) -> None:
        """As for every run; a result that is not finished goes, too."""
        super().clean_up()
        with atomic_writes.disk_errors(self.folder):
            atomic_writes.remove_temporary(self.folder / RESULT)


AnyRun = Run | LabRun


def run_at(folder: Path) -> AnyRun:
    """The run in a folder, or the one that it points to, of a training or an experiment; it need not be readable."""
    folder = run_folder(folder)
    return LabRun(folder) if is_experiment(folder) else Run(folder)


def open_run(folder: Path) -> AnyRun:
    """As `run_at`, read now.

    Raises:
        AppError: as `RunFolder.open`.
    """
    return type(run_at(folder)).open(folder)


def run_listing(home: Path) -> Iterator[AnyRun | Unreadable]:
    """Every run that is listed in the data home, of trainings and experiments, the newest first."""
    for name in run_names(home):
        place = home / RUNS / name
        try:
            yield open_run(place)
        except AppError as error:
            if not is_empty(place):  # nothing came of it
                yield Unreadable(name, error.message)


def lab_runs(home: Path) -> Iterator[LabRun]:
    """The runs of experiments in the data home, the newest first; what cannot be read is passed over."""
    for name in run_names(home):
        place = home / RUNS / name
        if is_experiment(place):
            with contextlib.suppress(AppError):
                yield LabRun.open(place)
