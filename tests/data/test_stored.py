"""What strangers brought is bounded and goes in time; on a page of one's own all of it stays."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.similar import find_similar
from resnet_demo.data.staging import HUB, PREFIX, kept_in
from resnet_demo.data.stored import bounded, clear_away, remove, stored_bytes
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.data.drawn import flowers, write

FILES = {"a/1.jpg": b"x" * 600, "b/郁.jpg": b"x" * 400}


@pytest.fixture
def public(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public=True, keep_seconds=3_600, max_stored_bytes=2_500)


def lay(settings: Settings, name: str, age: float = 0) -> Path:
    folder = write(kept_in(settings) / name, FILES)
    os.utime(folder, (time.time() - age,) * 2)
    return folder


def test_room_gets_less_and_ends(public: Settings) -> None:
    assert stored_bytes(kept_in(public)) == 0
    assert bounded(public) == public
    lay(public, "one")
    write(kept_in(public, HUB) / (PREFIX + "two"), FILES)  # under way
    assert bounded(public) == replace(public, max_stored_bytes=500)
    lay(public, "three")
    with pytest.raises(AppError, match="no room"):
        bounded(public)
    assert bounded(replace(public, public=False)) == replace(public, public=False)


def test_what_is_old_goes_unless_it_is_needed(public: Settings) -> None:
    old, needed, new = lay(public, "old", 4_000), lay(public, "needed", 4_000), lay(public, "new", 3_000)
    hub = write(kept_in(public, HUB) / "old", FILES)
    os.utime(hub, (0, 0))
    arriving, sample = lay(public, PREFIX + "x", 4_000), write(public.home / "samples" / "flower_photos", FILES)
    own = replace(public, public=False)
    mine = lay(own, "mine", 4_000)
    clear_away(own)
    assert old.exists()
    clear_away(public, {needed})
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
    old, new = (write(kept_in(public) / name, flowers(2)) for name in ("old", "new"))
    for folder in (old, new):
        find_similar(open_dataset(folder, public.home), public.home)
    os.utime(old, (0, 0))
    clear_away(public)
    assert len(list((public.home / "index").iterdir())) == 1
    remove(new, public.home)
    assert list((public.home / "index").iterdir()) == list((kept_in(public)).iterdir()) == []


def test_nothing_there_yet(public: Settings) -> None:
    clear_away(public)
    assert not (kept_in(public)).exists()
