"""What public visitors brought is bounded and expires; on a page of one's own all of it stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_demo.data.dataset_storage import HUB, INCOMPLETE_PREFIX, storage_folder
from resnet_demo.data.disk_usage import BLOCK
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.upload_quota import delete_expired, folder_bytes, remove, within_quota
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.data.drawn import flowers, write

FILES = {"a/1.jpg": b"x" * 600, "b/郁.jpg": b"x" * 400}
TAKEN = 5 * BLOCK
"""Of the disk: two photos and three folders, each less than a block."""


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public=True, keep_seconds=3_600, max_stored_bytes=4 * BLOCK + 2 * TAKEN)


def lay(settings: Settings, name: str, age: float = 0) -> Path:
    folder = write(storage_folder(settings) / name, FILES)
    os.utime(folder, (time.time() - age,) * 2)
    return folder


def test_room_gets_less_and_ends(public: Settings) -> None:
    assert folder_bytes(storage_folder(public)) == 0
    assert within_quota(public) == public
    lay(public, "one")
    write(storage_folder(public, HUB) / (INCOMPLETE_PREFIX + "two"), FILES)  # under way
    # Two places that hold them are folders, too.
    assert within_quota(public) == replace(public, max_stored_bytes=2 * BLOCK)
    lay(public, "three")
    with pytest.raises(AppError, match="no room"):
        within_quota(public)
    assert within_quota(replace(public, public=False)) == replace(public, public=False)


def test_tiny_photos_count_as_the_disk_counts_them(tmp_path: Path) -> None:
    """20,000 of them were 1 MB of the room and 91 MB of the disk."""
    write(tmp_path / "tiny", {f"{number % 7}/{number}.jpg": b"x" * 50 for number in range(400)})
    assert folder_bytes(tmp_path / "tiny") >= 408 * 4096
    assert folder_bytes(tmp_path / "absent") == 0


@pytest.mark.skipif(shutil.which("du") is None, reason="needs du")
def test_no_less_than_du_says(tmp_path: Path) -> None:
    """A hole, a large file, an empty one, a deep folder."""
    folder = write(tmp_path / "some", {"a/b/c/large.jpg": os.urandom(3_000_001), "empty.jpg": b"", **FILES})
    with (folder / "hole.jpg").open("wb") as file:
        file.truncate(100_000)
    (folder / "link.jpg").symlink_to(folder / "a/b/c/large.jpg")
    said = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True)  # noqa: S607
    kilobytes = int(said.stdout.split()[0])
    assert 1024 * kilobytes <= folder_bytes(folder) < 1024 * kilobytes + 200_000


def test_what_a_killed_process_left_half_filled_goes(public: Settings) -> None:
    """As soon as nothing was written to it for so long: one that is still being filled may be old itself."""

    def age(folder: Path, *fresh: str) -> Path:
        for path in [folder, *folder.rglob("*")]:
            if path.name not in fresh:
                os.utime(path, (0, 0))
        return folder

    left = age(write(storage_folder(public) / (INCOMPLETE_PREFIX + "left"), FILES))
    filling = age(write(storage_folder(public) / (INCOMPLETE_PREFIX + "filling"), FILES), "郁.jpg")
    waiting = age(write(storage_folder(public, HUB) / (INCOMPLETE_PREFIX + "waiting"), {"a/1.jpg": b"x"}))
    fetching = write(storage_folder(public, HUB) / (INCOMPLETE_PREFIX + "fetching"), {"blobs/1": b"x"})
    delete_expired(public)
    assert [folder.exists() for folder in (left, filling, waiting, fetching)] == [False, True, True, True]
    age(fetching)
    delete_expired(public)
    assert [folder.exists() for folder in (filling, waiting, fetching)] == [True, False, False]


def test_what_is_old_goes_unless_it_is_needed(public: Settings) -> None:
    old, needed, new = lay(public, "old", 4_000), lay(public, "needed", 4_000), lay(public, "new", 3_000)
    hub = write(storage_folder(public, HUB) / "old", FILES)
    os.utime(hub, (0, 0))
    arriving, sample = (
        lay(public, INCOMPLETE_PREFIX + "x", 4_000),
        write(public.home / "samples" / "flower_photos", FILES),
    )
    own = replace(public, public=False)
    mine = lay(own, "mine", 4_000)
    delete_expired(own)
    assert old.exists()
    delete_expired(public, {needed})
    assert mine.exists()  # a page that is shared for once takes nothing of its host's
    assert [folder.exists() for folder in (old, hub, needed, new, arriving, sample)] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]


def test_what_was_found_out_about_photos_goes_with_them(public: Settings) -> None:
    """Their names, and a small picture of each."""
    old, new = (write(storage_folder(public) / name, flowers(2)) for name in ("old", "new"))
    for folder in (old, new):
        find_duplicates(open_dataset(folder, public.home), public.home)
    os.utime(old, (0, 0))
    delete_expired(public)
    assert len(list((public.home / "index").iterdir())) == 1
    remove(new, public.home)
    assert list((public.home / "index").iterdir()) == list((storage_folder(public)).iterdir()) == []


def test_nothing_there_yet(public: Settings) -> None:
    delete_expired(public)
    assert not (storage_folder(public)).exists()
