"""Whose turn it is: runs stand in line and one at a time is carried out; start, stop, resume, delete.

Everything is decided from the runs' folders, under one lock in the data home, so any number of pages, command lines
and ending workers may ask at once. Free of torch.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from resnet_demo.download import Progress
from resnet_demo.jobs import meeting, processes
from resnet_demo.models import places
from resnet_demo.models.places import NAME, RUNS
from resnet_demo.settings import PREFIX, Settings, expanded
from resnet_demo.texts import AppError
from resnet_demo.training import writing
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.events import Event
from resnet_demo.training.foreseen import check_memory, memory_share
from resnet_demo.training.listed_runs import is_empty
from resnet_demo.training.material import facts_of
from resnet_demo.training.process import Process
from resnet_demo.training.run import ACTIVE, DELETED, ENDED, NEW, Run, State, Stop

GRACE_SECONDS = 5.0
LOOK_SECONDS = 0.5

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _deciding(home: Path) -> Iterator[None]:
    """Inside, nobody else makes, starts, stops or removes a run of this data home.

    Raises:
        AppError: the disk is full, or the home cannot be written to.
    """
    runs = home / RUNS
    lock = FileLock(runs / ".lock")
    with writing.refusals(runs, "queue.problem.home"):
        runs.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def tidy(home: Path) -> None:
    """Clear up what processes left in the data home that were killed while they made or removed a run.

    Raises:
        AppError: the disk is full, or the home cannot be written to.
    """
    if os.path.isdir(home / RUNS):  # noqa: PTH112  Path's own raises where a folder above is closed
        with _deciding(home):
            _tidy(home / RUNS)


def _tidy(runs: Path) -> None:
    """As `tidy`, for whoever decides: nobody else works with what is called so."""
    for path in list(runs.iterdir()):
        if path.name.startswith((NEW, DELETED)):
            shutil.rmtree(path, ignore_errors=True)
        elif NAME.fullmatch(path.name):
            writing.remove_parts(path / places.POINTER)
            if is_empty(path):
                with contextlib.suppress(OSError):  # a disk that may only be read
                    path.rmdir()


def submit(
    config: TrainConfig, settings: Settings, progress: Progress | None = None, *, owner: str | None = None
) -> Run:
    """Make a run of these settings, to be carried out in the background when its turn comes; `owner` as for `make`.

    Raises:
        AppError: the photos cannot be used as they are, or the run's folder cannot be written.
    """
    run = make(config, settings, progress=progress, owner=owner)
    move_on(settings.home)
    return run


def make(
    config: TrainConfig,
    settings: Settings,
    *,
    folder: Path | None = None,
    waiter: Process | None = None,
    progress: Progress | None = None,
    owner: str | None = None,
) -> Run:
    """Look at the photos, split them, and put a run in line.

    Args:
        folder: where the run's folder shall be, if not in the data home.
        waiter: the process that will carry it out itself.
        progress: told photos looked at, and in all.
        owner: the secret of the page's visitor whom the run belongs to where strangers share the page.

    Raises:
        AppError: as `submit`.
    """
    config = located(config, settings)
    weights = {"weights": str(settings.weights.absolute()) if settings.weights else None}
    facts = facts_of(config, settings, progress) | weights | _owned(owner, settings)
    if meeting.alone():
        check_memory(config, facts, settings, idle=_active(settings.home) is None)
    with _deciding(settings.home):
        _tidy(settings.home / RUNS)
        return Run.create(settings.home, config, facts, folder=folder, waiter=waiter)


def _owned(owner: str | None, settings: Settings) -> dict[str, object]:
    """Whose a run is, whether strangers shared the page (theirs goes in time), and the memory that it may take."""
    share = memory_share(settings)
    limits = {} if share is None else {"max_memory": share}
    return limits | ({"owner": owner, "stranger": not settings.local_paths_allowed} if owner else {})


def located(config: TrainConfig, settings: Settings) -> TrainConfig:
    """The settings with whole paths, since a worker starts elsewhere; a model that has a name keeps it."""
    parent = config.parent
    if parent is not None and places.named(parent, settings) is None:
        folder = places.folder_of(parent, settings)
        parent = parent if folder is None else str(folder.absolute())
    return replace(config, data=str(expanded(config.data).absolute()), parent=parent)


def start_next(home: Path) -> Run | None:
    """Start the worker of the run whose turn it is, if there is one; gives it back. One that cannot be started fails.

    Pages call it while they show runs and workers when they end, so that the line moves on whoever is gone.

    Raises:
        AppError: none could be started, and of one that could not, not even that can be written down.
    """
    with _deciding(home):
        trouble: dict[Run, AppError] = {}
        while (run := _first(home, trouble)) is not None and not _waiter(run):
            try:
                if _start(run, home):
                    return run
            except AppError as error:
                trouble[run] = error
        if run is None and trouble:
            raise next(iter(trouble.values()))
        return None


def move_on(home: Path) -> None:
    """As `start_next`, for those who have done what they were asked: what is wrong with other runs is only logged."""
    try:
        start_next(home)
    except AppError as error:
        log.warning("The line of runs cannot move on: %s", error)


def wait_for_turn(run: Run, home: Path, me: Process, tell: Callable[[Run], None]) -> bool:
    """Stand in line with a run that this process will carry out itself; meanwhile the line moves on.

    Args:
        tell: is called with the run that goes before, each time that is another one.

    Returns:
        Whether it is this run's turn now; False if somebody took it out of the line.
    """
    told = None
    passed: set[Run] = set()
    while True:
        with _deciding(home):
            if run.state() != "queued":
                return False
            first = _first(home, passed)
            if first == run:
                run.launch(me)
                return True
            if first is not None and not _waiter(first):
                try:
                    _start(first, home)
                except AppError:
                    passed.add(first)
            before = first or _active(home)
        if before is not None and before != told:
            tell(before)
            told = before
        time.sleep(LOOK_SECONDS)


def stop(run: Run, home: Path, how: Stop) -> None:
    """Stop a run: `keep` once this step is done and saved; `now` ends all its processes, after a short grace.

    Raises:
        AppError: it is not running and not in line.
    """
    with _deciding(home):
        state = run.state()
        if state in ENDED:
            raise AppError("queue.problem.not_running", name=run.name)
        if state == "queued":
            run.append("stopped", how=how)
            return
        run.ask_stop(how)
    if how == "now":
        processes.end_all(run, GRACE_SECONDS)
        with _deciding(home):
            if run.state() == "lost":
                run.tidy()
                run.append("stopped", how=how)
        move_on(home)


def resume(run: Run, home: Path, *, more_epochs: int = 0, waiter: Process | None = None) -> None:
    """Put a run in line again, to go on from its newest checkpoint; without a `waiter` in the background.

    Raises:
        AppError: it is running or in line, or it is finished and no more epochs were asked for.
    """
    with _deciding(home):
        state = run.state()
        if state not in ENDED:
            raise AppError("queue.problem.going_on", name=run.name)
        if state == "finished" and not more_epochs:
            raise AppError("queue.problem.finished", name=run.name)
        if state == "lost":
            run.note_kill()
            processes.end_all(run, 0)  # what its worker has left behind
        run.queue_again(waiter=waiter, more_epochs=more_epochs)
    if waiter is None:
        move_on(home)


def note_kill(run: Run) -> None:
    """As `Run.note_kill`; where the folder cannot be written to, the run stays without a word."""
    with contextlib.suppress(AppError):
        run.note_kill()


def delete(name: str, home: Path) -> None:
    """Remove a run that is over from the data home; of one whose folder lies elsewhere, only the mention of it.

    Raises:
        AppError: there is no such run, it is running or in line, or it cannot be removed.
    """
    place = home / RUNS / name
    if name not in places.run_names(home) or (place.is_symlink() and _is_whole(_at(place))):
        raise AppError("run.problem.no_name", name=name[:100])
    with _deciding(home):
        _tidy(home / RUNS)
        if not _is_over(_at(place)):
            raise AppError("queue.problem.going_on", name=name)
        try:
            _remove(place)
        except OSError as error:
            reason = error.strerror or str(error)
            raise AppError("queue.problem.not_deleted", folder=str(place), reason=reason) from error


def _remove(place: Path) -> None:
    """Remove a folder, also what its owner has closed to himself, or a link; what stays of it is listed as before."""
    gone = place.with_name(f"{DELETED}{secrets.token_hex(4)}")
    place.replace(gone)
    try:
        if gone.is_symlink():
            gone.unlink()
            return
        _reopen(gone)
        for folder, inner, _ in os.walk(gone):  # looks into the inner ones once they are open
            for name in inner:
                _reopen(Path(folder, name))
        shutil.rmtree(gone)
    except OSError:
        with contextlib.suppress(OSError):
            gone.replace(place)
        raise


def _reopen(folder: Path) -> None:
    if not folder.is_symlink() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        with contextlib.suppress(OSError):  # another user's, or a disk that may only be read
            folder.chmod(0o700)


def _start(run: Run, home: Path) -> bool:
    """Start a run's worker; one that cannot be started has failed.

    Raises:
        AppError: not even that can be written down; whoever was started then ends by itself, for nobody named it.
    """
    try:
        run.check_writable()
        worker = processes.start_worker(run, home)
    except OSError as error:
        run.append("failed", key="queue.problem.not_started", fields={"reason": str(error)})
        return False
    run.launch(worker)
    return True


def _listed(home: Path) -> dict[Run, State]:
    """How every run stands, those passed over that cannot be read.

    Their settings, which may hold the split of many photos, are not read for that.
    """
    states = {}
    for name in places.run_names(home):
        run = _at(home / RUNS / name)
        with contextlib.suppress(AppError):
            states[run] = run.state()
    return states


def _active(home: Path) -> Run | None:
    return next((run for run, state in _listed(home).items() if state in ACTIVE and _is_whole(run)), None)


def _at(place: Path) -> Run:
    """The run that a folder of the data home holds or points to, whether or not it can be read."""
    return Run(places.run_folder(place))


def _is_whole(run: Run) -> bool:
    try:
        return Run.open(run.folder) == run
    except AppError:
        return False


def _first(home: Path, passed: Collection[Run] = ()) -> Run | None:
    """The run whose turn it is: none while one is carried out, else the one that has been in line for longest.

    Args:
        passed: those that could not be started; no other is held up by them.
    """
    states = _listed(home)
    if any(state in ACTIVE and _is_whole(run) for run, state in states.items()):
        return None
    # One whose disk was taken away, or may only be read, does not hold up the others.
    waiting = [
        (run.queued["t"], run.folder.name, run)
        for run, state in states.items()
        if state == "queued" and run not in passed and os.access(run.folder, os.W_OK)
    ]
    waiting.sort(key=lambda entry: entry[:2])
    return next((run for _, _, run in waiting if _is_whole(run)), None)


def _waiter(run: Run) -> Process | None:
    """The process that waits to carry the run out itself."""
    return Process.told_by(run.queued)


def _is_over(run: Run) -> bool:
    """Whether nobody needs the run any more; one that cannot be read is not in line, whatever it says."""
    try:
        state = run.state()
    except AppError:
        return not run.worker_lives()
    return state in ENDED or (state == "queued" and not _is_whole(run))


def repeat_command(run: Run, settings: Settings, started: Event | None = None) -> str:
    """The line for a shell that does the same again; `started` is the newest event of this kind, for who knows it."""
    count = (started or run.newest("started") or {}).get("processes", 1)
    python = ["python"] if count == 1 else ["torchrun", "--nproc-per-node", str(count)]
    words = [*python, "-m", "resnet_demo", *settings.home_flag, "train", *run.config.arguments()]
    weights = run.facts.get("weights")
    return (f"{PREFIX}WEIGHTS={shlex.quote(str(weights))} " if weights else "") + shlex.join(words)
