"""`python -m resnet_demo runs`: list, show, stop, resume, rename, export and delete runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from resnet_demo.commands import foreground
from resnet_demo.commands.progress import say
from resnet_demo.jobs import queue, rendezvous
from resnet_demo.labs.lab_run import AnyRun, LabRun, open_run, run_listing
from resnet_demo.models.model_folders import NAME, RUNS
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.event_text import best_epoch_text, event_text
from resnet_demo.training.listed_runs import Unreadable, find_run
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_export import export_model

DONE = 0
LAST_SENTENCES = 10
MOST_EPOCHS = 1_000


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command and its own commands; alone it lists."""

    def whole(value: str) -> int:
        return _whole(value, language)

    runs = _parser(commands, "runs", text("cli.help.runs", language))
    runs.set_defaults(run=run_list)
    acts = runs.add_subparsers(metavar="ACT")
    _parser(acts, "list", text("cli.help.runs_list", language))
    show = _parser(acts, "show", text("cli.help.runs_show", language))
    show.set_defaults(run=run_show)
    stop = _parser(acts, "stop", text("cli.help.runs_stop", language))
    stop.set_defaults(run=run_stop)
    stop.add_argument("--now", action="store_true", help=text("cli.help.runs_now", language))
    resume = _parser(acts, "resume", text("cli.help.runs_resume", language))
    resume.set_defaults(run=run_resume)
    more = text("cli.help.more_epochs", language)
    resume.add_argument("--more-epochs", type=whole, default=0, metavar="N", help=more)
    resume.add_argument("--foreground", action="store_true", help=text("cli.help.foreground", language))
    delete = _parser(acts, "delete", text("cli.help.runs_delete", language))
    delete.set_defaults(run=run_delete)
    rename = _parser(acts, "rename", text("cli.help.runs_rename", language))
    rename.set_defaults(run=run_rename)
    export = _parser(acts, "export", text("cli.help.runs_export", language))
    export.set_defaults(run=run_export)
    for act in (show, stop, resume, delete, rename, export):
        act.add_argument("name", metavar="RUN", help=text("cli.help.run_name", language))
    rename.add_argument("title", metavar="NAME", help=text("cli.help.run_title", language))
    export.add_argument("file", type=Path, metavar="FILE", help=text("cli.help.run_file", language))


def _parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, said: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=said, description=said)


def _whole(value: str, language: str) -> int:
    if not value.isdecimal() or int(value[:9]) > MOST_EPOCHS:
        raise argparse.ArgumentTypeError(text("cli.problem.more_epochs", language, value=value, most=MOST_EPOCHS))
    return int(value)


def run_list(arguments: argparse.Namespace, settings: Settings, language: str) -> int:  # noqa: ARG001
    """List the runs of trainings and experiments, the newest first, one to a line."""
    found = list(run_listing(settings.home))
    for one in found:
        say(_summary(one, language))
    if not found:
        say(text("cli.runs.none", language))
    return DONE


def _found(settings: Settings, name: str) -> AnyRun:
    """The run of this name, a training's or an experiment's.

    Raises:
        AppError: there is none.
    """
    if not NAME.fullmatch(name):
        raise AppError("run.problem.no_name", name=name[:100])
    return open_run(settings.home / RUNS / name)


def _summary(found: AnyRun | Unreadable, language: str) -> str:
    try:
        if not isinstance(found, Unreadable):
            queue.note_kill(found)
            state = text(f"run.state.{found.state()}", language)
            return f"{_named(found)}  {state}  {best_epoch_text(found.events.all(), language)}"
        why = found.why
    except AppError as error:  # it could be read a moment ago
        why = error.message
    return f"{found.name}  {text('run.state.unreadable', language)}  {why.say(language)}"


def _named(run: AnyRun) -> str:
    """A run's name, by which commands know it, and its title."""
    return "  ".join(filter(None, (run.name, run.title)))


def run_show(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Show a run's state, folder, command and last events."""
    run = _found(settings, arguments.name)
    queue.note_kill(run)
    say(f"{_named(run)}  {text(f'run.state.{run.state()}', language)}  {best_epoch_text(run.events.all(), language)}")
    say(str(run.folder))
    say(queue.repeat_command(run, settings))
    sentences = [said for event in run.events.all() if (said := event_text(event, language))]
    for said in sentences[-LAST_SENTENCES:]:
        say(said)
    return DONE


def run_stop(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Ask a run to stop, or end it."""
    run = _found(settings, arguments.name)
    queue.stop(run, settings.home, "now" if arguments.now else "keep")
    say(f"{run.name}  {text(f'run.state.{run.state()}', language)}")
    return DONE


def run_resume(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Resume a run, in the background unless asked otherwise; under torchrun always here."""

    def make(me: Process) -> Run:
        training = find_run(settings.home, arguments.name)
        queue.resume(training, settings.home, more_epochs=arguments.more_epochs, foreground_process=me)
        return training

    run = _found(settings, arguments.name)
    here = arguments.foreground or not rendezvous.is_single_process()
    if isinstance(run, LabRun) and (here or arguments.more_epochs):
        raise AppError("cli.runs.experiment", command=queue.repeat_command(run, settings))
    if here:
        return foreground.run_in_foreground(make, settings, language)
    queue.resume(run, settings.home, more_epochs=arguments.more_epochs)
    say(f"{run.name}  {text(f'run.state.{run.state()}', language)}")
    return DONE


def run_delete(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Remove a run from this disk."""
    queue.delete(arguments.name, settings.home)
    say(text("cli.runs.deleted", language, name=arguments.name))
    return DONE


def run_rename(arguments: argparse.Namespace, settings: Settings, language: str) -> int:  # noqa: ARG001
    """Give a run a title; all commands go on to know it by its name."""
    run = _found(settings, arguments.name)
    run.rename(arguments.title)
    say(_named(run))
    return DONE


def run_export(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Write the best model of a run to a zip."""
    run = find_run(settings.home, arguments.name)
    export_model(run, arguments.file)
    say(text("cli.runs.exported", language, name=run.name, file=str(arguments.file)))
    return DONE
