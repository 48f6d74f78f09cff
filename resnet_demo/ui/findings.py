"""What was found in the photos that a visitor brought, and the split that a training would make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnet_demo.data.image_folder import Dataset, Split, open_dataset, split
from resnet_demo.data.images import Problem
from resnet_demo.data.intake import Arrival
from resnet_demo.data.report import Report, report
from resnet_demo.data.similar import find_similar
from resnet_demo.download import Progress
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, Message
from resnet_demo.training.config import TrainConfig
from resnet_demo.ui.pictures import small_uri

THUMBNAIL_SIDE = 96
GROUPS_SHOWN = 8
GROUP_SHOWN = 6
SINGLES_SHOWN = 12

Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Findings:
    """All that the report shows.

    `problems` are files that were not sent, are gone, or cannot be read. `split` is the sentence that says why there is
    none where the photos cannot be divided. `shown` are the photos that pictures are shown of, by kind of finding, and
    `thumbnails` those pictures.
    """

    dataset: Dataset
    report: Report
    split: Split | Message
    problems: tuple[Problem, ...]
    ignored: int
    shown: Mapping[str, Groups]
    thumbnails: Mapping[int, str]

    def per_class(self) -> list[tuple[int, ...]]:
        """Photos of each class to learn from, to choose by and to judge by; all in one where there is no split."""
        labels = [photo.label for photo in self.dataset.photos]
        if isinstance(self.split, Message):
            counted = [Counter(labels)]
        else:
            parts = (self.split.train, self.split.val, self.split.test)
            counted = [Counter(labels[index] for index in part) for part in parts]
        return [tuple(count[label] for count in counted) for label in range(len(self.dataset.classes))]


def look_through(
    arrival: Arrival, config: TrainConfig, settings: Settings, tell: Callable[[str], Progress]
) -> Iterator[Findings | None]:
    """Find out all there is to report; in between, now and then, None, so that it can be given up there.

    Args:
        config: whose seed and shares the split is made with.
        tell: the progress of a stage of the work, by its name.

    Raises:
        AppError: as `open_dataset` says.
    """
    dataset = open_dataset(arrival.folder, settings.home, tell("reading"), max_pixels=settings.max_pixels)
    yield None
    similar = find_similar(dataset, settings.home, tell("comparing"), max_pixels=settings.max_pixels)
    yield None
    found = report(dataset, similar)
    shown = {
        "two_classes": _some(found.two_classes),
        "leaks": _some(found.leaks),
        "exact": _some(found.exact),
        "near": _some(found.near),
        "tiny": (found.tiny[:SINGLES_SHOWN],),
        "extreme": (found.extreme[:SINGLES_SHOWN],),
    }
    yield Findings(
        dataset=dataset,
        report=found,
        split=_split(dataset, config, similar.groups),
        problems=(*arrival.problems, *dataset.problems, *similar.problems),
        ignored=arrival.ignored + dataset.ignored,
        shown={kind: groups for kind, groups in shown.items() if any(groups)},
        thumbnails=_thumbnails(dataset, shown.values(), settings.max_pixels),
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
