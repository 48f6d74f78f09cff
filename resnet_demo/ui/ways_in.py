"""The ways in for a visitor's photos: what came from the browser, brought to a folder that can be opened.

Each is a function of the settings, of what tells the progress of a stage of the work, and of what the browser gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from resnet_demo.data.archive import SUFFIXES
from resnet_demo.data.hub_photos import from_hub
from resnet_demo.data.images import Problem
from resnet_demo.data.intake import SAMPLES, Arrival, from_archive, from_boxes, from_folder, from_photos, sample_flowers
from resnet_demo.data.staging import DATASETS, HUB, PREFIX
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.boxes import Box
from resnet_demo.ui.drop import ReceivedPhoto, in_one_piece, received
from resnet_demo.ui.keeping import room

OTHER_ARCHIVES = (".rar", ".7z", ".zst", ".gz", ".bz2", ".xz")
"""Not read here, but looked into: the sentence then says what they are."""
MOST_LETTERS = 60

Tell = Callable[[str], Progress]


def from_drop(settings: Settings, tell: Tell, payload: object) -> Arrival:
    """What was dropped: an archive on its own, or photos in folders; `payload` is as `drop.received` takes it.

    Raises:
        AppError: several archives or one among photos, or as `received`, `from_archive` and `from_photos` say.
    """
    files, bounded = received(payload, settings, archives=True), room(settings)
    archives = [file for file in files if _is_archive(file.name, alone=len(files) == 1)]
    if archives and len(files) > 1:
        raise AppError("photos.problem.archives")
    if archives:
        with in_one_piece(archives[0]) as path:
            return from_archive(path, bounded, archives[0].name, tell("unpacking"))
    sent = [(file.name, file.path) for file in files if file.path]
    arrival = from_photos(sent, bounded, _common_folder(files), tell("copying"))
    limit = {"megabytes": settings.max_upload_bytes // MEGABYTE}
    large = (Problem(file.name, "file_too_large", limit) for file in files if file.path is None)
    return replace(arrival, problems=(*arrival.problems, *large))


def _is_archive(name: str, *, alone: bool) -> bool:
    """One inside a dropped folder is a stray file."""
    return "/" not in name and name.lower().endswith((*SUFFIXES, *OTHER_ARCHIVES) if alone else SUFFIXES)


def _common_folder(files: Sequence[ReceivedPhoto]) -> str:
    """The folder that was dropped; empty where there were several."""
    tops = {file.name.partition("/")[0] if "/" in file.name else "" for file in files}
    return tops.pop() if len(tops) == 1 else ""


def from_sorted(settings: Settings, tell: Tell, boxes: Sequence[Box]) -> Arrival:
    """Photos that were sorted into boxes; empty boxes are left out.

    Raises:
        AppError: as `from_boxes` says.
    """
    filled = [(box.name, box.files()) for box in boxes if box.photos]
    name = ", ".join(name for name, _ in filled)[:MOST_LETTERS]
    return from_boxes(filled, room(settings), name, tell("copying"))


def from_path(settings: Settings, _: Tell, path: object) -> Arrival:
    """A folder of this machine.

    Raises:
        AppError: nothing was written, or as `from_folder` says: a stranger may name none.
    """
    written = str(path or "").strip()
    if not written:
        raise AppError("photos.problem.no_folder")
    return from_folder(Path(written), settings)


def from_hub_id(settings: Settings, tell: Tell, name: object) -> Arrival:
    """A data set of the Hugging Face Hub.

    Raises:
        AppError: as `from_hub` says.
    """
    return from_hub(str(name or ""), room(settings), tell("fetching"))


def from_sample(settings: Settings, tell: Tell) -> Arrival:
    """The sample flowers, which everybody shares.

    Raises:
        AppError: as `sample_flowers` says.
    """
    return sample_flowers(settings, tell("downloading"))


def brought_before(home: Path) -> list[Path]:
    """Folders of photos that were brought here earlier, the newest first."""
    folders = [
        folder
        for place in (DATASETS, HUB, SAMPLES)
        for folder in (home / place).glob("*")
        if folder.is_dir() and not folder.name.startswith(PREFIX)
    ]
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)
