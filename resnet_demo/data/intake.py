"""The ways in for photos: a folder of this machine, an archive, a dropped folder, boxes, the sample flowers."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from resnet_demo.data import archive
from resnet_demo.data.disk_use import Room
from resnet_demo.data.files import is_litter, list_folder
from resnet_demo.data.images import Problem
from resnet_demo.data.names import Places, one_part, parts_of, shown
from resnet_demo.data.staging import kept_in, new_dataset, refusals
from resnet_demo.download import Progress, fetch
from resnet_demo.settings import MEGABYTE, Settings, expanded
from resnet_demo.texts import AppError

FLOWERS_URL = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"
"""TensorFlow's flower photos as its tutorials name them; CC BY 2.0, 229 MB."""

FLOWERS_SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
"""As TensorFlow Datasets records it."""

SAMPLES = "samples"
"""Where in the data home the sample flowers lie: apart from what anybody may bring under their name."""

FLOWERS = {"daisy": 633, "dandelion": 898, "roses": 641, "sunflowers": 699, "tulips": 799}


@dataclass(frozen=True)
class Arrival:
    """A folder that `image_folder.open_dataset` can open, and what did not come along.

    `ignored` counts an operating system's litter; `problems` are photos that could not be read any more. `own`
    is a folder made for this arrival alone, which nobody else works with.
    """

    folder: Path
    ignored: int = 0
    problems: tuple[Problem, ...] = ()
    own: bool = False


def from_folder(folder: Path, settings: Settings) -> Arrival:
    """A folder of this machine; its photos stay where they are.

    Raises:
        AppError: there is none, or strangers may reach the page, who are not to look around here.
    """
    if not settings.local_paths_allowed:
        raise AppError("intake.problem.public")
    folder = expanded(folder).absolute()
    if not os.path.isdir(folder):  # noqa: PTH112  Path's own raises where a folder above is closed
        raise AppError("image_folder.problem.no_folder", folder=shown(str(folder)))
    return Arrival(folder)


def from_archive(path: Path, settings: Settings, name: str | None = None, progress: Progress | None = None) -> Arrival:
    """A zip or tar archive, unpacked under HOME/datasets, or nothing there at all.

    Args:
        name: the archive's own, if `path` is not called so.
        progress: told the archive's bytes that are done, and all.

    Raises:
        AppError: as `archive.unpack` says, there is no file in it, or the disk is full.
    """
    if not os.path.isfile(path):  # noqa: PTH113  as above
        raise AppError("intake.problem.no_archive", file=shown(name or str(path)))

    def fill(fresh: Path) -> archive.Unpacked:
        unpacked = archive.unpack(path, fresh, max_bytes=settings.max_stored_bytes, progress=progress)
        if not unpacked.files:
            raise AppError("archive.problem.empty")
        return unpacked

    folder, unpacked = new_dataset(kept_in(settings), _stem(name or path.name), fill)
    return Arrival(folder, unpacked.ignored, own=True)


def _stem(name: str) -> str:
    suffix = next((suffix for suffix in archive.SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def from_photos(
    photos: Sequence[tuple[str, Path]], settings: Settings, name: str, progress: Progress | None = None
) -> Arrival:
    """Photos that were received one by one, copied under HOME/datasets into the folders that their names give.

    Args:
        photos: (`tulips/a.jpg`, where it lies now). Where a name is taken, a number is put behind it.
        progress: told photos done and in all.

    Raises:
        AppError: none were given, together they are too large, a name leads out of its folder, or the disk is full.
    """
    wanted = [(parts_of(rel), path) for rel, path in photos]
    kept = [(parts, path) for parts, path in wanted if not any(map(is_litter, parts))]
    if not kept:
        raise AppError("intake.problem.no_photos")

    def fill(fresh: Path) -> tuple[Problem, ...]:
        return tuple(_copy(kept, fresh, settings.max_stored_bytes, progress))

    folder, problems = new_dataset(kept_in(settings), name, fill)
    return Arrival(folder, len(wanted) - len(kept), problems, own=True)


def _copy(
    photos: Sequence[tuple[tuple[str, ...], Path]], folder: Path, max_bytes: int, progress: Progress | None
) -> Iterator[Problem]:
    """Copy what is there to its place below `folder`; tells what is not there any more."""
    places, room = Places(), Room(max_bytes)
    for done, (parts, path) in enumerate(photos, 1):
        if os.path.isfile(path):  # noqa: PTH113  as above
            place = places.settle(parts)
            if not room.take(place, path.stat().st_size):
                raise AppError("intake.problem.too_large", megabytes=max_bytes // MEGABYTE)
            target = folder.joinpath(*place)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        else:
            yield Problem("/".join(parts), "missing")
        if progress:
            progress(done, len(photos))


def from_boxes(
    boxes: Iterable[tuple[str, Iterable[tuple[str, Path]]]],
    settings: Settings,
    name: str,
    progress: Progress | None = None,
) -> Arrival:
    """Photos sorted into boxes by hand, copied under HOME/datasets, one folder for each class.

    Args:
        boxes: (the class's name, its photos: the name of each, where it lies now). A name that no file or folder can
            have is brought as near as can be.
        progress: told photos done and in all.

    Raises:
        AppError: a class without a name, or as `from_photos` says.
    """
    photos = []
    for label, given in boxes:
        folder = one_part(label)
        if not folder:
            raise AppError("intake.problem.class_name", name=shown(label))
        photos += [(f"{folder}/{one_part(photo) or folder}", path) for photo, path in given]
    return from_photos(photos, settings, name, progress)


def sample_flowers(
    settings: Settings, progress: Progress | None = None, *, url: str = FLOWERS_URL, sha256: str = FLOWERS_SHA256
) -> Arrival:
    """TensorFlow's 3,670 photos of five flowers, fetched unless they are here; a download that broke off is continued.

    Args:
        progress: told bytes done and in all, first of the download, then of the archive that is unpacked.

    Raises:
        AppError: they cannot be fetched or unpacked, or what came is something else.
    """
    packed = settings.home / "downloads" / "flower_photos.tgz"
    found = _find_flowers(settings.home)
    if found:
        with contextlib.suppress(OSError):  # who unpacked it may have been killed before this
            packed.unlink(missing_ok=True)
        return Arrival(found)
    fetch(url, packed, sha256_prefix=sha256, progress=progress)

    def fill(fresh: Path) -> None:
        archive.unpack(packed, fresh, max_bytes=settings.max_stored_bytes, progress=progress)
        if _count_flowers(fresh) != FLOWERS:
            packed.unlink()
            raise AppError("intake.problem.not_flowers")

    with refusals(packed.parent), FileLock(packed.with_suffix(".unpacking")):
        found = _find_flowers(settings.home)  # another visitor was quicker
        if not found:
            found, _ = new_dataset(settings.home / SAMPLES, "flower_photos", fill)
        packed.unlink(missing_ok=True)
    return Arrival(found)


def _find_flowers(home: Path) -> Path | None:
    folders = sorted((home / SAMPLES).glob("flower_photos*"))
    return next((folder for folder in folders if _count_flowers(folder) == FLOWERS), None)


def _count_flowers(folder: Path) -> Counter[str]:
    names = (PurePosixPath(name) for name in list_folder(folder).files)
    return Counter(name.parent.name for name in names if name.suffix == ".jpg")
