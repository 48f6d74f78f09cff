"""`python -m resnet_demo train`: train a network on the photos of a folder."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from resnet_demo.commands import foreground
from resnet_demo.commands.photo_folder import photo_folder
from resnet_demo.commands.progress import say, scanning_bar
from resnet_demo.commands.report import survey
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.jobs import queue, rendezvous
from resnet_demo.models import model_folders, variants
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TRAIN_SETTINGS, TrainConfig
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.presets import PRESETS, USUAL_SIZE
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.training_forecast import Forecast, Photos, forecast, time_presets


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command, with a flag for every setting."""
    said = text("cli.help.train", language)
    train = commands.add_parser("train", help=said, description=said)
    train.set_defaults(run=run_train)
    train.add_argument("--out", type=Path, metavar="DIR", help=text("cli.help.out", language))
    train.add_argument("--dry-run", action="store_true", help=text("cli.help.dry_run", language))
    train.add_argument("--strict", action="store_true", help=text("cli.help.strict", language))
    TrainConfig.add_flags(train, language)


def run_train(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Create a run and execute it here; with `--out` of an interrupted run, resume that."""
    _name_weights(arguments, settings)
    given = queue.with_absolute_paths(TrainConfig.from_arguments(arguments), settings)
    if arguments.dry_run:
        config = _with_folder(given, settings, language)
        _say_report(config, settings, language, strict=arguments.strict)
        return _say_forecast(config, settings, language)
    folder = arguments.out and Path(os.path.realpath(expanded(arguments.out)))  # Path's own raises where links go round

    def make(me: Process) -> Run:
        config = _with_folder(given, settings, language)
        if folder and any(folder == run.folder for run in all_runs(settings.home)):
            run = Run.open(folder)
            if run.config != config:
                raise AppError("run.problem.in_use", folder=str(folder))
            queue.resume(run, settings.home, foreground_process=me)
            return run
        _say_report(config, settings, language, strict=arguments.strict)
        with scanning_bar(language) as progress:
            run = queue.create(config, settings, folder=folder, foreground_process=me, progress=progress)
        if rendezvous.is_single_process():  # several share the steps, and nobody timed that
            _say_time(config, settings, language)
        return run

    return foreground.run_in_foreground(make, settings, language)


def _name_weights(arguments: argparse.Namespace, settings: Settings) -> None:
    """With `--from` a file of weights `--variant` says which network's they are, as in `resnet34:FILE`."""
    given = vars(arguments)
    parent, variant = given.get("parent"), given.get("variant")
    file = model_folders.file_of(parent, settings) if parent else None
    if file is not None and file.variant is None and variant is not None:
        variants.get(variant)
        given.update(parent=f"{variant}:{parent}", variant=None)
    if given.get("labels") is not None and file is None:
        raise AppError("inference.problem.no_weights_file", model=parent or variant or "")


def _with_folder(config: TrainConfig, settings: Settings, language: str) -> TrainConfig:
    """The settings with a folder of photos where an archive was given."""
    return replace(config, data=photo_folder(config.data, settings, language))


def _say_report(config: TrainConfig, settings: Settings, language: str, *, strict: bool) -> None:
    """What was understood of the folder and what stands out.

    Raises:
        AppError: there is something of that kind, and `strict`.
    """
    found = survey(config, settings, language)
    for line in found.lines(language):
        say(line)
    if strict and found.is_serious:
        raise AppError("report.problem.strict", folder=found.dataset.name)


def _forecast(config: TrainConfig, settings: Settings, language: str) -> Forecast:
    """What the training comes to here, its steps timed."""
    with scanning_bar(language) as progress:
        dataset = open_dataset(
            Path(config.data), settings.home, progress, max_pixels=settings.max_pixels, reading=config.reading
        )
    photos = Photos.of(dataset, config)
    say(text("cli.train.timing", language))
    time_presets(config, photos, settings)
    from resnet_demo.training import step_timing  # brings torch

    decoding = step_timing.decoding_seconds(photos.paths, USUAL_SIZE, settings)
    return forecast(config, photos, settings, decoding=decoding)


def _say_time(config: TrainConfig, settings: Settings, language: str) -> None:
    taken = _forecast(config, settings, language).time_text(config.preset, language)
    if taken is not None:
        say(text("cli.train.time", language, time=taken))


def _say_forecast(config: TrainConfig, settings: Settings, language: str) -> int:
    """Every preset with the time that it takes here, then what would be done."""
    told = _forecast(config, settings, language)
    for name in PRESETS:
        label = TRAIN_SETTINGS["preset"].choice_label(name).say(language)
        taken = told.time_text(name, language)
        say(f"{'*' if name == config.preset else ' '} {label}" + (f" ({taken})" if taken else ""))
    for heading, said in (*told.summary(language), *told.details(language)):
        say(f"  {heading}: {said}")
    return foreground.DONE
