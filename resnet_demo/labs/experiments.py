"""The register of experiments: the name, the settings and the function of each. Free of torch until one is run."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from resnet_demo.labs import configs
from resnet_demo.labs.configs import LabConfig
from resnet_demo.labs.context import Figures, LabContext, never
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError


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
    name: str,
    config: LabConfig,
    settings: Settings,
    stopped: Callable[[], bool] = never,
    checkpoints: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Run an experiment; yields its whole result so far whenever there are new figures, the last one being final.

    A result names the experiment, the command that repeats it, its settings, the machine and the seconds that it took,
    those before an interruption not counted; then come its figures.

    Args:
        stopped: asked again and again whether to end at once.
        checkpoints: a folder, where what trains networks keeps checkpoints: a call with the same settings and the same
            folder goes on where another one ended. Without one, nothing is kept.

    Raises:
        LabStopped: `stopped` said so.
        AppError: no such experiment, or it cannot be run; the sentence says why.
    """
    experiment = experiment_named(name)
    from resnet_demo.labs.machine import description

    command = " ".join(["python -m resnet_demo lab", name, *config.arguments()])
    started = time.perf_counter()
    with ExitStack() as stack:
        folder = checkpoints or Path(stack.enter_context(TemporaryDirectory(prefix="resnet-demo-lab-")))
        for figures in experiment.run(config, LabContext(settings, folder, stopped)):
            yield {
                "experiment": name,
                "command": command,
                "settings": config.to_json(),
                "machine": description(),
                "seconds": round(time.perf_counter() - started, 2),
                **figures,
            }


def epochs_of(config: LabConfig) -> int:
    """How many epochs of training an experiment with these settings has; 0 for one that trains nothing."""
    return len(config.trainings()) * config.epochs if isinstance(config, configs.Training) else 0


def epochs_done(figures: object) -> int:
    """How many epochs of training there are figures of, in a result that need not be finished."""
    if isinstance(figures, list):
        return sum(map(epochs_done, figures))
    if not isinstance(figures, dict):
        return 0
    errors = figures.get("train_error")
    own = len(errors) if isinstance(errors, list) else int(isinstance(errors, float))
    return own + sum(epochs_done(value) for name, value in figures.items() if name not in {"settings", "findings"})


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
