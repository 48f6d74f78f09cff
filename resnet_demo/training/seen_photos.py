"""The photos that a run has seen: those that it learnt from, and those that its model was chosen by. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_demo.data.image_folder import Dataset, Photo, Split, open_dataset
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.run import Run

FACT = "seen"
"""Among a run's facts: the beginning of the content hash of each photo seen, in hexadecimal."""
SEEN_SPLITS = ("train", "val")
HASH_BYTES = 8
"""Of a content hash: among a million photos and a million others two share them once in 10 million times."""


@dataclass(frozen=True)
class SeenPhotos:
    """Photos seen, by content; `known` is False where it is not known whether these are all."""

    hashes: frozenset[str] = frozenset()
    known: bool = True

    def __contains__(self, photo: Photo) -> bool:
        return _hash(photo.content) in self.hashes

    def __or__(self, other: SeenPhotos) -> SeenPhotos:
        return SeenPhotos(self.hashes | other.hashes, self.known and other.known)


def seen_fact(dataset: Dataset, split: Split) -> list[str]:
    """What a run keeps in its facts as `FACT`."""
    return sorted(_hashes(dataset, {name: getattr(split, name) for name in SEEN_SPLITS}))


def seen_photos(run: Run, dataset: Dataset, settings: Settings) -> SeenPhotos:
    """The photos that a run has seen.

    Runs of earlier versions keep no hashes: theirs are taken from `dataset` or from the folder that they were trained
    on, if the photos there are still the same.
    """
    kept = run.facts.get(FACT)
    if isinstance(kept, list):
        return SeenPhotos(frozenset(map(str, kept)))
    try:
        known_as, split = run.facts["data"]["fingerprint"], run.facts["split"]
        if not dataset.is_known_as(known_as):
            limit, reading = settings.max_pixels, run.config.reading
            dataset = open_dataset(Path(run.config.data), settings.home, max_pixels=limit, reading=reading)
        if dataset.is_known_as(known_as):
            return SeenPhotos(_hashes(dataset, split))
    except (AppError, KeyError, TypeError, IndexError):
        pass
    return SeenPhotos(known=False)


def _hashes(dataset: Dataset, split: Mapping[str, Sequence[Any]]) -> frozenset[str]:
    return frozenset(_hash(dataset.photos[index].content) for name in SEEN_SPLITS for index in split[name])


def _hash(content: bytes) -> str:
    return content[:HASH_BYTES].hex()
