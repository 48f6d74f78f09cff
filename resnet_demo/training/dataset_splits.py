"""The train, validation and test photos of a run, fixed when the run is created. Free of torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from resnet_demo import __version__
from resnet_demo.data.dataset_facts import dataset_facts
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import Dataset, open_dataset, split
from resnet_demo.data.index import forget_files
from resnet_demo.data.mirror_twins import mirror_twins
from resnet_demo.data.understood import passed_over, understood
from resnet_demo.download import Progress
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from resnet_demo.training.seen_photos import FACT, seen_fact

LIBRARIES = ("torch", "torchvision", "numpy", "pillow")


@dataclass(frozen=True)
class SplitPart:
    """The photos of one split, with the class of each and its content hash, as in `images.Header`."""

    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    contents: tuple[bytes, ...]


@dataclass(frozen=True)
class DatasetSplits:
    """The train, validation and test photos of a data set; all lie below `root`."""

    root: Path
    name: str
    fingerprint: str
    classes: tuple[str, ...]
    train: SplitPart
    val: SplitPart
    test: SplitPart

    @property
    def per_class(self) -> Mapping[str, int]:
        """The number of training photos of each class."""
        counts = Counter(self.train.labels)
        return {name: counts[label] for label, name in enumerate(self.classes)}


def facts_of(config: TrainConfig, settings: Settings, progress: Progress | None = None) -> dict[str, Any]:
    """What a run is created from besides its settings, as plain JSON: the data, its split, the versions.

    Photos that are alike stay on one side of the split.

    Raises:
        AppError: there is no data set, or it cannot be divided.
    """
    dataset = open_dataset(
        Path(config.data), settings.home, progress, max_pixels=settings.max_pixels, reading=config.reading
    )
    duplicates = find_duplicates(dataset, settings.home, progress, max_pixels=settings.max_pixels)
    divided = split(dataset, config.seed, config.val_share, config.test_share, duplicates.groups)
    facts = dataset_facts(dataset, duplicates, mirror_twins(dataset, max_pixels=settings.max_pixels))
    said = (*understood(dataset), *passed_over(dataset.layout), *facts.findings)
    return {
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "ends_fingerprint": dataset.ends_fingerprint,
            "classes": list(dataset.classes),
        },
        "split": asdict(divided),
        FACT: seen_fact(dataset, divided),
        "report": [{"key": one.key, "fields": dict(one.fields)} for one in said],
        "versions": {"resnet_demo": __version__, **{name: version(name) for name in LIBRARIES}},
    }


def load_splits(run: Run, settings: Settings) -> DatasetSplits:
    """The photos that a run was created with; fingerprints of earlier versions are recognised.

    Raises:
        AppError: they are not as they were then, or the run does not say which they were.
    """
    folder = Path(run.config.data)
    limit, reading = settings.max_pixels, run.config.reading
    dataset = open_dataset(folder, settings.home, max_pixels=limit, reading=reading)
    try:
        known_as = run.facts["data"]["fingerprint"]
        if not dataset.is_known_as(known_as):
            # It may be the index that is damaged: they are refused once they were read anew.
            forget_files(settings.home, dataset.root)
            dataset = open_dataset(folder, settings.home, max_pixels=limit, reading=reading)
        if not dataset.is_known_as(known_as):
            raise changed_data_error(run)
        if run.facts["data"].get("classes", list(dataset.classes)) != list(dataset.classes):
            raise AppError("train.problem.other_reading", folder=str(folder))
        train, val, test = (_split_part(dataset, run.facts["split"][name]) for name in ("train", "val", "test"))
    except (KeyError, TypeError, IndexError) as error:
        raise AppError("run.problem.no_run", folder=str(run.folder)) from error
    return DatasetSplits(dataset.root, dataset.name, dataset.fingerprint, dataset.classes, train, val, test)


def changed_data_error(run: Run) -> AppError:
    """The error for photos that are no longer those that a run was created with."""
    return AppError("train.problem.other_data", folder=str(Path(run.config.data)))


def _split_part(dataset: Dataset, indices: Sequence[int]) -> SplitPart:
    photos = [dataset.photos[index] for index in indices]
    return SplitPart(
        tuple(dataset.root / photo.path for photo in photos),
        tuple(photo.label for photo in photos),
        tuple(photo.content for photo in photos),
    )
