"""Training of the head alone, in one go: it is fitted to features of the frozen backbone that are known or made now.

It makes of a run what `loop` makes of it: events, the best model, predictions on the test photos. It takes seconds, so
there are no checkpoints: after an interruption it begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.models.resnet import ResNet
from resnet_demo.settings import Settings
from resnet_demo.training import best_model, optimisation
from resnet_demo.training.accuracy_and_loss import Scores, metrics
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.checkpoint import Position
from resnet_demo.training.dataset_splits import DatasetSplits, SplitPart, changed_data_error, load_splits
from resnet_demo.training.decoded_photos import PhotoDecoder
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.frozen_backbone import FeatureExtractor
from resnet_demo.training.head_fit import LabelledFeatures, fit_head
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.plan import Plan, initial_network
from resnet_demo.training.run import Run
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.training_setup import log_start


@dataclass(frozen=True)
class _Part:
    """A split's readable photos: their positions and features; `unreadable` and `changed` are the others."""

    positions: tuple[int, ...]
    known: LabelledFeatures
    unreadable: tuple[int, ...]
    changed: tuple[int, ...]


def train_head(
    run: Run,
    settings: Settings,
    distributed: DistributedContext,
    logger: RunLogger,
    features: Mapping[bytes, Tensor] | None = None,
) -> None:
    """Fit the head of a run's network to the features of its photos; what comes of it is in the run's folder.

    Args:
        features: (C,) for the content hash of each photo that is known (`images.Header.content`), as
            `FeatureExtractor` makes them of the run's network at its picture size; the others are made here.

    Raises:
        StopAskedError: somebody wants it to stop already.
        AppError: the photos or the weights are not what they should be.
    """
    splits = load_splits(run, settings)
    initial = initial_network(run.config, splits.classes, settings)
    for note in initial.parent.notes if initial.parent else ():
        logger.message(note.key, **note.fields)
    config = run.config.resolved(
        photos=len(splits.train.paths),
        per_class=splits.per_class,
        device=distributed.device.type,
        processes=distributed.world_size,
        start=initial.start,
    )
    plan = initial.plan(config, "float32")
    log_start(logger, distributed, splits, plan, Position(cycles=(1,)), None)
    extractor = FeatureExtractor(initial.network, plan.spec, distributed.device)
    decoder = PhotoDecoder(
        distributed,
        ArrayStore.here(settings.home / "cache", distributed.local_world_size),
        settings.max_pixels,
        run.worker.stop_asked,
    )
    train, val, test = (
        _features(part, extractor, decoder, features or {}) for part in (splits.train, splits.val, splits.test)
    )
    if train.changed or val.changed:
        raise changed_data_error(run)
    network = _with_fitted_head(initial.network, splits, plan, train, val)
    scores = {name: _scores(network, part) for name, part in (("train", train), ("val", val), ("test", test))}
    found = metrics(val=scores["val"], test=scores["test"])
    logger.epoch(Position(cycles=(1,)), scores["train"].loss, scores["val"], True, config.image_size)
    if distributed.is_main:
        best_model.keep(run, network, plan, splits, found)
        run.artefacts.write_test_predictions(_predictions(splits, test, network))
        run.events.append("finished", **found, test_looks=run.events.test_set_uses + 1)


def _with_fitted_head(network: ResNet, splits: DatasetSplits, plan: Plan, train: _Part, val: _Part) -> ResNet:
    weights = optimisation.class_weights(list(splits.per_class.values())) if plan.config.class_weights else None
    network.fc = fit_head(train.known, val.known, len(splits.classes), class_weights=weights)
    return network.eval()


def _features(
    part: SplitPart, extractor: FeatureExtractor, decoder: PhotoDecoder, known: Mapping[bytes, Tensor]
) -> _Part:
    """The features of a split's photos: those that are known, and those of the others, which are decoded for it."""
    rows: dict[int, Tensor] = {
        position: known[content] for position, content in enumerate(part.contents) if content in known
    }
    others = [position for position in range(len(part.paths)) if position not in rows]
    decoded = decoder.crops(
        [part.paths[position] for position in others], extractor.spec, [part.contents[position] for position in others]
    )
    readable = [place for place in range(len(others)) if place not in decoded.unreadable]
    made = extractor.features(decoded.pictures[readable]) if readable else torch.zeros(0)
    rows |= {others[place]: row for place, row in zip(readable, made, strict=True)}
    positions = tuple(sorted(rows))
    found = torch.stack([rows[position] for position in positions]) if rows else torch.zeros(0, extractor.channels)
    changed = {others[place] for place in decoded.changed}
    unreadable = {others[place] for place in decoded.unreadable} - changed
    labels = torch.tensor([part.labels[position] for position in positions], dtype=torch.long)
    return _Part(positions, LabelledFeatures(found, labels), tuple(sorted(unreadable)), tuple(sorted(changed)))


@torch.no_grad()
def _probabilities(network: ResNet, part: _Part) -> Tensor:
    found: Tensor = network.fc(part.known.features)
    return found.softmax(dim=1)


def _scores(network: ResNet, part: _Part) -> Scores:
    return Scores.of(_probabilities(network, part), part.known.labels)


def _predictions(splits: DatasetSplits, test: _Part, network: ResNet) -> LabelledPredictions:
    names = [path.relative_to(splits.root).as_posix() for path in splits.test.paths]
    return LabelledPredictions(
        files=tuple(names[position] for position in test.positions),
        labels=test.known.labels.numpy(),
        probabilities=_probabilities(network, test).numpy(),
        classes=splits.classes,
        unreadable=tuple(names[position] for position in test.unreadable),
        changed=tuple(names[position] for position in test.changed),
    )
