"""Seconds of a training's steps on this machine: timed with the training's own parts, once, and kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from resnet_demo.data.augment import MARGIN
from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.engines import pick_device
from resnet_demo.measurements import Measurements, machine
from resnet_demo.models import variants
from resnet_demo.settings import Settings
from resnet_demo.texts import Field
from resnet_demo.training import precision
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.batch_loader import Batch, BatchLoader, LabelledPhotos
from resnet_demo.training.decoded_photos import DecodedPhotos, PhotoDecoder
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.memory import Workload, free_on
from resnet_demo.training.precision import Precision
from resnet_demo.training.time_forecast import StepTimes
from resnet_demo.training.train_state import TrainState

FEW, MORE = 2, 8
"""Photos of the steps that are timed on a CPU, where the time goes with their number."""
ENOUGH_SECONDS = 1.0
"""Where a step of `FEW` photos takes so long, no larger one is tried, and no step a third time."""
TRIES = 3
MEMORY_SHARE = 0.25
"""Of the free memory, what a step that is timed may need."""
SAMPLED_PHOTOS = 12

HELD_UP = 0.5
"""A thread that gets less of the processor than this shares it with other programs."""

_one_at_a_time = threading.Lock()  # two would time each other
_while_busy: dict[str, StepTimes] = {}
"""What was timed in this process while other programs took the processor: too long to be kept for the machine."""


def known(workload: Workload, settings: Settings) -> StepTimes | None:
    """What was timed for such a training on this machine; None if nothing was.

    Raises:
        AppError: the precision cannot be had on this device.
    """
    kept = Measurements(settings.home / precision.MEASUREMENTS)
    numbers = precision.known(workload.config.precision, pick_device(), kept)
    if numbers is None:
        return None
    key = _key(workload, numbers)
    found = kept.read(key)
    try:
        return StepTimes(**{name: float(value) for name, value in found.items()})
    except (AttributeError, TypeError, ValueError):  # nothing, or written by another version
        return _while_busy.get(key)


def measure(workload: Workload, settings: Settings) -> StepTimes | None:
    """What is known of such a training, or timed now: about a second for a ResNet-18 on two cores.

    Args:
        workload: the training.
        settings: the data home, in which the times are kept.

    Returns:
        None where memory is too short to try.

    Raises:
        AppError: the network has fewer stages than shall learn, or the precision cannot be had on this device.
    """
    with _one_at_a_time:
        found = known(workload, settings)
        photos = _photos(workload)
        if found is not None or photos < FEW:
            return found
        kept = Measurements(settings.home / precision.MEASUREMENTS)
        numbers = precision.known(workload.config.precision, pick_device(), kept) or precision.measured(kept)
        clock, processor = time.perf_counter(), time.process_time()
        found = _timed_training(workload, numbers, FEW)
        if photos > FEW and FEW * found.photo < ENOUGH_SECONDS:
            found = _timed_training(workload, numbers, photos, found.photo)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        if workload.device == "cpu" and processor < HELD_UP * clock * torch.get_num_threads():
            _while_busy[_key(workload, numbers)] = found
        else:
            kept.write(_key(workload, numbers), asdict(found))
        return found


def decoding_seconds(paths: Sequence[Path], image_size: int, settings: Settings) -> float:
    """Seconds to read one of these photos for a training, by all threads together; some of them are tried."""
    some = paths[:: max(1, len(paths) // SAMPLED_PHOTOS)][:SAMPLED_PHOTOS]
    here = DistributedContext(torch.device("cpu"))
    store = ArrayStore.here(settings.home / "cache", 1)
    decoder = PhotoDecoder(here, store, settings.max_pixels, stop_asked=lambda: False)
    started = time.perf_counter()
    decoder.squares(some, ImageSpec(image_size, image_size))
    return (time.perf_counter() - started) / max(len(some), 1)


def _photos(workload: Workload) -> int:
    """Photos of a step to time: those of a batch on a GPU, few on a CPU, and no more than memory has room for."""
    need = workload.need()
    room = MEMORY_SHARE * free_on(pick_device(), holding=False) - need.fixed
    fitting = int(room // (need.per_batch_photo + need.per_micro_batch_photo))
    wanted = workload.config.batch_size if workload.device == "cuda" else min(workload.config.batch_size, MORE)
    return min(wanted, fitting)


def _timed_training(workload: Workload, numbers: precision.Name, photos: int, of_few: float | None = None) -> StepTimes:
    """The times of steps with so many photos; `of_few` is `photo` of those with `FEW`.

    Without it what a step takes whatever its photos (the update of the weights) is shared out over them.
    """
    config, distributed = workload.config, DistributedContext(pick_device())
    loader = _loader(workload, photos, distributed)
    with torch.random.fork_rng(devices=[]):
        network = variants.build(workload.variant, workload.classes)
    state = TrainState(
        network, config, distributed, Precision(numbers, distributed.device), weights=None, log_message=_silent
    )

    def images() -> Tensor:
        return next(loader.epoch(0, config.image_size)).inputs

    def features() -> Tensor:
        return state.frozen_features(images())

    plain = next(iter(loader.validation_batches()))
    evaluation = _seconds(lambda: state.eval_logits(plain)) / photos
    if not workload.caches_features:
        step = _seconds(lambda: state.step(next(loader.epoch(0, config.image_size)), 0.0))
        if of_few is None:
            return StepTimes(step / photos, 0.0, evaluation)
        photo = max((step - FEW * of_few) / (photos - FEW), 0.0)
        return StepTimes(photo, max(step - photos * photo, 0.0), evaluation)
    photo = _seconds(features)
    rows = features()[torch.arange(config.batch_size) % photos]
    targets = torch.zeros(config.batch_size, workload.classes, device=distributed.device)
    step = _seconds(lambda: state.step(Batch(rows, targets, config.batch_size, features=True), 0.0))
    return StepTimes(photo / photos, step, evaluation)


def _loader(workload: Workload, photos: int, distributed: DistributedContext) -> BatchLoader:
    """Batches of so many photos, all of them grey."""
    size = workload.config.image_size
    spec = ImageSpec(size, size)

    def grey(side: int) -> LabelledPhotos:
        pictures = torch.full((photos, side, side, 3), 128, dtype=torch.uint8)
        return LabelledPhotos(DecodedPhotos(pictures, torch.ones(photos), {}), torch.zeros(photos, dtype=torch.long))

    config = replace(workload.config, batch_size=photos)
    return BatchLoader(
        grey(round(MARGIN * size)),
        grey(size),
        classes=workload.classes,
        config=config,
        spec=spec,
        distributed=distributed,
    )


def _seconds(work: Callable[[], Tensor]) -> float:
    """The shortest of one try or some more, after one that warms up.

    On a CPU the processor's time counts, shared out over the threads: so long a training takes with a machine to
    itself, while the clock would count what other programs take meanwhile.
    """
    taken: list[float] = []
    started = time.perf_counter()
    float(work().detach().sum())  # or a GPU would still be at it
    while not taken or (len(taken) < TRIES and time.perf_counter() - started < ENOUGH_SECONDS):
        clock, processor = time.perf_counter(), time.process_time()
        done = work().detach().sum()
        float(done)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        taken.append(min(clock, processor / torch.get_num_threads()) if done.device.type == "cpu" else clock)
    return min(taken)


def _silent(_key: str, **_fields: Field) -> None:
    pass


def _key(workload: Workload, numbers: precision.Name) -> str:
    """What the times depend on."""
    config = workload.config
    cached = "cached features" if workload.caches_features else "no cached features"
    batch = config.batch_size if workload.device == "cuda" or workload.caches_features else min(config.batch_size, MORE)
    parts = f"{config.train_depth} of {workload.variant}, {config.image_size} pixels, batches of {batch}, {cached}"
    return f"training step, {parts}, {config.optimiser}, {numbers}, {machine(pick_device())}"
