"""Import of photos: from a local folder, an archive, files or contents, or sorted boxes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_demo.data import archive
from resnet_demo.data.dataset_storage import new_dataset, storage_folder
from resnet_demo.data.disk_usage import DiskBudget
from resnet_demo.data.file_names import TakenPaths, display_name, one_part, parts_of
from resnet_demo.data.files import is_junk
from resnet_demo.data.images import Problem, content_of
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE, Settings, expanded
from resnet_demo.texts import AppError, Message

MOST_NAMES = 5
HASH_BYTES = 4


@dataclass(frozen=True)
class ImportedFolder:
    """An imported folder for `image_folder.open_dataset`, and the files left out.

    `ignored` counts junk files; `problems` are photos that could not be read any more, and files that were left out of
    an archive. `own` is a folder made for this import alone. `notes` are what a person should check before the photos
    are used.
    """

    folder: Path
    ignored: int = 0
    problems: tuple[Problem, ...] = ()
    own: bool = False
    notes: tuple[Message, ...] = ()


def from_folder(folder: Path, settings: Settings) -> ImportedFolder:
    """Use a local folder; its photos stay where they are.

    Raises:
        AppError: there is no such folder, or the page is public.
    """
    if not settings.local_paths_allowed:
        raise AppError("photo_import.problem.public")
    folder = expanded(folder).absolute()
    if not os.path.isdir(folder):  # noqa: PTH112  Path's own raises where a folder above is closed
        raise AppError("image_folder.problem.no_folder", folder=display_name(str(folder)))
    return ImportedFolder(folder)


def from_archive(
    path: Path, settings: Settings, name: str | None = None, progress: Progress | None = None
) -> ImportedFolder:
    """Unpack a zip or tar archive into HOME/datasets.

    Args:
        name: the archive's name, if it differs from that of `path`.
        progress: called with (bytes of the archive done, all bytes).

    Raises:
        AppError: as in `archive.unpack`, there is no file in it, or the disk is full.
    """
    if not os.path.isfile(path):  # noqa: PTH113  as above
        raise AppError("photo_import.problem.no_archive", file=display_name(name or str(path)))

    def fill(fresh: Path) -> archive.Unpacked:
        unpacked = archive.unpack(path, fresh, max_bytes=settings.max_stored_bytes, progress=progress)
        if not unpacked.files:
            inner = [problem.file for problem in unpacked.left_out if problem.kind == "inner_archive"]
            if inner:
                raise AppError("archive.problem.inner_only", names=", ".join(inner[:MOST_NAMES]))
            raise AppError("archive.problem.empty")
        return unpacked

    folder, unpacked = new_dataset(storage_folder(settings), _stem(name or path.name), fill)
    notes = () if unpacked.note is None else (unpacked.note,)
    return ImportedFolder(folder, unpacked.ignored, unpacked.left_out, own=True, notes=notes)


def from_archive_once(path: Path, settings: Settings, progress: Progress | None = None) -> ImportedFolder:
    """Unpack an archive of this machine as `from_archive`, or use the folder that the very same archive became before.

    The folder is named after the archive and the hash of its content.
    """
    name = f"{_stem(path.name)}-{content_of(path)[:HASH_BYTES].hex()}"
    known = storage_folder(settings) / one_part(name)
    if known.is_dir():
        return ImportedFolder(known)
    return from_archive(path, settings, name, progress)


def _stem(name: str) -> str:
    suffix = next((suffix for suffix in archive.SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def from_photos(
    photos: Sequence[tuple[str, Path]], settings: Settings, name: str, progress: Progress | None = None
) -> ImportedFolder:
    """Copy single photos into HOME/datasets, in the folders that their names give.

    Args:
        photos: (`tulips/a.jpg`, its path). A name that is in use gets a number at its end.
        progress: called with (photos done, all photos).

    Raises:
        AppError: none were given, together they are too large, a name leads out of its folder, or the disk is full.
    """
    wanted = [(parts_of(rel), path) for rel, path in photos]
    kept = [(parts, path) for parts, path in wanted if not any(map(is_junk, parts))]
    if not kept:
        raise AppError("photo_import.problem.no_photos")

    def fill(fresh: Path) -> tuple[Problem, ...]:
        return tuple(_copy(kept, fresh, settings.max_stored_bytes, progress))

    folder, problems = new_dataset(storage_folder(settings), name, fill)
    return ImportedFolder(folder, len(wanted) - len(kept), problems, own=True)


def _copy(
    photos: Sequence[tuple[tuple[str, ...], Path]], folder: Path, max_bytes: int, progress: Progress | None
) -> Iterator[Problem]:
    """Copy photos to their places below `folder`; yields those that no longer exist."""
    paths, budget = TakenPaths(), DiskBudget(max_bytes)
    for done, (parts, path) in enumerate(photos, 1):
        if os.path.isfile(path):  # noqa: PTH113  as above
            place = paths.claim_free(parts)
            if not budget.take(place, path.stat().st_size):
                raise AppError("photo_import.problem.too_large", megabytes=max_bytes // MEGABYTE)
            target = folder.joinpath(*place)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        else:
            yield Problem("/".join(parts), "missing")
        if progress:
            progress(done, len(photos))


def from_contents(photos: Sequence[tuple[str, bytes]], settings: Settings, name: str) -> ImportedFolder:
    """Write photos that are in memory, as files' contents, into HOME/datasets, in the folders that their names give.

    Args:
        photos: (`tulips/a.jpg`, its content).

    Raises:
        AppError: together they are too large, a name leads out of its folder, or the disk is full.
    """

    def fill(fresh: Path) -> None:
        budget = DiskBudget(settings.max_stored_bytes)
        for rel, content in photos:
            parts = parts_of(rel)
            if not budget.take(parts, len(content)):
                raise AppError("photo_import.problem.too_large", megabytes=settings.max_stored_bytes // MEGABYTE)
            target = fresh.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    folder, _ = new_dataset(storage_folder(settings), name, fill)
    return ImportedFolder(folder, own=True)


def from_boxes(
    boxes: Iterable[tuple[str, Iterable[tuple[str, Path]]]],
    settings: Settings,
    name: str,
    progress: Progress | None = None,
) -> ImportedFolder:
    """Copy photos that were sorted into boxes by hand into HOME/datasets, one folder for each class.

    Args:
        boxes: (name of the class, its photos: name and path of each). A name that is not valid for a file or folder is
            replaced by a close one.
        progress: called with (photos done, all photos).

    Raises:
        AppError: a class without a name, or as in `from_photos`.
    """
    photos = []
    for label, given in boxes:
        folder = one_part(label)
        if not folder:
            raise AppError("photo_import.problem.class_name", name=display_name(label))
        photos += [(f"{folder}/{one_part(photo) or folder}", path) for photo, path in given]
    return from_photos(photos, settings, name, progress)
