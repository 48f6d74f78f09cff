"""Report on a visitor's photos: facts, problems, pictures of them, and the split that a training would make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnet_demo.data.dataset_facts import DatasetFacts, dataset_facts
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import Dataset, Split, open_dataset, split
from resnet_demo.data.images import Problem
from resnet_demo.data.mirror_twins import mirror_twins
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.download import Progress
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, Message
from resnet_demo.training.config import TrainConfig
from resnet_demo.ui.components.inline_images import small_uri

THUMBNAIL_SIDE = 96
GROUPS_SHOWN = 8
GROUP_SHOWN = 6
SINGLES_SHOWN = 12

Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class DatasetReport:
    """All that the report on the page shows.

    `problems` are files that were not sent, are gone, or cannot be read. `split` is the sentence that says why there is
    none where the photos cannot be divided. `shown` are the photos that pictures are shown of, by kind of finding, and
    `thumbnails` those pictures. `notes` are what a person should check first.
    """

    dataset: Dataset
    facts: DatasetFacts
    split: Split | Message
    problems: tuple[Problem, ...]
    ignored: int
    shown: Mapping[str, Groups]
    thumbnails: Mapping[int, str]
    notes: tuple[Message, ...] = ()

    def per_class(self) -> list[tuple[int, ...]]:
        """Training, validation and test photos of each class; all in one where there is no split."""
        labels = [photo.label for photo in self.dataset.photos]
        if isinstance(self.split, Message):
            counted = [Counter(labels)]
        else:
            parts = (self.split.train, self.split.val, self.split.test)
            counted = [Counter(labels[index] for index in part) for part in parts]
        return [tuple(count[label] for count in counted) for label in range(len(self.dataset.classes))]


def create_report(
    imported: ImportedFolder, config: TrainConfig, settings: Settings, stage_progress: Callable[[str], Progress]
) -> Iterator[DatasetReport | None]:
    """Create the report; yields None between its stages, so that it can be abandoned there.

    Args:
        config: whose seed and shares the split is made with.
        tell: the progress of a stage of the work, by its name.

    Raises:
        AppError: as `open_dataset` says.
    """
    dataset = open_dataset(
        imported.folder,
        settings.home,
        stage_progress("reading"),
        max_pixels=settings.max_pixels,
        reading=config.reading,
    )
    yield None
    duplicates = find_duplicates(dataset, settings.home, stage_progress("comparing"), max_pixels=settings.max_pixels)
    yield None
    facts = dataset_facts(dataset, duplicates, mirror_twins(dataset, max_pixels=settings.max_pixels))
    shown = {
        "two_classes": _some(facts.two_classes),
        "leaks": _some(facts.leaks),
        "exact": _some(facts.exact),
        "near": _some(facts.near),
        "tiny": (facts.tiny[:SINGLES_SHOWN],),
        "extreme": (facts.extreme[:SINGLES_SHOWN],),
    }
    yield DatasetReport(
        dataset=dataset,
        facts=facts,
        split=_split(dataset, config, duplicates.groups),
        problems=(*imported.problems, *dataset.problems, *duplicates.problems),
        ignored=imported.ignored + dataset.ignored,
        shown={kind: groups for kind, groups in shown.items() if any(groups)},
        thumbnails=_thumbnails(dataset, shown.values(), settings.max_pixels),
        notes=imported.notes,
    )


def _some(groups: Groups) -> Groups:
    return tuple(group[:GROUP_SHOWN] for group in groups[:GROUPS_SHOWN])


def _split(dataset: Dataset, config: TrainConfig, groups: Sequence[int]) -> Split | Message:
    try:
        return split(dataset, config.seed, config.val_share, config.test_share, groups)
    except AppError as error:
        return error.message


def _thumbnails(dataset: Dataset, shown: Iterable[Groups], max_pixels: int) -> dict[int, str]:
    wanted = sorted({index for groups in shown for group in groups for index in group})
    made = (
        (index, small_uri(dataset.root / dataset.photos[index].path, THUMBNAIL_SIDE, max_pixels)) for index in wanted
    )
    return {index: uri for index, uri in made if uri is not None}
