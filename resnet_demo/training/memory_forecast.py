"""What a training starts from and the memory it needs, before it is queued: neither photos nor weights are opened.

Free of torch until something is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resnet_demo.models import description, model_folders, variants
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import ResolvedConfig, TrainConfig
from resnet_demo.training.free_memory import total_bytes
from resnet_demo.training.memory import Workload, free_on, gigabytes
from resnet_demo.training.presets import USUAL_SIZE, Start


def starting_point(config: TrainConfig, settings: Settings) -> tuple[str | None, Start]:
    """The network's variant and what the training starts from; of a model on the Hub and of a file of weights
    no variant before it is opened, unless the file's name says it.

    Raises:
        AppError: the model to go on from cannot be read.
    """
    if config.parent is None:
        variant = config.network.partition(":")[0]
        return variant, Start(config.scratch, variants.get(variant).input_size)
    folder = model_folders.folder_of(config.parent, settings)
    if folder is None:
        file = model_folders.file_of(config.parent, settings)
        return None if file is None else file.variant, Start(scratch=False, input_size=USUAL_SIZE)
    found = description.read_folder(folder)
    return found.variant, Start(scratch=False, input_size=found.spec.crop_size, crop_mode=found.spec.crop_mode)


@dataclass(frozen=True)
class MemoryForecast:
    """What a training needs of the memory that it may have, in bytes, and its number of micro-batches.

    `problem` says why it cannot be done, if it cannot.
    """

    need: int
    free: int
    micro_batches: int = 1
    problem: AppError | None = None

    def say(self, language: str) -> str:
        """In a sentence."""
        if self.problem is not None:
            return self.problem.say(language)
        key = "train.forecast.memory_micro_batches" if self.micro_batches > 1 else "train.forecast.memory"
        return text(
            key, language, need=gigabytes(self.need), free=gigabytes(self.free), micro_batches=self.micro_batches
        )


def forecast_memory(workload: Workload, settings: Settings, *, idle: bool) -> MemoryForecast:
    """What a training needs here; `idle` says that no other one is running, which would end before this one starts.

    Raises:
        AppError: the network has fewer stages than shall learn.
    """
    free, share = _free(idle), max_training_memory(settings)
    needed = workload.total(1, free)
    try:
        if share is not None:
            workload.require_share(share)
            free = min(free, share)
        micro_batches = workload.fitted(free)
    except AppError as error:
        return MemoryForecast(needed, free, problem=error)
    return MemoryForecast(workload.total(micro_batches, free), free, micro_batches)


def check_memory(config: TrainConfig, facts: Mapping[str, Any], settings: Settings, *, idle: bool) -> None:
    """Refuse a training that cannot fit; a parent model that is damaged or not downloaded yet is left to its worker.

    Args:
        facts: those of `dataset_splits.facts_of`.
        idle: as for `forecast_memory`.

    Raises:
        AppError: it cannot.
    """
    try:
        variant, start = starting_point(config, settings)
    except AppError:
        return
    if variant is None:
        return
    counts = {name: len(facts["split"][name]) for name in ("train", "val", "test")}
    resolved = config.resolved(photos=counts["train"], per_class={}, device=device_type(), start=start)
    others = counts["val"] + counts["test"]
    workload = workload_of(resolved, variant, len(facts["data"]["classes"]), counts["train"], others)
    problem = forecast_memory(workload, settings, idle=idle).problem
    if problem is not None:
        raise problem


def workload_of(resolved: ResolvedConfig, variant: str, classes: int, photos: int, others: int) -> Workload:
    """The workload of a training in one process on this machine."""
    return Workload(resolved, variant, classes, photos, others, device=device_type(), precision=resolved.precision)


def max_training_memory(settings: Settings) -> int | None:
    """Bytes that a training may take of this machine on a public page; None where it may take what is free."""
    share = settings.max_memory_share
    return None if share is None else round(share * total_bytes())


def device_type() -> str:
    """The kind of device that a training takes here: `cpu`, `cuda` or `mps`."""

    from resnet_demo.engines import pick_device

    return pick_device().type


def _free(idle: bool) -> int:
    """Bytes that a process to be started can have on the device; once others are gone, all that a CPU has."""

    from resnet_demo.engines import pick_device

    device = pick_device()
    return total_bytes() if device.type == "cpu" and not idle else free_on(device, holding=False)
