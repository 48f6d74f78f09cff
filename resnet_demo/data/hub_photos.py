"""Import of data sets from the Hugging Face Hub, as photos in class folders in HOME/hub."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from resnet_demo.data import archive, images, parquet
from resnet_demo.data.dataset_storage import HUB, INCOMPLETE_PREFIX, new_dataset, storage_folder
from resnet_demo.data.disk_usage import DISK_FULL, DiskBudget, disk_bytes
from resnet_demo.data.file_names import TakenPaths, display_name, parts_of
from resnet_demo.data.files import is_junk
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.download import DownloadError, Progress, out_of_reach
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError

AT_ONCE = 8
"""Parallel downloads: most files are small, and the time goes into waiting for the network."""

_LOOK_UP_SECONDS = 20
_BATCH = 1_000


@dataclass(frozen=True)
class _Repository:
    """A data set at one commit, with the names of its files and their sizes in bytes."""

    name: str
    commit: str
    files: dict[str, int]


def from_hub(name: str, settings: Settings, progress: Progress | None = None) -> ImportedFolder:
    """Import the photos of a data set on the Hub, `owner/name` or `owner/name@revision`.

    Photos in folders are imported; if there are none, zip and tar archives, each unpacked into a folder of its name; if
    there are none of these, Parquet tables. Files are fetched through the cache of the Hub's client, whose variables
    apply (HF_ENDPOINT, HF_HOME, HF_TOKEN), and linked from there if possible, else copied. A data set that was imported
    before is shared. On a public page, visitors get what everybody gets, without HF_TOKEN,
    and the cache is emptied afterwards.

    Args:
        progress: called with (files done, all files).

    Raises:
        DownloadError: no such data set, no access to it, or no connection.
        AppError: it has no photos in a supported form, is too large, or has a damaged or malicious archive or table.
    """
    token = None if settings.local_paths_allowed else False
    repository = _look_up(name, token)
    wanted = _choose(repository)
    too_large = AppError(
        "hub_photos.problem.too_large", name=repository.name, megabytes=settings.max_stored_bytes // MEGABYTE
    )
    if sum(disk_bytes(repository.files[file]) for file in wanted) > settings.max_stored_bytes:
        raise too_large
    preferred = f"{repository.name.replace('/', '--')}-{repository.commit[:8]}"
    here = storage_folder(settings, HUB) / preferred
    if here.is_dir():
        os.utime(here)  # on a public page their time starts again
        return ImportedFolder(here)

    def fill(fresh: Path) -> int:
        paths, budget, ignored = TakenPaths(), DiskBudget(settings.max_stored_bytes), 0
        unpacking = parquet.Unpacking(fresh, settings.max_stored_bytes)
        with TemporaryDirectory(dir=fresh.parent, prefix=INCOMPLETE_PREFIX) as passing:
            cache = None if settings.local_paths_allowed else passing
            for done, (file, source) in enumerate(_fetch(repository, wanted, token, cache), 1):
                if file.endswith(parquet.SUFFIX):
                    ignored += unpacking.add(source, parquet.split_of(file))
                else:
                    ignored += _put(file, source, fresh, paths, budget)
                if budget.left < 0:
                    raise too_large
                if progress:
                    progress(done, len(wanted))
        return ignored

    folder, ignored = new_dataset(storage_folder(settings, HUB), preferred, fill)
    return ImportedFolder(folder, ignored)


def _look_up(name: str, token: bool | None) -> _Repository:
    from huggingface_hub import HfApi
    from huggingface_hub import errors as hub

    named = re.fullmatch(r"([\w.-]+(?:/[\w.-]+)?)(?:@([\w./-]+))?", name.strip(), re.ASCII)
    if named is None:
        raise AppError("hub_photos.problem.name", name=display_name(name))
    repo, revision = named.groups()
    try:
        info = HfApi(token=token).dataset_info(repo, revision=revision, files_metadata=True, timeout=_LOOK_UP_SECONDS)
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError, ValueError) as error:
        raise DownloadError("hub_photos.problem.absent", name=display_name(name)) from error
    except out_of_reach() as error:
        raise DownloadError("hub_photos.problem.offline", name=repo) from error
    files = {file.rfilename: file.size or 0 for file in info.siblings or []}
    return _Repository(repo, str(info.sha), files)


def _choose(repository: _Repository) -> list[str]:
    files = [file for file in repository.files if not any(map(is_junk, file.split("/")))]
    photos = [file for file in files if "/" in file and PurePosixPath(file).suffix.lower() in images.SUFFIXES]
    packed = photos or [file for file in files if file.lower().endswith(archive.SUFFIXES)]
    wanted = packed or parquet.choose(file for file in files if file.endswith(parquet.SUFFIX))
    if not wanted:
        raise AppError("hub_photos.problem.no_photos", name=repository.name)
    return wanted


def _fetch(
    repository: _Repository, files: list[str], token: bool | None, cache: str | None
) -> Iterator[tuple[str, Path]]:
    """Each file with its path in the client's cache."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    def fetch_one(file: str) -> Path:
        options: dict[str, Any] = {
            "repo_type": "dataset",
            "revision": repository.commit,
            "token": token,
            "cache_dir": cache,
        }
        return Path(hf_hub_download(repository.name, file, **options))

    disable_progress_bars()  # the client's own, one for each file
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            yield from zip(batch, pool.map(fetch_one, batch), strict=True)
    except out_of_reach() as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        raise DownloadError("hub_photos.problem.offline", name=repository.name) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _put(file: str, source: Path, fresh: Path, paths: TakenPaths, budget: DiskBudget) -> int:
    """Link or copy a photo, or unpack an archive, below `fresh`; returns the number of junk files ignored."""
    suffix = next((suffix for suffix in archive.SUFFIXES if file.lower().endswith(suffix)), "")
    place = paths.claim_free(parts_of(file[: len(file) - len(suffix)]))
    target = fresh.joinpath(*place)
    if suffix:
        target.mkdir(parents=True)
        unpacked = archive.unpack(source, target, max_bytes=budget.left)
        budget.left -= unpacked.taken
        return unpacked.ignored
    budget.take(place, source.stat().st_size)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
    return 0
