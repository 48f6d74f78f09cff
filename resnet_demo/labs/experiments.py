"""The register of experiments: the name, the settings and the function of each. Free of torch until one is run."""

from __future__ import annotations

import difflib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from resnet_demo.labs import configs
from resnet_demo.labs.configs import LabConfig
from resnet_demo.labs.context import Figures, LabContext, never
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

LABS = "labs"
"""The folder in the data home for checkpoints of experiments."""


@dataclass(frozen=True)
class Experiment:
    """One experiment: its settings, and the module of this folder whose `run` yields figures as they come."""

    name: str
    config: type[LabConfig]
    module: str

    def run(self, config: LabConfig, context: LabContext) -> Iterator[Figures]:
        """Measure; the last figures are the final ones.

        Raises:
            LabStopped: `context.stopped` said so.
            AppError: it cannot be run; the sentence says why.
        """
        figures: Iterator[Figures] = import_module(f"resnet_demo.labs.{self.module}").run(config, context)
        return figures


def experiment_named(name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        AppError: there is none; the message gives the nearest name and all.
    """
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    nearest = difflib.get_close_matches(name, EXPERIMENTS, n=1, cutoff=0)[0]
    raise AppError("lab.problem.unknown", name=name[:80], nearest=nearest, names=", ".join(EXPERIMENTS))


def run_experiment(
    name: str, config: LabConfig, settings: Settings, stopped: Callable[[], bool] = never
) -> Iterator[dict[str, Any]]:
    """Run an experiment; yields its whole result so far whenever there are new figures, the last one being final.

    A result names the experiment, the command that repeats it, its settings, the machine and the seconds that it took,
    those before an interruption not counted; then come its figures. What trains networks keeps checkpoints in the data
    home, so that a call with the same settings goes on where another one ended.

    Raises:
        LabStopped: `stopped` said so.
        AppError: no such experiment, or it cannot be run; the sentence says why.
    """
    experiment = experiment_named(name)
    from resnet_demo.labs.machine import description

    context = LabContext(settings, checkpoint_folder(name, config, settings), stopped)
    command = " ".join(["python -m resnet_demo lab", name, *config.arguments()])
    started = time.perf_counter()
    for figures in experiment.run(config, context):
        yield {
            "experiment": name,
            "command": command,
            "settings": asdict(config),
            "machine": description(),
            "seconds": round(time.perf_counter() - started, 2),
            **figures,
        }


def checkpoint_folder(name: str, config: LabConfig, settings: Settings) -> Path:
    """Where an experiment with these settings keeps its checkpoints; it need not exist."""
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()
    return settings.home / LABS / f"{name}-{digest[:12]}"


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment("blocks", configs.Blocks, "block_costs"),
        Experiment("degradation", configs.Degradation, "degradation"),
        Experiment("family", configs.Family, "family"),
        Experiment("gradients", configs.Gradients, "gradients"),
        Experiment("identity", configs.Identity, "identity"),
        Experiment("landscape", configs.Landscape, "landscape"),
        Experiment("paths", configs.Paths, "paths"),
        Experiment("schedules", configs.Schedules, "schedules"),
        Experiment("shortcuts", configs.Shortcuts, "shortcuts"),
        Experiment("twins", configs.Twins, "twins"),
    )
}
"""Every experiment by its name; the command line and all lists of experiments come from here."""
