"""A data set of the Hugging Face Hub, as photos in class folders, brought to HOME/hub."""

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
from resnet_demo.data.disk_use import DISK_FULL, Room, disk_bytes
from resnet_demo.data.files import is_litter
from resnet_demo.data.intake import Arrival
from resnet_demo.data.names import Places, parts_of, shown
from resnet_demo.data.staging import HUB, PREFIX, kept_in, new_dataset
from resnet_demo.download import DownloadError, Progress, out_of_reach
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError

AT_ONCE = 8
"""Files fetched side by side: most are small, and the time goes into waiting for the network."""

_LOOK_UP_SECONDS = 20
_BATCH = 1_000


@dataclass(frozen=True)
class _Repository:
    """A data set at one commit, with the names of its files and their sizes in bytes."""

    name: str
    commit: str
    files: dict[str, int]


def from_hub(name: str, settings: Settings, progress: Progress | None = None) -> Arrival:
    """The photos of a data set on the Hub, `owner/name` or `owner/name@revision`.

    Taken are the photos that lie in folders; where there are none, zip and tar archives, each unpacked into a folder of
    its name; where there are none of these, Parquet tables. They are fetched through the Hub client's own cache, whose
    variables hold (HF_ENDPOINT, HF_HOME, HF_TOKEN), and linked from there where the disk can, else copied. What is here
    already is shared by all who ask for it. Where strangers may ask, they get what everybody gets, without HF_TOKEN,
    and the cache is emptied afterwards.

    Args:
        progress: told files done and in all.

    Raises:
        DownloadError: no such data set, no access to it, or no connection.
        AppError: it has no photos in any of these ways, is too large, or has a damaged or hostile archive or table.
    """
    token = None if settings.local_paths_allowed else False
    repository = _look_up(name, token)
    wanted = _choose(repository)
    too_large = AppError(
        "hub_photos.problem.too_large", name=repository.name, megabytes=settings.max_stored_bytes // MEGABYTE
    )
    if sum(disk_bytes(repository.files[file]) for file in wanted) > settings.max_stored_bytes:
        raise too_large
    wish = f"{repository.name.replace('/', '--')}-{repository.commit[:8]}"
    here = kept_in(settings, HUB) / wish
    if here.is_dir():
        os.utime(here)  # where photos go in time, they are kept from now on
        return Arrival(here)

    def fill(fresh: Path) -> int:
        places, room, ignored = Places(), Room(settings.max_stored_bytes), 0
        unpacking = parquet.Unpacking(fresh, settings.max_stored_bytes)
        with TemporaryDirectory(dir=fresh.parent, prefix=PREFIX) as passing:
            cache = None if settings.local_paths_allowed else passing
            for done, (file, source) in enumerate(_fetch(repository, wanted, token, cache), 1):
                if file.endswith(parquet.SUFFIX):
                    ignored += unpacking.add(source, parquet.part_of(file))
                else:
                    ignored += _put(file, source, fresh, places, room)
                if room.left < 0:
                    raise too_large
                if progress:
                    progress(done, len(wanted))
        return ignored

    folder, ignored = new_dataset(kept_in(settings, HUB), wish, fill)
    return Arrival(folder, ignored)


def _look_up(name: str, token: bool | None) -> _Repository:
    from huggingface_hub import HfApi
    from huggingface_hub import errors as hub

    named = re.fullmatch(r"([\w.-]+(?:/[\w.-]+)?)(?:@([\w./-]+))?", name.strip(), re.ASCII)
    if named is None:
        raise AppError("hub_photos.problem.name", name=shown(name))
    repo, revision = named.groups()
    try:
        info = HfApi(token=token).dataset_info(repo, revision=revision, files_metadata=True, timeout=_LOOK_UP_SECONDS)
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError, ValueError) as error:
        raise DownloadError("hub_photos.problem.absent", name=shown(name)) from error
    except out_of_reach() as error:
        raise DownloadError("hub_photos.problem.offline", name=repo) from error
    files = {file.rfilename: file.size or 0 for file in info.siblings or []}
    return _Repository(repo, str(info.sha), files)


def _choose(repository: _Repository) -> list[str]:
    files = [file for file in repository.files if not any(map(is_litter, file.split("/")))]
    photos = [file for file in files if "/" in file and PurePosixPath(file).suffix.lower() in images.SUFFIXES]
    packed = photos or [file for file in files if file.lower().endswith(archive.SUFFIXES)]
    wanted = packed or parquet.choose(file for file in files if file.endswith(parquet.SUFFIX))
    if not wanted:
        raise AppError("hub_photos.problem.no_photos", name=repository.name)
    return wanted


def _fetch(
    repository: _Repository, files: list[str], token: bool | None, cache: str | None
) -> Iterator[tuple[str, Path]]:
    """Each file with its place in the client's cache."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    def fetch_one(file: str) -> Path:
        wish: dict[str, Any] = {
            "repo_type": "dataset",
            "revision": repository.commit,
            "token": token,
            "cache_dir": cache,
        }
        return Path(hf_hub_download(repository.name, file, **wish))

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


def _put(file: str, source: Path, fresh: Path, places: Places, room: Room) -> int:
    """Lay a photo, or what an archive holds, in its place below `fresh`; tells how much litter was passed over."""
    suffix = next((suffix for suffix in archive.SUFFIXES if file.lower().endswith(suffix)), "")
    place = places.settle(parts_of(file[: len(file) - len(suffix)]))
    target = fresh.joinpath(*place)
    if suffix:
        target.mkdir(parents=True)
        unpacked = archive.unpack(source, target, max_bytes=room.left)
        room.left -= unpacked.taken
        return unpacked.ignored
    room.take(place, source.stat().st_size)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
    return 0
