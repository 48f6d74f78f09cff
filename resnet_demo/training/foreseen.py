"""What a training will be and need, told before it is put in line: neither its photos nor its weights are opened.

Free of torch until something is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resnet_demo.models import description, places, variants
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import Settled, TrainConfig
from resnet_demo.training.free_memory import total_bytes
from resnet_demo.training.memory import Work, free_on, gigabytes
from resnet_demo.training.presets import USUAL_SIZE, Start


def beginning(config: TrainConfig, settings: Settings) -> tuple[str | None, Start]:
    """The network's variant and what the training starts from; of a model on the Hub no variant before it is fetched.

    Raises:
        AppError: the model to go on from cannot be read.
    """
    if config.parent is None:
        variant = config.network.partition(":")[0]
        return variant, Start(config.scratch, variants.get(variant).input_size)
    folder = places.folder_of(config.parent, settings)
    if folder is None:
        return None, Start(scratch=False, input_size=USUAL_SIZE)
    found = description.read_folder(folder)
    return found.variant, Start(scratch=False, input_size=found.spec.crop_size)


@dataclass(frozen=True)
class MemoryForecast:
    """What a training needs of the memory that it may have, in bytes, and in how many pieces its batches come.

    `problem` says why it cannot be done, if it cannot.
    """

    need: int
    free: int
    pieces: int = 1
    problem: AppError | None = None

    def say(self, language: str) -> str:
        """In a sentence."""
        if self.problem is not None:
            return self.problem.say(language)
        key = "train.forecast.memory_pieces" if self.pieces > 1 else "train.forecast.memory"
        return text(key, language, need=gigabytes(self.need), free=gigabytes(self.free), pieces=self.pieces)


def memory(work: Work, settings: Settings, *, idle: bool) -> MemoryForecast:
    """What a training needs here; `idle` says that no other one goes on, which would have ended before it starts.

    Raises:
        AppError: the network has fewer stages than shall learn.
    """
    free, share = _free(idle), memory_share(settings)
    needed = work.total(1, free)
    try:
        if share is not None:
            work.require_share(share)
            free = min(free, share)
        pieces = work.fitted(free)
    except AppError as error:
        return MemoryForecast(needed, free, problem=error)
    return MemoryForecast(work.total(pieces, free), free, pieces)


def check_memory(config: TrainConfig, facts: Mapping[str, Any], settings: Settings, *, idle: bool) -> None:
    """Refuse a training that cannot fit; where the model to go on from is not there yet, or damaged, its worker tells.

    Args:
        facts: those of `material.facts_of`.
        idle: as for `memory`.

    Raises:
        AppError: it cannot.
    """
    try:
        variant, start = beginning(config, settings)
    except AppError:
        return
    if variant is None:
        return
    counts = {name: len(facts["split"][name]) for name in ("train", "val", "test")}
    settled = config.resolved(photos=counts["train"], per_class={}, device=_device(), start=start)
    others = counts["val"] + counts["test"]
    work = work_of(settled, variant, len(facts["data"]["classes"]), counts["train"], others)
    problem = memory(work, settings, idle=idle).problem
    if problem is not None:
        raise problem


def work_of(settled: Settled, variant: str, classes: int, photos: int, others: int) -> Work:
    """The work of a training by one process on this machine."""
    return Work(settled, variant, classes, photos, others, device=_device(), precision=settled.precision)


def memory_share(settings: Settings) -> int | None:
    """Bytes that a stranger's training may take of this machine; None where it may take what is free."""
    share = settings.max_memory_share
    return None if share is None else round(share * total_bytes())


def _device() -> str:
    from resnet_demo.engines import pick_device

    return pick_device().type


def _free(idle: bool) -> int:
    """Bytes that a process to be started can have on the device; once others are gone, all that a CPU has."""
    from resnet_demo.engines import pick_device

    device = pick_device()
    return total_bytes() if device.type == "cpu" and not idle else free_on(device, holding=False)
