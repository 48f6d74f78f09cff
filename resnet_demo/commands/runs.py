"""`python -m resnet_demo runs`: list, show, stop, resume and delete runs."""

from __future__ import annotations

import argparse

from resnet_demo.commands import foreground
from resnet_demo.commands.progress import say
from resnet_demo.jobs import meeting, queue
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.listed_runs import Unreadable, find_run, listing
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.sentences import best_of, sentence_of

DONE = 0
LAST_SENTENCES = 10


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], language: str) -> None:
    """Add the command and its own commands; alone it lists."""
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
    resume.add_argument("--more-epochs", type=_whole, default=0, metavar="N", help=more)
    resume.add_argument("--foreground", action="store_true", help=text("cli.help.foreground", language))
    delete = _parser(acts, "delete", text("cli.help.runs_delete", language))
    delete.set_defaults(run=run_delete)
    for act in (show, stop, resume, delete):
        act.add_argument("name", metavar="NAME", help=text("cli.help.run_name", language))


def _parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, said: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=said, description=said)


def _whole(value: str) -> int:
    number = int(value)
    if not 0 <= number <= 1_000:
        raise argparse.ArgumentTypeError(value)
    return number


def run_list(arguments: argparse.Namespace, settings: Settings, language: str) -> int:  # noqa: ARG001
    """A line for each run, the newest first."""
    none = True
    for found in listing(settings.home):
        say(_line(found, language))
        none = False
    if none:
        say(text("cli.runs.none", language))
    return DONE


def _line(found: Run | Unreadable, language: str) -> str:
    try:
        if isinstance(found, Run):
            queue.note_kill(found)
            state = text(f"run.state.{found.state()}", language)
            return f"{found.name}  {state}  {best_of(found.events(), language)}"
        why = found.why
    except AppError as error:  # it could be read a moment ago
        why = error.message
    return f"{found.name}  {text('run.state.unreadable', language)}  {why.say(language)}"


def run_show(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """How a run stands, where it lies, what it was asked to do and what happened last."""
    run = find_run(settings.home, arguments.name)
    queue.note_kill(run)
    say(f"{run.name}  {text(f'run.state.{run.state()}', language)}  {best_of(run.events(), language)}")
    say(str(run.folder))
    say(queue.repeat_command(run, settings))
    sentences = [said for event in run.events() if (said := sentence_of(event, language))]
    for said in sentences[-LAST_SENTENCES:]:
        say(said)
    return DONE


def run_stop(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Ask a run to stop, or end it."""
    run = find_run(settings.home, arguments.name)
    queue.stop(run, settings.home, "now" if arguments.now else "keep")
    say(f"{run.name}  {text(f'run.state.{run.state()}', language)}")
    return DONE


def run_resume(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Let a run go on, in the background unless asked otherwise; under torchrun always here."""

    def make(me: Process) -> Run:
        queue.resume(run, settings.home, more_epochs=arguments.more_epochs, waiter=me)
        return run

    run = find_run(settings.home, arguments.name)
    if arguments.foreground or not meeting.alone():
        return foreground.carry_out(make, settings, language)
    queue.resume(run, settings.home, more_epochs=arguments.more_epochs)
    say(f"{run.name}  {text(f'run.state.{run.state()}', language)}")
    return DONE


def run_delete(arguments: argparse.Namespace, settings: Settings, language: str) -> int:
    """Remove a run from this disk."""
    queue.delete(arguments.name, settings.home)
    say(text("cli.runs.deleted", language, name=arguments.name))
    return DONE
