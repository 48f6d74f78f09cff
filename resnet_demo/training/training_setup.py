"""Setting up a training: photos, plan, batches and state, from scratch or from the newest checkpoint."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from resnet_demo.data.file_names import display_name
from resnet_demo.data.index import forget_files
from resnet_demo.download import Progress
from resnet_demo.measurements import Measurements
from resnet_demo.models.resnet import ResNet
from resnet_demo.models.state_dict import load_network
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training import best_model, checkpoint, optimisation, precision, range_test
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.batch_loader import Batch, BatchLoader, LabelledPhotos
from resnet_demo.training.checkpoint import Position
from resnet_demo.training.dataset_splits import DatasetSplits, SplitPart, changed_data_error, load_splits
from resnet_demo.training.decoded_photos import DecodedPhotos, PhotoDecoder
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.memory import Workload, free_on, gigabytes
from resnet_demo.training.plan import Plan, initial_network
from resnet_demo.training.precision import Precision
from resnet_demo.training.presets import RANGE_TEST_STEPS
from resnet_demo.training.retried_step import RetriedStep
from resnet_demo.training.run import Run
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.train_state import TrainState


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that the training loop works with, and the position at which it starts."""

    run: Run
    settings: Settings
    distributed: DistributedContext
    logger: RunLogger
    splits: DatasetSplits
    decoder: PhotoDecoder
    plan: Plan
    loader: BatchLoader
    train_state: TrainState
    train_step: RetriedStep
    position: Position


def prepare(run: Run, settings: Settings, distributed: DistributedContext, logger: RunLogger) -> TrainingSetup:
    """Set up the training of a run.

    Raises:
        StopAskedError: somebody wants it to stop already.
        AppError: photos, weights or checkpoint are not what they should be, or the machine has no room.
    """
    logger.phase("checking")
    splits = load_splits(run, settings)
    found = _checkpoint(run, distributed, logger)
    if found is None:
        plan, network = _planned(run, splits, settings, distributed, logger)
        position = Position(cycles=(plan.config.epochs,))
    else:
        plan, position = checkpoint.read(found)
        network = load_network(plan.variant, len(splits.classes), found / checkpoint.NETWORK)
    position = _with_best(position.extended(run.events.more_epochs), run, distributed, logger)
    decoder = PhotoDecoder(
        distributed,
        ArrayStore.here(settings.home / "cache", distributed.local_world_size),
        settings.max_pixels,
        run.worker.stop_asked,
    )
    log_start(logger, distributed, splits, plan, position, found)
    micro_batches = _micro_batches(run, plan, splits, distributed, logger)
    loader = _batch_loader(run, settings, splits, plan, decoder, logger)
    position = position.fitted(loader.steps)
    train_state = _train_state(network, plan, splits, distributed, logger)
    if found is not None:
        checkpoint.load(found, train_state)
    train_state.micro_batching.count = max(train_state.micro_batching.count, micro_batches)
    train_state.eval_batching.count = micro_batches
    if plan.config.views and train_state.frozen_backbone is not None:
        report = logger.phase("features", loader.cached_views)
        loader.cache_features(train_state.frozen_features, decoder.store, run.worker.stop_asked, report)
    train_step = RetriedStep(train_state)
    if found is None and plan.config.range_test:
        rate = _tried_rate(plan, loader, train_step, logger)
        plan = replace(plan, config=replace(plan.config, learning_rate=rate))
    logger.phase("first_steps")
    return TrainingSetup(
        run, settings, distributed, logger, splits, decoder, plan, loader, train_state, train_step, position
    )


def _checkpoint(run: Run, distributed: DistributedContext, logger: RunLogger) -> Path | None:
    """The newest undamaged checkpoint, None before there is any; rank 0 decides for all.

    Raises:
        AppError: there are some, but all are damaged.
    """
    whole = run.checkpoints.newest() if distributed.is_main else None
    steps = run.checkpoints.steps()
    step = distributed.all_max(
        -1 if whole is None else next(step for step in steps if run.checkpoints.at(step) == whole)
    )
    if step >= 0:
        if step != steps[0]:
            logger.message("train.said.damaged_checkpoint", step=step)
        return run.checkpoints.at(step)
    if not steps:
        return None
    if best_model.is_whole(run):
        raise AppError("train.problem.no_checkpoint_but_best", folder=str(run.artefacts.best))
    raise AppError("train.problem.no_checkpoint")


def _with_best(position: Position, run: Run, distributed: DistributedContext, logger: RunLogger) -> Position:
    """The position, without its best epoch where the model of that is damaged: then another one becomes the best.

    Raises:
        AppError: it is damaged, and there is no epoch to come.
    """
    if position.best is None or not distributed.all_max(int(distributed.is_main and not best_model.is_whole(run))):
        return position
    if position.epoch == position.epochs:
        raise best_model.damaged(run)
    logger.message("train.said.damaged_best")
    return replace(position, best=None, waited=0)


def _planned(
    run: Run, splits: DatasetSplits, settings: Settings, distributed: DistributedContext, logger: RunLogger
) -> tuple[Plan, ResNet]:
    initial = initial_network(run.config, splits.classes, settings, _download_progress(logger))
    for note in initial.parent.notes if initial.parent else ():
        logger.message(note.key, **note.fields)
    config = run.config.resolved(
        photos=len(splits.train.paths),
        per_class=splits.per_class,
        device=distributed.device.type,
        processes=distributed.world_size,
        start=initial.start,
    )
    return initial.plan(config, _precision(run, settings, distributed, logger)), initial.network


def _download_progress(logger: RunLogger) -> Progress:
    """A phase that begins with the first bytes: weights that are here already are not downloaded."""
    reports: list[Callable[[int], None]] = []

    def progress(done: int, total: int | None) -> None:
        if not reports:
            reports.append(logger.phase("download", total or 0))
        reports[0](done)

    return progress


def _precision(run: Run, settings: Settings, distributed: DistributedContext, logger: RunLogger) -> precision.Name:
    """The precision of the training from its beginning to its end; on a CPU the first process decides for all."""
    requested = run.config.precision
    kept = Measurements(settings.home / precision.MEASUREMENTS)
    decided = _decided_before(run) or precision.known(requested, distributed.device, kept)
    if requested != "auto" or distributed.device.type != "cpu":
        assert decided is not None
        return decided
    if decided is None and distributed.is_main:
        logger.phase("precision")
        decided = precision.measured(kept)
    faster = distributed.all_max(int(distributed.is_main and decided == "bf16"))
    decided = "bf16" if faster else "float32"
    logger.event("measured", precision=decided)
    return decided


def _decided_before(run: Run) -> precision.Name | None:
    """What was decided in a training that was broken off before its first checkpoint: it is to go on alike."""
    name = (run.events.newest("measured") or {}).get("precision")
    return next((known for known in precision.NAMES if known == name), None)


def log_start(
    logger: RunLogger,
    distributed: DistributedContext,
    splits: DatasetSplits,
    plan: Plan,
    position: Position,
    found: Path | None,
) -> None:
    """Log the resolved settings, the photos and the device; `found` is the checkpoint that it goes on from."""
    cuda = distributed.device.type == "cuda"
    logger.event(
        "started",
        **plan.to_json(),
        photos={name: len(getattr(splits, name).paths) for name in ("train", "val", "test")},
        per_class=dict(splits.per_class),
        device=torch.cuda.get_device_name(distributed.device) if cuda else distributed.device.type,
        processes=distributed.world_size,
        epochs=position.epochs,
        resumed={"epoch": position.epoch, "step": position.step} if found else None,
    )


def _micro_batches(
    run: Run, plan: Plan, splits: DatasetSplits, distributed: DistributedContext, logger: RunLogger
) -> int:
    """How many micro-batches batches are split into from the beginning, as few as fit into memory.

    A CPU's memory is promised before it is there: where it runs out, no error is raised, the process is killed. So
    this is estimated beforehand, and after each such kill their number doubles, as after an out-of-memory error.

    Raises:
        AppError: not even the smallest micro-batches fit, here or in another process.
    """
    others = len(splits.val.paths) + len(splits.test.paths)
    workload = Workload(
        plan.config,
        plan.variant,
        len(splits.classes),
        len(splits.train.paths),
        others,
        device=distributed.device.type,
        precision=plan.precision,
        processes=distributed.world_size,
        here=distributed.local_world_size,
    )
    free, micro_batches = free_on(distributed.device, distributed.local_world_size), 1
    allowed = run.facts.get("max_memory")
    free = min(free, allowed) if isinstance(allowed, int) else free
    with distributed.fail_together():
        micro_batches = workload.fitted(free)
    if distributed.device.type != "cpu":
        return 1  # here an error tells in time
    batch, most = workload.need().batch, workload.need().max_micro_batches
    micro_batches = distributed.all_max(min(micro_batches * 2**run.events.memory_kills, most))
    largest = math.ceil(batch / micro_batches)
    if micro_batches > 1 and run.events.memory_kills:
        logger.message("train.said.pieces_after_kill", pieces=micro_batches, photos=largest)
    elif micro_batches > 1:
        said = {"need": gigabytes(workload.total(1, free)), "free": gigabytes(free)}
        logger.message("train.said.planned_pieces", pieces=micro_batches, photos=largest, **said)
    return micro_batches


def _batch_loader(
    run: Run, settings: Settings, splits: DatasetSplits, plan: Plan, decoder: PhotoDecoder, logger: RunLogger
) -> BatchLoader:
    """Decode the photos, log those that cannot be read, and make the batch loader.

    Raises:
        AppError: some are not the photos that they were when the data set was opened.
    """
    before = len(splits.train.paths)
    report = logger.phase("reading", before + len(splits.val.paths))
    decoded = (
        decoder.squares(splits.train.paths, plan.spec, splits.train.contents, report),
        decoder.crops(splits.val.paths, plan.spec, splits.val.contents, lambda done: report(before + done)),
    )
    training, validation = (
        _labelled(part, one, logger) for part, one in zip((splits.train, splits.val), decoded, strict=True)
    )
    if training.decoded.changed or validation.decoded.changed:
        forget_files(settings.home, splits.root)  # it takes them for unchanged
        raise changed_data_error(run)
    return BatchLoader(
        training,
        validation,
        classes=len(splits.classes),
        config=plan.config,
        spec=plan.spec,
        distributed=decoder.distributed,
    )


def _labelled(part: SplitPart, decoded: DecodedPhotos, logger: RunLogger) -> LabelledPhotos:
    damaged = sorted(decoded.unreadable.keys() - decoded.changed)
    for position in damaged[:1]:
        name, reason = _name(part.paths[position]), decoded.unreadable[position]
        logger.message("train.said.unreadable", count=len(damaged), name=name, reason=reason)
    return LabelledPhotos(decoded, torch.tensor(part.labels, dtype=torch.long))


def _name(path: Path) -> str:
    return display_name(f"{path.parent.name}/{path.name}")


def decode_test_photos(setup: TrainingSetup) -> LabelledPhotos:
    """The test photos, decoded; those that have changed since the run was made are logged."""
    part = setup.splits.test
    report = setup.logger.phase("testing", len(part.paths))
    decoded = setup.decoder.crops(part.paths, setup.plan.spec, part.contents, report)
    for position in sorted(decoded.changed)[:1]:
        name = _name(part.paths[position])
        setup.logger.message("train.said.changed", count=len(decoded.changed), name=name)
        forget_files(setup.settings.home, setup.splits.root)  # it may take them for unchanged
    return _labelled(part, decoded, setup.logger)


def collect_predictions(splits: DatasetSplits, photos: LabelledPhotos, probabilities: Tensor) -> LabelledPredictions:
    """Probabilities (n, classes) of the readable test photos, with their names and labels."""
    names = [path.relative_to(splits.root).as_posix() for path in splits.test.paths]
    decoded = photos.decoded
    return LabelledPredictions(
        files=tuple(names[position] for position in photos.readable.tolist()),
        labels=photos.labels[photos.readable].numpy(),
        probabilities=probabilities.numpy(),
        classes=splits.classes,
        unreadable=tuple(names[position] for position in sorted(decoded.unreadable.keys() - decoded.changed)),
        changed=tuple(names[position] for position in sorted(decoded.changed)),
    )


def _train_state(
    network: ResNet, plan: Plan, splits: DatasetSplits, distributed: DistributedContext, logger: RunLogger
) -> TrainState:
    counts = list(splits.per_class.values())
    weights: Tensor | None = optimisation.class_weights(counts) if plan.config.class_weights else None
    numbers = Precision(plan.precision, distributed.device)
    return TrainState(network, plan.config, distributed, numbers, weights=weights, log_message=logger.message)


def _tried_rate(plan: Plan, loader: BatchLoader, train_step: RetriedStep, logger: RunLogger) -> float:
    report = logger.phase("range_test", RANGE_TEST_STEPS)
    rate = range_test.suggest(range_test.measure(train_step, _endless(loader, plan), report))
    logger.message("train.said.rate", rate=rate)
    return rate


def _endless(loader: BatchLoader, plan: Plan) -> Iterator[Batch]:
    for epoch in itertools.count():
        yield from loader.epoch(epoch, plan.config.image_size)
