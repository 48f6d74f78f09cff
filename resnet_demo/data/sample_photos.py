"""Sample sets to try a training with: photographed flowers, which are downloaded, and drawn ones, which need no net."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from filelock import FileLock

from resnet_demo.data import archive, drawn_flowers
from resnet_demo.data.dataset_storage import disk_errors, new_dataset
from resnet_demo.data.files import list_folder
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.download import Progress, fetch
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

FLOWERS_URL = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"
"""TensorFlow's flower photos as its tutorials name them; CC BY 2.0, 229 MB."""

FLOWERS_SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
"""As TensorFlow Datasets records it."""

SAMPLES = "samples"
"""The folder in the data home for the sample sets; separate, since an upload may have the same name."""

FLOWERS = {"daisy": 633, "dandelion": 898, "roses": 641, "sunflowers": 699, "tulips": 799}

DRAWN = dict.fromkeys(drawn_flowers.KINDS, 25)
"""Pictures of each class of the drawn set."""


def sample_flowers(
    settings: Settings, progress: Progress | None = None, *, url: str = FLOWERS_URL, sha256: str = FLOWERS_SHA256
) -> ImportedFolder:
    """TensorFlow's 3,670 photos of five flowers, fetched unless they are here; a download that broke off is continued.

    Args:
        progress: called with (bytes done, all bytes), first of the download, then of the archive.

    Raises:
        AppError: they cannot be fetched or unpacked, or what came is something else.
    """
    packed = settings.home / "downloads" / "flower_photos.tgz"
    found = _find(settings.home, "flower_photos", FLOWERS)
    if found:
        with contextlib.suppress(OSError):  # who unpacked it may have been killed before this
            packed.unlink(missing_ok=True)
        return ImportedFolder(found)
    fetch(url, packed, sha256_prefix=sha256, progress=progress)

    def fill(fresh: Path) -> None:
        archive.unpack(packed, fresh, max_bytes=settings.max_stored_bytes, progress=progress)
        if _count(fresh) != FLOWERS:
            packed.unlink()
            raise AppError("photo_import.problem.not_flowers")

    with disk_errors(packed.parent), FileLock(packed.with_suffix(".unpacking")):
        found = _find(settings.home, "flower_photos", FLOWERS)  # another visitor was faster
        if not found:
            found, _ = new_dataset(settings.home / SAMPLES, "flower_photos", fill)
        packed.unlink(missing_ok=True)
    return ImportedFolder(found)


def drawn_sample(settings: Settings, progress: Progress | None = None) -> ImportedFolder:
    """125 drawn pictures of five flowers, 128 pixels square, drawn unless they are here.

    Args:
        progress: called with (pictures done, all pictures).

    Raises:
        AppError: the disk is full, or cannot be written to.
    """

    def fill(fresh: Path) -> None:
        for done, _ in enumerate(drawn_flowers.write(fresh, DRAWN), 1):
            if progress:
                progress(done, sum(DRAWN.values()))

    samples = settings.home / SAMPLES
    with disk_errors(samples):
        samples.mkdir(parents=True, exist_ok=True)
        with FileLock(samples / "drawn_flowers.drawing"):
            found = _find(settings.home, "drawn_flowers", DRAWN)  # another visitor may have been faster
            if not found:
                found, _ = new_dataset(samples, "drawn_flowers", fill)
    return ImportedFolder(found)


def _find(home: Path, name: str, wanted: Mapping[str, int]) -> Path | None:
    """A folder of samples that holds what it should; new ones get a number at their end."""
    folders = sorted(folder for folder in (home / SAMPLES).glob(f"{name}*") if folder.is_dir())
    return next((folder for folder in folders if _count(folder) == wanted), None)


def _count(folder: Path) -> Counter[str]:
    names = (PurePosixPath(name) for name in list_folder(folder).files)
    return Counter(name.parent.name for name in names if name.suffix == ".jpg")
