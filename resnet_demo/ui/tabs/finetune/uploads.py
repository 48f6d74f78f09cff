"""Uploads for a data set: what came from the browser, imported into a folder that can be opened.

Each function is given the settings, the progress of each stage by its name, and what the browser sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from resnet_demo.data.archive import SUFFIXES
from resnet_demo.data.dataset_storage import DATASETS, HUB, INCOMPLETE_PREFIX
from resnet_demo.data.hub_photos import from_hub
from resnet_demo.data.images import Problem
from resnet_demo.data.photo_import import ImportedFolder, from_archive, from_boxes, from_folder, from_photos
from resnet_demo.data.sample_photos import SAMPLES, drawn_sample, sample_flowers
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.components.drop_zone import ReceivedPhoto, in_one_piece, received
from resnet_demo.ui.security.retention import within_storage_limit
from resnet_demo.ui.tabs.finetune.class_boxes import Box

OTHER_ARCHIVES = (".rar", ".7z", ".zst", ".gz", ".bz2", ".xz")
"""Not read here, but looked into: the sentence then says what they are."""
MOST_LETTERS = 60

StageProgress = Callable[[str], Progress]


def from_drop(settings: Settings, stage_progress: StageProgress, payload: object) -> ImportedFolder:
    """What was dropped: an archive on its own, or photos in folders; `payload` is as `drop.received` takes it.

    Raises:
        AppError: several archives or one among photos, or as `received`, `from_archive` and `from_photos` say.
    """
    files, bounded = received(payload, settings, archives=True), within_storage_limit(settings)
    archives = [file for file in files if _is_archive(file.name, alone=len(files) == 1)]
    if archives and len(files) > 1:
        raise AppError("photos.problem.archives")
    if archives:
        with in_one_piece(archives[0]) as path:
            return from_archive(path, bounded, archives[0].name, stage_progress("unpacking"))
    sent = [(file.name, file.path) for file in files if file.path]
    imported = from_photos(sent, bounded, _common_folder(files), stage_progress("copying"))
    limit = {"megabytes": settings.max_upload_bytes // MEGABYTE}
    large = (Problem(file.name, "file_too_large", limit) for file in files if file.path is None)
    return replace(imported, problems=(*imported.problems, *large))


def _is_archive(name: str, *, alone: bool) -> bool:
    """One inside a dropped folder is a stray file."""
    return "/" not in name and name.lower().endswith((*SUFFIXES, *OTHER_ARCHIVES) if alone else SUFFIXES)


def _common_folder(files: Sequence[ReceivedPhoto]) -> str:
    """The folder that was dropped; empty where there were several."""
    tops = {file.name.partition("/")[0] if "/" in file.name else "" for file in files}
    return tops.pop() if len(tops) == 1 else ""


def from_sorted(settings: Settings, stage_progress: StageProgress, boxes: Sequence[Box]) -> ImportedFolder:
    """Photos that were sorted into boxes; empty boxes are left out.

    Raises:
        AppError: as `from_boxes` says.
    """
    filled = [(box.name, box.files()) for box in boxes if box.photos]
    name = ", ".join(name for name, _ in filled)[:MOST_LETTERS]
    return from_boxes(filled, within_storage_limit(settings), name, stage_progress("copying"))


def from_path(settings: Settings, _: StageProgress, path: object) -> ImportedFolder:
    """A folder of this machine.

    Raises:
        AppError: nothing was written, or as `from_folder` says: a visitor of a public page may name none.
    """
    written = str(path or "").strip()
    if not written:
        raise AppError("photos.problem.no_folder")
    return from_folder(Path(written), settings)


def from_hub_id(settings: Settings, stage_progress: StageProgress, name: object) -> ImportedFolder:
    """A data set of the Hugging Face Hub.

    Raises:
        AppError: as `from_hub` says.
    """
    return from_hub(str(name or ""), within_storage_limit(settings), stage_progress("fetching"))


def from_sample(settings: Settings, stage_progress: StageProgress) -> ImportedFolder:
    """The sample flowers, which everybody shares.

    Raises:
        AppError: as `sample_flowers` says.
    """
    return sample_flowers(settings, stage_progress("downloading"))


def from_drawn_sample(settings: Settings, stage_progress: StageProgress) -> ImportedFolder:
    """The drawn flowers, which everybody shares.

    Raises:
        AppError: as `drawn_sample` says.
    """
    return drawn_sample(settings, stage_progress("drawing"))


def earlier_folders(home: Path) -> list[Path]:
    """Folders of photos that were imported earlier, the newest first."""
    folders = [
        folder
        for place in (DATASETS, HUB, SAMPLES)
        for folder in (home / place).glob("*")
        if folder.is_dir() and not folder.name.startswith(INCOMPLETE_PREFIX)
    ]
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)
