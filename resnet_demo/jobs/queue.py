"""The queue of runs: one is executed at a time; submit, stop, resume and delete.

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
from resnet_demo.jobs import processes, rendezvous
from resnet_demo.labs import memory_estimate
from resnet_demo.labs.configs import LabConfig
from resnet_demo.labs.lab_run import AnyRun, LabRun, open_run, run_at
from resnet_demo.models import model_folders
from resnet_demo.models.model_folders import NAME, RUNS
from resnet_demo.settings import PREFIX, Settings, expanded
from resnet_demo.texts import AppError, text
from resnet_demo.training import atomic_writes
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import facts_of
from resnet_demo.training.events import Event
from resnet_demo.training.listed_runs import is_empty
from resnet_demo.training.memory_forecast import check_memory, max_training_memory
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ACTIVE, DELETED, ENDED, NEW, RunFolder, State
from resnet_demo.training.worker_state import Stop

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _queue_lock(home: Path) -> Iterator[None]:
    """A block in which no other process creates, starts, stops or removes a run of this data home.

    Raises:
        AppError: the disk is full, or the home cannot be written to.
    """
    runs = home / RUNS
    lock = FileLock(runs / ".lock")
    with atomic_writes.disk_errors(runs, "queue.problem.home"):
        runs.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def clean_up(home: Path) -> None:
    """Clear up what processes left in the data home that were killed while they made or removed a run.

    Raises:
        AppError: the disk is full, or the home cannot be written to.
    """
    if os.path.isdir(home / RUNS):  # noqa: PTH112  Path's own raises where a folder above is closed
        with _queue_lock(home):
            _clean_up(home / RUNS)


def _clean_up(runs: Path) -> None:
    """As `clean_up`, for whoever holds the queue's lock."""
    for path in list(runs.iterdir()):
        if path.name.startswith((NEW, DELETED)):
            shutil.rmtree(path, ignore_errors=True)
        elif NAME.fullmatch(path.name):
            atomic_writes.remove_temporary(path / model_folders.POINTER)
            if is_empty(path):
                with contextlib.suppress(OSError):  # a disk that may only be read
                    path.rmdir()


def submit(
    config: TrainConfig, settings: Settings, progress: Progress | None = None, *, owner: str | None = None
) -> Run:
    """Create a run, to be executed in the background when its turn comes; `owner` as for `create`.

    Raises:
        AppError: the photos cannot be used as they are, or the run's folder cannot be written.
    """
    run = create(config, settings, progress=progress, owner=owner)
    advance(settings.home)
    return run


def create(
    config: TrainConfig,
    settings: Settings,
    *,
    folder: Path | None = None,
    foreground_process: Process | None = None,
    progress: Progress | None = None,
    owner: str | None = None,
) -> Run:
    """Scan the photos, split them, and queue a run.

    Args:
        folder: where the run's folder shall be, if not in the data home.
        foreground_process: the process that will execute it itself.
        progress: called with the photos scanned so far and their total.
        owner: the secret of the page's visitor whom the run belongs to on a public page.

    Raises:
        AppError: as `submit`.
    """
    config = with_absolute_paths(config, settings)
    weights = {"weights": str(settings.weights.absolute()) if settings.weights else None}
    facts = facts_of(config, settings, progress) | weights | _owned(owner, settings)
    if rendezvous.is_single_process():
        check_memory(config, facts, settings, idle=_active(settings.home) is None)
    with _queue_lock(settings.home):
        _clean_up(settings.home / RUNS)
        run = Run.create(settings.home, config, facts, folder=folder, foreground_process=foreground_process)
    run.log.write("\n".join(text(one["key"], **one["fields"]) for one in facts["report"]))
    return run


def submit_experiment(experiment: str, config: LabConfig, settings: Settings, *, owner: str | None = None) -> LabRun:
    """Create a run of an experiment, to be executed in the background when its turn comes; `owner` as for `create`.

    Raises:
        AppError: it cannot fit into memory, or the run's folder cannot be written.
    """
    run = create_experiment(experiment, config, settings, owner=owner)
    advance(settings.home)
    return run


def create_experiment(
    experiment: str,
    config: LabConfig,
    settings: Settings,
    *,
    foreground_process: Process | None = None,
    owner: str | None = None,
) -> LabRun:
    """Queue a run of an experiment; the arguments are those of `create`.

    Raises:
        AppError: as `submit_experiment`.
    """
    memory_estimate.check_memory(config, settings)
    with _queue_lock(settings.home):
        _clean_up(settings.home / RUNS)
        facts = _owned(owner, settings)
        return LabRun.create(settings.home, experiment, config, facts, foreground_process=foreground_process)


def _owned(owner: str | None, settings: Settings) -> dict[str, object]:
    """Facts about a run's owner, whether the page was public (then the run expires), and its memory limit."""
    share = max_training_memory(settings)
    limits = {} if share is None else {"max_memory": share}
    return limits | ({"owner": owner, "stranger": not settings.local_paths_allowed} if owner else {})


def with_absolute_paths(config: TrainConfig, settings: Settings) -> TrainConfig:
    """The settings with whole paths, since a worker starts elsewhere; a model that has a name keeps it."""
    parent = config.parent
    if parent is not None and model_folders.named(parent, settings) is None:
        folder = model_folders.folder_of(parent, settings)
        file = model_folders.file_of(parent, settings)
        if folder is not None:
            parent = str(folder.absolute())
        elif file is not None:
            parent = f"{file.variant}:{file.path.absolute()}" if file.variant else str(file.path.absolute())
    labels = config.labels and str(expanded(config.labels).absolute())
    return replace(config, data=str(expanded(config.data).absolute()), parent=parent, labels=labels)


def start_next(home: Path) -> AnyRun | None:
    """Start the worker of the run whose turn it is, if there is one; gives it back. One that cannot be started fails.

    Pages call it while they show runs and workers when they end, so that the queue advances whoever is gone.

    Raises:
        AppError: none could be started, and of one that could not, not even that can be written down.
    """
    with _queue_lock(home):
        failures: dict[AnyRun, AppError] = {}
        while (run := _next_queued(home, failures)) is not None and not _foreground_process(run):
            try:
                if _start(run, home):
                    return run
            except AppError as error:
                failures[run] = error
        if run is None and failures:
            raise next(iter(failures.values()))
        return None


def advance(home: Path) -> None:
    """As `start_next`, but problems with other runs are only logged."""
    try:
        start_next(home)
    except AppError as error:
        log.warning("The queue of runs cannot advance: %s", error)


def wait_for_turn(run: AnyRun, home: Path, me: Process, on_wait: Callable[[AnyRun], None]) -> bool:
    """Wait for the turn of a run that this process will execute itself; meanwhile the queue advances.

    Args:
        on_wait: called with the run that goes before, each time that is another one.

    Returns:
        Whether it is this run's turn now; False if it was taken out of the queue.
    """
    announced = None
    skipped: set[AnyRun] = set()
    while True:
        with _queue_lock(home):
            if run.state() != "queued":
                return False
            first = _next_queued(home, skipped)
            if first == run:
                run.launch(me)
                return True
            if first is not None and not _foreground_process(first):
                try:
                    _start(first, home)
                except AppError:
                    skipped.add(first)
            before = first or _active(home)
        if before is not None and before != announced:
            on_wait(before)
            announced = before
        time.sleep(POLL_SECONDS)


def stop(run: AnyRun, home: Path, how: Stop) -> None:
    """Stop a run: `keep` once this step is done and saved; `now` ends all its processes, after a short grace.

    Raises:
        AppError: it is neither running nor queued.
    """
    with _queue_lock(home):
        state = run.state()
        if state in ENDED:
            raise AppError("queue.problem.not_running", name=run.name)
        if state == "queued":
            run.events.append("stopped", how=how)
            return
        run.worker.ask_stop(how)
    if how == "now":
        processes.end_all(run, GRACE_SECONDS)
        with _queue_lock(home):
            if run.state() == "lost":
                run.clean_up()
                run.events.append("stopped", how=how)
        advance(home)


def resume(run: AnyRun, home: Path, *, more_epochs: int = 0, foreground_process: Process | None = None) -> None:
    """Queue a run again, to resume from its newest checkpoint; without a `foreground_process` in the background.

    Raises:
        AppError: it is running or queued, or it is finished and no more epochs were asked for.
    """
    with _queue_lock(home):
        state = run.state()
        if state not in ENDED:
            raise AppError("queue.problem.going_on", name=run.name)
        if state == "finished" and not more_epochs:
            raise AppError("queue.problem.finished", name=run.name)
        if state == "lost":
            run.note_kill()
            processes.end_all(run, 0)  # what its worker has left behind
        run.queue_again(foreground_process=foreground_process, more_epochs=more_epochs)
    if foreground_process is None:
        advance(home)


def note_kill(run: RunFolder) -> None:
    """As `Run.note_kill`; where the folder cannot be written to, the run stays without a word."""
    with contextlib.suppress(AppError):
        run.note_kill()


def delete(name: str, home: Path) -> None:
    """Remove a run that is over from the data home; of one whose folder lies elsewhere, only the mention of it.

    Raises:
        AppError: there is no such run, it is running or queued, or it cannot be removed.
    """
    place = home / RUNS / name
    if name not in model_folders.run_names(home) or (place.is_symlink() and _is_whole(_at(place))):
        raise AppError("run.problem.no_name", name=name[:100])
    with _queue_lock(home):
        _clean_up(home / RUNS)
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


def _start(run: AnyRun, home: Path) -> bool:
    """Start a run's worker; one that cannot be started has failed.

    Raises:
        AppError: not even that can be written down; whoever was started then ends by itself, for nobody named it.
    """
    try:
        run.events.check_writable()
        worker = processes.start_worker(run, home)
    except OSError as error:
        run.events.append("failed", key="queue.problem.not_started", fields={"reason": str(error)})
        return False
    run.launch(worker)
    return True


def _listed(home: Path) -> dict[AnyRun, State]:
    """The state of every run; those that cannot be read are left out.

    Their settings, which may hold the split of many photos, are not read for that.
    """
    states = {}
    for name in model_folders.run_names(home):
        run = _at(home / RUNS / name)
        with contextlib.suppress(AppError):
            states[run] = run.state()
    return states


def _active(home: Path) -> AnyRun | None:
    return next((run for run, state in _listed(home).items() if state in ACTIVE and _is_whole(run)), None)


def _at(place: Path) -> AnyRun:
    """The run that a folder of the data home holds or points to, whether or not it can be read."""
    return run_at(place)


def _is_whole(run: AnyRun) -> bool:
    try:
        return open_run(run.folder) == run
    except AppError:
        return False


def _next_queued(home: Path, skipped: Collection[AnyRun] = ()) -> AnyRun | None:
    """The run whose turn it is: none while one is executed, else the one that has been queued for longest.

    Args:
        skipped: those that could not be started; no other is held up by them.
    """
    states = _listed(home)
    if any(state in ACTIVE and _is_whole(run) for run, state in states.items()):
        return None
    # One whose disk was taken away, or may only be read, does not hold up the others.
    waiting = [
        (run.events.queued["t"], run.folder.name, run)
        for run, state in states.items()
        if state == "queued" and run not in skipped and os.access(run.folder, os.W_OK)
    ]
    waiting.sort(key=lambda entry: entry[:2])
    return next((run for _, _, run in waiting if _is_whole(run)), None)


def _foreground_process(run: AnyRun) -> Process | None:
    """The foreground process that waits to execute the run."""
    return Process.from_event(run.events.queued)


def _is_over(run: AnyRun) -> bool:
    """Whether nobody needs the run any more; one that cannot be read is not queued, whatever it says."""
    try:
        state = run.state()
    except AppError:
        return not run.worker.lives()
    return state in ENDED or (state == "queued" and not _is_whole(run))


def repeat_command(run: AnyRun, settings: Settings, started: Event | None = None) -> str:
    """The shell command that repeats a run; `started` is the newest event of this kind, for who knows it."""
    if isinstance(run, LabRun):
        return shlex.join(["python", "-m", "resnet_demo", *settings.home_flag, *run.words()])
    count = (started or run.events.newest("started") or {}).get("processes", 1)
    python = ["python"] if count == 1 else ["torchrun", "--nproc-per-node", str(count)]
    words = [*python, "-m", "resnet_demo", *settings.home_flag, "train", *run.config.arguments()]
    weights = run.facts.get("weights")
    return (f"{PREFIX}WEIGHTS={shlex.quote(str(weights))} " if weights else "") + shlex.join(words)
