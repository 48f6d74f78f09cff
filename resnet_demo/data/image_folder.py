"""A data set: photos in class folders, and their split into training, validation and test photos."""

from __future__ import annotations

import hashlib
import math
import os
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from resnet_demo.data.file_names import display_name, natural_order
from resnet_demo.data.files import Listing, list_folder
from resnet_demo.data.folder_labels import Layout, Reading
from resnet_demo.data.images import SUFFIXES, Header, Problem, inspect
from resnet_demo.data.index import Index, open_index
from resnet_demo.data.part_names import SplitName
from resnet_demo.data.photo_labels import label_photos, no_classes
from resnet_demo.download import Progress
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import AppError

FEWEST = 3
"""Photos, duplicates counted once, that a class needs to be split; with fewer all of them are training photos."""

AS_IT_SEEMS = Reading()
_TOLD_EVERY = 100


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a data set: 220 bytes of memory with a path of 35 letters, up to 430 while it is being opened.

    `path` is relative to the data set's root, separated by `/`; `label` an index into its classes; `size` the
    (width, height) of the upright picture; `split` the split that the folders define; `content` as in `images.Header`.
    """

    path: str
    label: int
    size: tuple[int, int]
    split: SplitName | None = None
    format: str = ""
    content: bytes = b""


@dataclass(frozen=True)
class Dataset:
    """Photos in classes, as they are on the disk.

    `problems` are files that should be photos but cannot be read, `ignored` counts other files, and `unlabelled` photos
    without a class; `layout` is what was understood of the folders. `fingerprint` identifies the photos and their names
    (SHA-256 over the names and `Photo.content`, and over the classes where folders do not tell them).
    `ends_fingerprint` is that of earlier versions (names and `Header.ends`), the same where no photo has more than 128
    KiB.
    """

    root: Path
    name: str
    classes: tuple[str, ...]
    photos: tuple[Photo, ...]
    problems: tuple[Problem, ...]
    ignored: int
    fingerprint: str
    unlabelled: int = 0
    ends_fingerprint: str = ""
    layout: Layout = field(default_factory=Layout)

    def is_known_as(self, fingerprint: object) -> bool:
        """Whether a fingerprint, current or of an earlier version, is that of these photos."""
        return bool(fingerprint) and fingerprint in (self.fingerprint, self.ends_fingerprint)


@dataclass(frozen=True)
class Split:
    """Indices into a data set's photos, in rising order: training, validation and test photos."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    seed: int


def open_dataset(
    folder: Path,
    home: Path,
    progress: Progress | None = None,
    *,
    max_pixels: int = Settings.max_pixels,
    reading: Reading = AS_IT_SEEMS,
) -> Dataset:
    """Find the photos below a folder, their classes and the splits that the folders define.

    Folders are read by `photo_labels.label_photos`. Files are checked by header and end, and decoded only where
    these do not show that a file is complete (`images.inspect`); damage in the middle of a file shows up when it is
    decoded, and the photo has to be skipped then. The whole file is read for its hash. Files with the same size and
    times as before are not opened: `images.load`, given a photo's `content`, detects if they have changed nevertheless.

    Args:
        home: the data home, where the index is kept.
        progress: called with (files done, all files); an exception it raises ends the work, and the index keeps what
            was done.
        reading: how the folder is to be read, where not as it seems.

    Raises:
        AppError: no such folder, no photos, no classes, or the reading does not fit.
    """
    root = expanded(folder).absolute()
    if not os.path.isdir(root):  # noqa: PTH112  Path's own raises where a folder above is closed
        raise AppError("image_folder.problem.no_folder", folder=display_name(str(folder)))
    listing = list_folder(root)
    found = _Found(listing, [Problem(name, "closed_folder") for name in listing.closed])
    with open_index(home, root) as index:
        for done, name in enumerate(listing.files, 1):
            examined = _examine(root, name, index, max_pixels)
            if isinstance(examined, Header):
                found.headers[name] = examined
            elif _is_stray(name, examined):
                found.strays.append(name)
            else:
                found.problems.append(replace(examined, file=name))
            if progress and (done % _TOLD_EVERY == 0 or done == len(listing.files)):
                progress(done, len(listing.files))
    return _arrange(root, found, _reading_inside(root, reading))


@dataclass(frozen=True)
class _Found:
    """The files of a folder: photos, those that should be, and others."""

    listing: Listing
    problems: list[Problem]
    headers: dict[str, Header] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)


def _reading_inside(root: Path, reading: Reading) -> Reading:
    """The same with the folders of the parts relative to the root.

    Raises:
        AppError: one lies outside of it.
    """

    def inside(folder: str | None) -> str | None:
        if not folder:
            return None
        path = os.path.relpath(os.path.normpath(root / expanded(Path(folder))), root).replace(os.sep, "/")
        if path.split("/")[0] == "..":
            raise AppError("folder_labels.problem.outside", folder=display_name(folder))
        return path

    return replace(
        reading,
        train_folder=inside(reading.train_folder),
        val_folder=inside(reading.val_folder),
        test_folder=inside(reading.test_folder),
    )


def _examine(root: Path, name: str, index: Index, max_pixels: int) -> Header | Problem:
    path = f"{root}/{name}"
    try:
        status = os.stat(path)  # noqa: PTH116  a third of the time that Path takes
    except OSError:
        return Problem(name, "missing")
    known = index.find(name, status)
    if isinstance(known, Problem) or (known and known.size[0] * known.size[1] <= max_pixels):
        return known
    found = inspect(path, max_pixels=max_pixels)
    index.keep(name, status, found)
    return found


def _is_stray(name: str, problem: Problem) -> bool:
    return problem.kind in {"not_an_image", "empty"} and PurePosixPath(name).suffix.lower() not in SUFFIXES


def _arrange(root: Path, found: _Found, reading: Reading) -> Dataset:
    """Make the data set of the files found in a folder."""
    headers, ignored = found.headers, found.listing.junk + len(found.strays)
    if not headers:
        raise AppError(
            "image_folder.problem.no_photos",
            folder=display_name(root.name),
            problems=len(found.problems),
            ignored=ignored,
        )
    labelled = label_photos(root, sorted(headers, key=_stable), found.strays, reading)
    classes = sorted({one.label for one in labelled.labels.values()}, key=natural_order)
    if not classes:
        raise no_classes(root, len(headers), found.strays)
    numbers = {label: number for number, label in enumerate(classes)}
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    photos = []
    for name, one in labelled.labels.items():
        header = headers[name]
        size, kind = sizes.setdefault(header.size, header.size), sys.intern(header.format)
        photos.append(Photo(name, numbers[one.label], size, one.split, kind, header.content))
    layout = replace(labelled.layout, junk=dict(found.listing.junk_folders))
    passed = tuple(f"{one.path}/" for one in layout.skipped)
    problems = [replace(one, file=display_name(one.file)) for one in found.problems]
    counted = tuple(one for one in problems if not one.file.startswith(passed))
    fingerprint, ends_fingerprint = _fingerprints(photos, headers, () if layout.label_source == "folders" else classes)
    return Dataset(
        root=root,
        name=display_name(root.name),
        classes=tuple(classes),
        photos=tuple(photos),
        problems=counted,
        ignored=ignored + len(problems) - len(counted),
        fingerprint=fingerprint,
        unlabelled=len(headers) - len(photos) - sum(one.count for one in layout.skipped),
        ends_fingerprint=ends_fingerprint,
        layout=layout,
    )


def _stable(name: str) -> bytes:
    """A name in the same bytes on every machine: file systems differ in Unicode normalisation."""
    return unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")


def _fingerprints(photos: Iterable[Photo], headers: Mapping[str, Header], classes: Sequence[str]) -> tuple[str, str]:
    """`fingerprint` and `ends_fingerprint` of a data set; `classes` where the folders do not tell them."""
    whole, ends = hashlib.sha256(), hashlib.sha256()
    for photo in photos:
        name = _stable(photo.path) + b"\0"
        if classes:
            name += _stable(classes[photo.label]) + b"\0"
        whole.update(name + photo.content)
        ends.update(name + headers[photo.path].ends)
    return whole.hexdigest(), ends.hexdigest()


def split(
    dataset: Dataset, seed: int, val: float = 0.15, test: float = 0.15, groups: Sequence[int] | None = None
) -> Split:
    """Split a data set within each class; the same on every machine, since it depends on names and seed only.

    A split that the folders define is kept; the others are taken from the training photos. Within a class, photos are
    ranked by a hash of seed and name, and the first ones go to `test` and `val` until their share is reached, so that
    adding a photo moves few others. Each split gets at least one photo, unless the class has fewer than FEWEST: then
    all of them are training photos, and the class is not evaluated.

    Args:
        val, test: shares of each class, in [0, 1), together under 1; 0 for none.
        groups: a number for each photo, equal for photos to be kept in one split, such as duplicates
            (`duplicates.Duplicates.groups`); if the folders separate them, they stay separate.

    Raises:
        AppError: the training photos are of fewer than two classes, or no class has enough photos to be split.
    """
    if min(val, test) < 0 or val + test >= 1:
        raise ValueError("no such shares")
    splits: dict[SplitName, list[int]] = {"train": [], "val": [], "test": []}
    for index, photo in enumerate(dataset.photos):
        splits[photo.split or "train"].append(index)
    wished: dict[SplitName, float] = {"test": test, "val": val}
    shares = {name: share for name, share in wished.items() if not splits[name]}
    free, splits["train"] = splits["train"], []
    _check_classes(dataset, free)
    for units in _units(dataset, seed, free, groups):
        for name, taken in _split_class(units, shares).items():
            splits[name] += taken
    if any(share and not splits[name] for name, share in shares.items()):
        raise AppError("image_folder.problem.too_few", fewest=FEWEST)
    train, val_photos, test_photos = (tuple(sorted(indices)) for indices in splits.values())
    return Split(train, val_photos, test_photos, seed)


def _check_classes(dataset: Dataset, free: Sequence[int]) -> None:
    if not free:
        raise AppError("image_folder.problem.no_train", folder=dataset.name)
    found = {dataset.photos[index].label for index in free}
    if len(found) == 1:
        raise AppError("image_folder.problem.one_class", name=dataset.classes[found.pop()])


def _units(dataset: Dataset, seed: int, free: Iterable[int], groups: Sequence[int] | None) -> list[list[list[int]]]:
    """For each class its groups of photos in random order; a group belongs to the class of its first photo."""
    together: dict[int, list[int]] = defaultdict(list)
    for index in free:
        together[index if groups is None else groups[index]].append(index)
    classes: list[list[list[int]]] = [[] for _ in dataset.classes]
    for unit in sorted(together.values(), key=lambda unit: _draw(dataset.photos[unit[0]].path, seed)):
        classes[dataset.photos[unit[0]].label].append(unit)
    return classes


def _draw(name: str, seed: int) -> bytes:
    return hashlib.blake2b(b"%d\0" % seed + _stable(name), digest_size=16).digest()


def _split_class(units: Sequence[list[int]], shares: Mapping[SplitName, float]) -> dict[SplitName, list[int]]:
    """Split the groups of one class: the first is for training, each other goes to the first split with enough left.

    A split that no group fits, as where every photo has copies, gets the smallest group that another can spare.
    """
    count = sum(map(len, units))
    taken: dict[SplitName, list[list[int]]] = {"train": [], **{name: [] for name in shares}}
    if len(units) < FEWEST:
        shares = {}
    remaining = {name: max(1, math.floor(count * share + 0.5)) for name, share in shares.items() if share}
    for number, unit in enumerate(units):
        fits = [name for name, left in remaining.items() if number and len(unit) <= left]
        taken[fits[0] if fits else "train"].append(unit)
        if fits:
            remaining[fits[0]] -= len(unit)
    for name in remaining:
        if not taken[name]:
            spare = ((giver, unit) for giver, held in taken.items() if len(held) > 1 for unit in held)
            giver, unit = min(spare, key=lambda one: len(one[1]))
            taken[giver].remove(unit)
            taken[name].append(unit)
    return {name: list(chain.from_iterable(held)) for name, held in taken.items()}
