"""What there is to know of a data set before anything is trained on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnet_demo.data.image_folder import FEWEST, Dataset
from resnet_demo.data.layout import Part
from resnet_demo.data.similar import Similar
from resnet_demo.texts import Message

TINY = 32
"""Pixels of the shorter side: a photo with fewer is tiny."""

EXTREME = 4
"""Times: a photo with a longer side of more shorter sides is shown in its middle alone."""

UNEVEN = 3
"""Times: classes are uneven where the largest has more than so many photos for one of the smallest."""

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class ClassCount:
    """How many photos a class has, in all and in each part that the folders give."""

    name: str
    photos: int
    parts: Mapping[Part, int]


@dataclass(frozen=True)
class Report:
    """Facts about a data set; photos are told as indices into its photos, groups of them as tuples.

    `sizes` are (width, height) of the photos with the fewest, the median and the most pixels; `exact` and `near` groups
    as in `similar.Similar`; `two_classes` those of either kind with photos of more than one class, `leaks` those with
    photos in more than one of the parts that the folders give. `said` is what stands out, in words.
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
    said: tuple[Message, ...]


def report(dataset: Dataset, similar: Similar) -> Report:
    """Look through a data set; quick, since `open_dataset` and `find_similar` have looked at the files."""
    photos = dataset.photos
    classes = _count(dataset)
    sizes = sorted((photo.size for photo in photos), key=lambda size: (size[0] * size[1], size))
    tiny = tuple(index for index, photo in enumerate(photos) if min(photo.size) < TINY)
    extreme = tuple(index for index, photo in enumerate(photos) if max(photo.size) > EXTREME * min(photo.size))
    groups = _together(similar.groups)
    two_classes = tuple(group for group in groups if len({photos[index].label for index in group}) > 1)
    given = any(photo.split for photo in photos)
    leaks = tuple(group for group in groups if given and len({photos[index].split or "train" for index in group}) > 1)
    counts = {
        "leaks": len(leaks),
        "two_classes": len(two_classes),
        "unreadable": len(dataset.problems) + len(similar.problems),
        "unlabelled": dataset.unlabelled,
        "exact": len(similar.exact),
        "near": len(similar.near),
    }
    said = [
        *_about_classes(classes, dataset, similar.groups),
        *(Message(f"report.{what}", {"count": count}) for what, count in counts.items() if count),
        *([Message("report.tiny", {"count": len(tiny), "pixels": TINY})] if tiny else []),
        *([Message("report.extreme", {"count": len(extreme), "ratio": EXTREME})] if extreme else []),
    ]
    return Report(
        photos=len(photos),
        classes=classes,
        formats=dict(Counter(photo.format for photo in photos).most_common()),
        sizes=(sizes[0], sizes[len(sizes) // 2], sizes[-1]),
        tiny=tiny,
        extreme=extreme,
        exact=similar.exact,
        near=similar.near,
        two_classes=two_classes,
        leaks=leaks,
        said=tuple(said or [Message("report.fine")]),
    )


def _count(dataset: Dataset) -> tuple[ClassCount, ...]:
    parts: list[Counter[Part]] = [Counter() for _ in dataset.classes]
    totals = Counter(photo.label for photo in dataset.photos)
    for photo in dataset.photos:
        if photo.split:
            parts[photo.label][photo.split] += 1
    return tuple(ClassCount(name, totals[label], parts[label]) for label, name in enumerate(dataset.classes))


def _together(groups: Sequence[int]) -> list[tuple[int, ...]]:
    members = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    return [tuple(indices) for indices in members.values() if len(indices) > 1]


def _about_classes(classes: Sequence[ClassCount], dataset: Dataset, groups: Sequence[int]) -> Iterator[Message]:
    if len(classes) == 1:
        yield Message("report.one_class")
    learned: list[set[int]] = [set() for _ in classes]
    for photo, group in zip(dataset.photos, groups, strict=True):
        if photo.split in {None, "train"}:
            learned[photo.label].add(group)
    absent = [one.name for one, kinds in zip(classes, learned, strict=True) if not kinds]
    few = [one.name for one, kinds in zip(classes, learned, strict=True) if 0 < len(kinds) < FEWEST]
    folded = defaultdict(list)
    for one in classes:
        folded["".join(one.name.casefold().split())].append(one.name)
    alike = [name for names in folded.values() if len(names) > 1 for name in names]
    if absent:
        yield Message("report.not_learned", {"names": _listed(absent)})
    if few:
        yield Message("report.too_few", {"names": _listed(few), "fewest": FEWEST})
    if alike:
        yield Message("report.alike_names", {"names": _listed(alike)})
    most, fewest = (pick(classes, key=lambda one: one.photos) for pick in (max, min))
    if most.photos > UNEVEN * fewest.photos:
        sizes = {"most": most.photos, "fewest": fewest.photos}
        yield Message("report.imbalance", {"largest": most.name, "smallest": fewest.name, **sizes})


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (" …" if len(names) > _NAMES_SHOWN else "")
