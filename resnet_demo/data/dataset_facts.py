"""The report on a data set before training: sizes, duplicates, class imbalance and other problems."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from resnet_demo.data.duplicates import Duplicates
from resnet_demo.data.folder_labels import folded
from resnet_demo.data.image_folder import FEWEST, Dataset
from resnet_demo.data.part_names import SplitName
from resnet_demo.texts import Message

TINY = 32
"""Pixels: a photo with a shorter side than this is tiny."""

LONG = 2
"""Aspect ratio above which a photo is long: training on whole photos is suggested if most of them are."""

EXTREME = 4
"""Aspect ratio above which a photo is reported: the centre crop shows only its middle."""

THUMBNAIL = 64
"""Pixels: a picture with no longer side may be the thumbnail of another one."""

UNEVEN = 3
"""Class imbalance is reported if the largest class has more than this many times the photos of the smallest."""

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class ClassCount:
    """The number of photos of a class, in all and in each split that the folders define."""

    name: str
    photos: int
    splits: Mapping[SplitName, int]


@dataclass(frozen=True)
class DatasetFacts:
    """Facts about a data set; photos are given as indices, groups of photos as tuples of indices.

    `sizes` are (width, height) of the photos with the fewest, the median and the most pixels. `exact` and `near` are
    groups of duplicates as in `duplicates.Duplicates`, `two_classes` those with photos of more than one class, and
    `leaks` those with photos in more than one of the splits that the folders define. `findings` are sentences on what
    stands out.
    """

    photos: int
    classes: tuple[ClassCount, ...]
    formats: Mapping[str, int]
    sizes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    tiny: tuple[int, ...]
    extreme: tuple[int, ...]
    exact: tuple[tuple[int, ...], ...]
    near: tuple[tuple[int, ...], ...]
    two_classes: tuple[tuple[int, ...], ...]
    leaks: tuple[tuple[int, ...], ...]
    findings: tuple[Message, ...]


def dataset_facts(dataset: Dataset, duplicates: Duplicates, twins: Sequence[tuple[str, str]] = ()) -> DatasetFacts:
    """Make the report; it reads no files, since `open_dataset`, `find_duplicates` and `mirror_twins` have done so.

    Args:
        dataset: the photos.
        duplicates: their duplicates.
        twins: pairs of classes that look like each other's mirror image.
    """
    photos = dataset.photos
    classes = _count(dataset)
    sizes = sorted((photo.size for photo in photos), key=lambda size: (size[0] * size[1], size))
    tiny = tuple(index for index, photo in enumerate(photos) if min(photo.size) < TINY)
    extreme = tuple(index for index, photo in enumerate(photos) if max(photo.size) > EXTREME * min(photo.size))
    groups = _together(duplicates.groups)
    two_classes = tuple(group for group in groups if len({photos[index].label for index in group}) > 1)
    given = any(photo.split for photo in photos)
    leaks = tuple(group for group in groups if given and len({photos[index].split or "train" for index in group}) > 1)
    long = sum(max(photo.size) > LONG * min(photo.size) for photo in photos)
    counts = {
        "leaks": len(leaks),
        "two_classes": len(two_classes),
        "unreadable": len(dataset.problems) + len(duplicates.problems),
        "unlabelled": dataset.unlabelled,
        "exact": len(duplicates.exact),
        "near": len(duplicates.near),
    }
    findings = [
        *_about_classes(classes, dataset, duplicates.groups),
        *(Message(f"dataset_facts.{what}", {"count": count}) for what, count in counts.items() if count),
        *([Message("dataset_facts.tiny", {"count": len(tiny), "pixels": TINY})] if tiny else []),
        *([Message("dataset_facts.extreme", {"count": len(extreme), "ratio": EXTREME})] if extreme else []),
        *([Message("dataset_facts.long", {"count": long, "ratio": LONG})] if 2 * long > len(photos) else []),
        *(
            [Message("dataset_facts.mirrored", {"names": _listed([" – ".join(pair) for pair in twins])})]
            if twins
            else []
        ),
    ]
    return DatasetFacts(
        photos=len(photos),
        classes=classes,
        formats=dict(Counter(photo.format for photo in photos).most_common()),
        sizes=(sizes[0], sizes[len(sizes) // 2], sizes[-1]),
        tiny=tiny,
        extreme=extreme,
        exact=duplicates.exact,
        near=duplicates.near,
        two_classes=two_classes,
        leaks=leaks,
        findings=tuple(findings or [Message("dataset_facts.fine")]),
    )


def _count(dataset: Dataset) -> tuple[ClassCount, ...]:
    splits: list[Counter[SplitName]] = [Counter() for _ in dataset.classes]
    totals = Counter(photo.label for photo in dataset.photos)
    for photo in dataset.photos:
        if photo.split:
            splits[photo.label][photo.split] += 1
    return tuple(ClassCount(name, totals[label], splits[label]) for label, name in enumerate(dataset.classes))


def _together(groups: Sequence[int]) -> list[tuple[int, ...]]:
    members = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    return [tuple(indices) for indices in members.values() if len(indices) > 1]


def _about_classes(classes: Sequence[ClassCount], dataset: Dataset, groups: Sequence[int]) -> Iterator[Message]:
    if len(classes) == 1:
        yield Message("dataset_facts.one_class")
    learned: list[set[int]] = [set() for _ in classes]
    for photo, group in zip(dataset.photos, groups, strict=True):
        if photo.split in {None, "train"}:
            learned[photo.label].add(group)
    absent = [one.name for one, kinds in zip(classes, learned, strict=True) if not kinds]
    few = [one.name for one, kinds in zip(classes, learned, strict=True) if 0 < len(kinds) < FEWEST]
    spellings = defaultdict(list)
    for one in classes:
        spellings[folded(one.name)].append(one.name)
    alike = [name for names in spellings.values() if len(names) > 1 for name in names]
    if absent:
        yield Message("dataset_facts.not_learned", {"names": _listed(absent)})
    if few:
        yield Message("dataset_facts.too_few", {"names": _listed(few), "fewest": FEWEST})
    for thumbnails in _thumbnail_classes(classes, dataset):
        yield Message("dataset_facts.thumbnails", {"name": thumbnails, "pixels": THUMBNAIL})
    if alike:
        yield Message("dataset_facts.alike_names", {"names": _listed(alike)})
    most, fewest = (pick(classes, key=lambda one: one.photos) for pick in (max, min))
    if most.photos > UNEVEN * fewest.photos:
        sizes = {"most": most.photos, "fewest": fewest.photos}
        yield Message("dataset_facts.imbalance", {"largest": most.name, "smallest": fewest.name, **sizes})


def _thumbnail_classes(classes: Sequence[ClassCount], dataset: Dataset) -> Iterator[str]:
    """Classes of nothing but small pictures that are called like larger ones of other classes."""
    large = {PurePosixPath(one.path).stem for one in dataset.photos if max(one.size) > THUMBNAIL}
    small: list[list[str]] = [[] for _ in classes]
    for one in dataset.photos:
        if max(one.size) <= THUMBNAIL:
            small[one.label].append(PurePosixPath(one.path).stem)
    for held, names in zip(classes, small, strict=True):
        if names and len(names) == held.photos and 2 * sum(_is_of(name, large) for name in names) > len(names):
            yield held.name


def _is_of(name: str, large: Collection[str]) -> bool:
    """Whether a small picture is called like a larger one, as `rose1` or `rose1_thumb`."""
    return (
        name in large or re.sub(r"[\W_]*(thumb(nail)?|small|preview)s?[\W_]*", "", name, flags=re.IGNORECASE) in large
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (" …" if len(names) > _NAMES_SHOWN else "")
