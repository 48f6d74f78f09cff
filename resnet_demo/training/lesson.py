"""A lesson: everything that a training works with, made ready once, afresh or from the newest checkpoint."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from resnet_demo.data.index import forget_files
from resnet_demo.data.names import shown
from resnet_demo.models.resnet import ResNet
from resnet_demo.models.state_dict import load_network
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training import best, checkpoint, precision, range_test, recipe
from resnet_demo.training.answers import Answers
from resnet_demo.training.checkpoint import Position
from resnet_demo.training.feed import BATCH, Batch, Feed, Labelled
from resnet_demo.training.frozen import Learning
from resnet_demo.training.journal import Journal
from resnet_demo.training.learner import Learner, make_frozen, on_device
from resnet_demo.training.material import Material, Part, material_of, other_data
from resnet_demo.training.memory import Work, free_on, gigabytes
from resnet_demo.training.pixels import Pixels, Reader
from resnet_demo.training.plan import Plan, begin
from resnet_demo.training.precision import Precision
from resnet_demo.training.ranks import Ranks
from resnet_demo.training.room import Room
from resnet_demo.training.run import Run

WORTH_MEASURING = 40
"""A training of fewer batches ends sooner than it is found out how to be quicker."""

TRIED_PHOTOS = 16


@dataclass(frozen=True)
class Lesson:
    """What a training works with, and the position that it begins at."""

    run: Run
    settings: Settings
    ranks: Ranks
    journal: Journal
    material: Material
    reader: Reader
    plan: Plan
    feed: Feed
    learner: Learner
    position: Position


def prepare(run: Run, settings: Settings, ranks: Ranks, journal: Journal) -> Lesson:
    """Make a run's lesson ready.

    Raises:
        StopAskedError: somebody wants it to stop already.
        AppError: photos, weights or checkpoint are not what they should be, or the machine has no room.
    """
    material = material_of(run, settings)
    found = _checkpoint(run, ranks, journal)
    if found is None:
        plan, network = _planned(run, material, settings, ranks)
        position = Position(cycles=(plan.config.epochs,))
    else:
        plan, position = checkpoint.read(found)
        network = load_network(plan.variant, len(material.classes), found / checkpoint.NETWORK)
    position = _with_best(position.extended(run.more_epochs), run, ranks, journal)
    reader = Reader(ranks, Room.here(settings.home / "cache", ranks.local_world), settings.max_pixels, run.stop_asked)
    _tell_start(journal, ranks, material, plan, position, found)
    pieces = _pieces(run, plan, material, ranks, journal)
    feed = _feed(run, settings, material, plan, reader, journal)
    position = position.fitted(feed.steps)
    if plan.precision is None:
        plan = replace(plan, precision=_measured(plan, network, feed, journal))
    learner = _learner(network, plan, material, ranks, journal)
    if found is not None:
        checkpoint.load(found, learner)
    learner.pieces.number, learner.looks.number = max(learner.pieces.number, pieces), pieces
    if plan.config.views and learner.frozen is not None:
        journal.say("train.said.features", views=plan.config.views)
        feed.remember(learner.frozen_features, reader.room, run.stop_asked)
    if found is None and plan.config.range_test:
        rate = _tried_rate(plan, feed, learner, journal)
        plan = replace(plan, config=replace(plan.config, learning_rate=rate))
    return Lesson(run, settings, ranks, journal, material, reader, plan, feed, learner, position)


def _checkpoint(run: Run, ranks: Ranks, journal: Journal) -> Path | None:
    """The newest checkpoint that is as it was written, None before there is any; the first process looks for all.

    Raises:
        AppError: there are some, but all are damaged.
    """
    whole = run.newest_checkpoint() if ranks.leads else None
    steps = run.checkpoint_steps()
    step = ranks.highest(-1 if whole is None else next(step for step in steps if run.checkpoint(step) == whole))
    if step >= 0:
        if step != steps[0]:
            journal.say("train.said.damaged_checkpoint", step=step)
        return run.checkpoint(step)
    if not steps:
        return None
    if best.is_whole(run):
        raise AppError("train.problem.no_checkpoint_but_best", folder=str(run.best))
    raise AppError("train.problem.no_checkpoint")


def _with_best(position: Position, run: Run, ranks: Ranks, journal: Journal) -> Position:
    """The position, without its best epoch where the model of that is damaged: then another one becomes the best.

    Raises:
        AppError: it is damaged, and there is no epoch to come.
    """
    if position.best is None or not ranks.highest(int(ranks.leads and not best.is_whole(run))):
        return position
    if position.epoch == position.epochs:
        raise best.damaged(run)
    journal.say("train.said.damaged_best")
    return replace(position, best=None, waited=0)


def _planned(run: Run, material: Material, settings: Settings, ranks: Ranks) -> tuple[Plan, ResNet]:
    beginning = begin(run.config, material.classes, settings)
    config = run.config.resolved(
        photos=len(material.train.paths),
        per_class=material.per_class,
        device=ranks.device.type,
        processes=ranks.world,
        start=beginning.start,
    )
    known = precision.known(config.precision, ranks.device) or _measured_before(run)
    return beginning.plan(config, known), beginning.network


def _measured_before(run: Run) -> precision.Name | None:
    """What was decided in a training that was broken off before its first checkpoint: it is to go on alike."""
    name = (run.newest("measured") or {}).get("precision")
    return next((known for known in precision.NAMES if known == name), None)


def _tell_start(
    journal: Journal, ranks: Ranks, material: Material, plan: Plan, position: Position, found: Path | None
) -> None:
    """What is about to be done, with everything that was left open now decided."""
    cuda = ranks.device.type == "cuda"
    journal.tell(
        "started",
        **plan.to_json(),
        photos={name: len(getattr(material, name).paths) for name in ("train", "val", "test")},
        per_class=dict(material.per_class),
        device=torch.cuda.get_device_name(ranks.device) if cuda else ranks.device.type,
        processes=ranks.world,
        epochs=position.epochs,
        resumed={"epoch": position.epoch, "step": position.step} if found else None,
    )


def _pieces(run: Run, plan: Plan, material: Material, ranks: Ranks, journal: Journal) -> int:
    """Into how many pieces batches are cut from the beginning, as few as fit into memory.

    A CPU's memory is promised before it is there: where it runs out, no error is raised, the process is killed. So
    this is reckoned beforehand, and each such kill is taken as the error would have been: the pieces are halved.

    Raises:
        AppError: not even the smallest pieces fit, here or in another process.
    """
    others = len(material.val.paths) + len(material.test.paths)
    work = Work(
        plan.config,
        plan.variant,
        len(material.classes),
        len(material.train.paths),
        others,
        device=ranks.device.type,
        precision=plan.precision,
        processes=ranks.world,
        here=ranks.local_world,
    )
    free, pieces = free_on(ranks.device, ranks.local_world), 1
    allowed = run.facts.get("max_memory")
    free = min(free, allowed) if isinstance(allowed, int) else free
    with ranks.agreed():
        pieces = work.fitted(free)
    if ranks.device.type != "cpu":
        return 1  # here an error tells in time
    batch, most = work.need().batch, work.need().most_pieces
    pieces = ranks.highest(min(pieces * 2**run.memory_kills, most))
    largest = math.ceil(batch / pieces)
    if pieces > 1 and run.memory_kills:
        journal.say("train.said.pieces_after_kill", pieces=pieces, photos=largest)
    elif pieces > 1:
        said = {"need": gigabytes(work.total(1, free)), "free": gigabytes(free)}
        journal.say("train.said.planned_pieces", pieces=pieces, photos=largest, **said)
    return pieces


def _feed(run: Run, settings: Settings, material: Material, plan: Plan, reader: Reader, journal: Journal) -> Feed:
    """Photos decoded, those that cannot be read told, and batches ready to be made.

    Raises:
        AppError: some are not the photos that they were when the data set was opened.
    """
    journal.say("train.said.reading", photos=len(material.train.paths) + len(material.val.paths))
    training, validation = (
        _labelled(part, read(part.paths, plan.spec, part.contents), journal)
        for part, read in ((material.train, reader.squares), (material.val, reader.crops))
    )
    if training.pixels.changed or validation.pixels.changed:
        forget_files(settings.home, material.root)  # it takes them for unchanged
        raise other_data(run)
    return Feed(
        training,
        validation,
        classes=len(material.classes),
        config=plan.config,
        spec=plan.spec,
        ranks=reader.ranks,
    )


def _labelled(part: Part, pixels: Pixels, journal: Journal) -> Labelled:
    damaged = sorted(pixels.unreadable.keys() - pixels.changed)
    for position in damaged[:1]:
        name, reason = _name(part.paths[position]), pixels.unreadable[position]
        journal.say("train.said.unreadable", count=len(damaged), name=name, reason=reason)
    return Labelled(pixels, torch.tensor(part.labels, dtype=torch.long))


def _name(path: Path) -> str:
    return shown(f"{path.parent.name}/{path.name}")


def final_photos(lesson: Lesson) -> Labelled:
    """The photos that nothing was learned from and nothing was chosen by, decoded; those changed since are told."""
    part = lesson.material.test
    pixels = lesson.reader.crops(part.paths, lesson.plan.spec, part.contents)
    for position in sorted(pixels.changed)[:1]:
        name = _name(part.paths[position])
        lesson.journal.say("train.said.changed", count=len(pixels.changed), name=name)
        forget_files(lesson.settings.home, lesson.material.root)  # it may take them for unchanged
    return _labelled(part, pixels, lesson.journal)


def answers_of(material: Material, photos: Labelled, said: Tensor) -> Answers:
    """What was said of those of the test photos that can be read, (n, classes), with their names."""
    names = [path.relative_to(material.root).as_posix() for path in material.test.paths]
    pixels = photos.pixels
    return Answers(
        files=tuple(names[position] for position in photos.readable.tolist()),
        labels=photos.labels[photos.readable].numpy(),
        probabilities=said.numpy(),
        classes=material.classes,
        unreadable=tuple(names[position] for position in sorted(pixels.unreadable.keys() - pixels.changed)),
        changed=tuple(names[position] for position in sorted(pixels.changed)),
    )


def _measured(plan: Plan, network: ResNet, feed: Feed, journal: Journal) -> precision.Name:
    """The precision that a batch of the training itself shows to be faster, where finding out is worth it."""
    config, ranks = plan.config, feed.ranks
    cached = bool(config.views) and config.train_depth != "all"
    batches = math.ceil(len(feed.rows) / BATCH) * config.views if cached else feed.steps * config.epochs
    if batches < WORTH_MEASURING:
        return "float32"
    speed = precision.bf16_speed(_trial(plan, network, feed, learns=not cached))
    # The first process decides for all.
    faster = ranks.highest(int(ranks.leads and speed >= precision.WORTH))
    journal.say("train.said.bf16" if faster else "train.said.no_bf16", speed=f"{speed:.1f}")
    decided: precision.Name = "bf16" if faster else "float32"
    journal.tell("measured", precision=decided)
    return decided


def _trial(plan: Plan, network: ResNet, feed: Feed, *, learns: bool) -> Callable[[Precision], None]:
    """The work of a step on copies: through the frozen stages and, if it `learns`, there and back through the rest."""
    config, device = plan.config, feed.ranks.device
    images = next(feed.epoch(0, config.image_size)).inputs[:TRIED_PHOTOS]
    frozen = make_frozen(network, config, device)
    learning = on_device(Learning(copy.deepcopy(network), config.train_depth), device).train()

    def step(tried: Precision) -> None:
        with tried.autocast():
            features = images if frozen is None else frozen(images)
            if not learns:
                return
            loss = learning(features).float().sum()
        loss.backward()

    return step


def _learner(network: ResNet, plan: Plan, material: Material, ranks: Ranks, journal: Journal) -> Learner:
    counts = list(material.per_class.values())
    weights: Tensor | None = recipe.class_weights(counts) if plan.config.class_weights else None
    numbers = Precision(plan.precision or "float32", ranks.device)
    return Learner(network, plan.config, ranks, numbers, weights=weights, say=journal.say)


def _tried_rate(plan: Plan, feed: Feed, learner: Learner, journal: Journal) -> float:
    journal.say("train.said.range_test")
    rate = range_test.suggest(range_test.measure(learner, _endless(feed, plan)))
    journal.say("train.said.rate", rate=rate)
    return rate


def _endless(feed: Feed, plan: Plan) -> Iterator[Batch]:
    for epoch in itertools.count():
        yield from feed.epoch(epoch, plan.config.image_size)
