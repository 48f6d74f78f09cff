"""Every way in for photos ends with a folder that can be opened, or with a sentence and nothing left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_demo.data.dataset_storage import LEFTOVER_SECONDS, new_dataset, remove_leftovers, storage_folder
from resnet_demo.data.disk_usage import disk_bytes
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.photo_import import (
    ImportedFolder,
    from_archive,
    from_archive_once,
    from_boxes,
    from_folder,
    from_photos,
)
from resnet_demo.data.shared_lock import shared
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError
from tests.conftest import ROOT
from tests.data.drawn import contents, flowers, jpeg, write
from tests.data.test_archive import mutated, tarred, zipped
from tests.loopback import Loopback, loopback


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


def refused(key: str, way: Callable[[], ImportedFolder], settings: Settings) -> None:
    """The refusal's key, its sentence in every language, and no data set in HOME."""
    with pytest.raises(AppError) as caught:
        way()
    assert caught.value.message.key == key
    assert all(caught.value.say(language) for language in LANGUAGES)
    assert datasets(settings) == []


def datasets(settings: Settings) -> list[str]:
    folder = settings.home / "datasets"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_folder_stays_where_it_is(tmp_path: Path, settings: Settings) -> None:
    folder = write(tmp_path / "mine", flowers())
    assert from_folder(folder, settings) == ImportedFolder(folder)
    assert not settings.home.exists()
    refused("image_folder.problem.no_folder", lambda: from_folder(tmp_path / "none", settings), settings)
    refused("image_folder.problem.no_folder", lambda: from_folder(folder / "daisy" / "0.jpg", settings), settings)
    public = replace(settings, public=True)
    refused("photo_import.problem.public", lambda: from_folder(folder, public), public)


@pytest.mark.parametrize(
    "data", [zipped({}), tarred({}), zipped({"a/": b"", "__MACOSX/x": b"1"})], ids=["zip", "tar", "junk"]
)
def test_an_archive_with_no_file_is_no_data_set(tmp_path: Path, settings: Settings, data: bytes) -> None:
    path = write(tmp_path, {"my.zip": data}) / "my.zip"
    refused("archive.problem.empty", lambda: from_archive(path, settings), settings)


@pytest.mark.parametrize("name", ["my flowers.zip", "my flowers.TAR.GZ"])
def test_an_archive_becomes_a_folder_of_its_name(tmp_path: Path, settings: Settings, name: str) -> None:
    files = {**flowers(), "郁金香/<script>alert(1)<script>.jpg": jpeg(9)}
    packed = zipped if name.endswith("zip") else tarred
    path = write(tmp_path, {name: packed({**files, "__MACOSX/._x": b"y"})}) / name
    first = from_archive(path, settings)
    assert first == ImportedFolder(settings.home / "datasets" / "my flowers", ignored=1, own=True)
    assert contents(first.folder) == files
    assert open_dataset(first.folder, settings.home).classes == ("daisy", "tulips", "郁金香")
    again = from_archive(path, settings)
    assert datasets(settings) == ["my flowers", "my flowers-2"]
    assert contents(again.folder) == files
    assert from_archive(path, settings, name="../../<b>\x00evil.zip").folder.parent == settings.home / "datasets"
    assert len(datasets(settings)) == 3


def test_a_refused_archive_leaves_nothing(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.zip"
    refused("photo_import.problem.no_archive", lambda: from_archive(path, settings), settings)
    path.write_bytes(zipped({**flowers(20), "../evil.jpg": b"x"}))
    refused("file_names.problem.outside", lambda: from_archive(path, settings), settings)
    path.write_bytes(zipped(flowers(20)))
    small = replace(settings, max_stored_bytes=10_000)
    refused("archive.problem.too_large", lambda: from_archive(path, small), small)
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.zip", "home"}


def test_work_that_is_ended_leaves_nothing(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(flowers(20)))

    def stop(done: int, _total: int | None) -> None:
        if done > 1_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        from_archive(path, settings, progress=stop)
    assert datasets(settings) == []


def test_mutated_archives_leave_a_whole_data_set_or_nothing(tmp_path: Path, settings: Settings) -> None:
    choice = random.Random(0)
    path = tmp_path / "a.zip"
    arrived: list[Path] = []
    for data in (zipped(flowers(2)), tarred(flowers(2)), tarred(flowers(2), "w:gz")):
        for _ in range(60):
            path.write_bytes(mutated(data, choice))
            with contextlib.suppress(AppError):
                arrived.append(from_archive(path, settings).folder)
            assert datasets(settings) == sorted(folder.name for folder in arrived)
            assert {entry.name for entry in tmp_path.iterdir()} <= {"a.zip", "home"}
    assert {folder.parent for folder in arrived} == {settings.home / "datasets"}
    assert len(arrived) < 180


def test_a_dropped_folder_keeps_its_class_folders(tmp_path: Path, settings: Settings) -> None:
    """Uploads have names of their own; a name that is taken gets a number, whatever its case."""
    given = write(tmp_path / "uploads", {f"{number}.tmp": jpeg(number) for number in range(5)})
    names = [
        "flowers/tulips/a.jpg",
        "flowers/tulips/a.jpg",
        "flowers/Tulips/A.jpg",
        "flowers/郁金香/花 1.jpg",
        "x/.DS_Store",
    ]
    told: list[tuple[int, int | None]] = []
    imported = from_photos(
        [(name, given / f"{number}.tmp") for number, name in enumerate(names)],
        settings,
        "dropped",
        lambda done, total: told.append((done, total)),
    )
    assert imported == ImportedFolder(settings.home / "datasets" / "dropped", ignored=1, own=True)
    assert contents(imported.folder) == {
        "flowers/tulips/a.jpg": jpeg(0),
        "flowers/tulips/a-2.jpg": jpeg(1),
        "flowers/tulips/A-3.jpg": jpeg(2),
        "flowers/郁金香/花 1.jpg": jpeg(3),
    }
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert open_dataset(imported.folder, settings.home).classes == ("tulips", "郁金香")
    assert len(list(given.iterdir())) == 5


def test_photos_that_are_gone_are_told_and_do_not_end_the_rest(tmp_path: Path, settings: Settings) -> None:
    given = write(tmp_path, {"a.jpg": jpeg(1)})
    imported = from_photos([("a/1.jpg", given / "a.jpg"), ("a/2.jpg", given / "gone.jpg")], settings, "x")
    assert [(problem.file, problem.kind) for problem in imported.problems] == [("a/2.jpg", "missing")]
    assert contents(imported.folder) == {"a/1.jpg": jpeg(1)}


def test_received_photos_that_cannot_be_taken(tmp_path: Path, settings: Settings) -> None:
    photo = write(tmp_path, {"a.jpg": jpeg(1)}) / "a.jpg"
    for name, key in (("../a.jpg", "outside"), ("/a.jpg", "outside"), ("a\0.jpg", "characters"), ("", "characters")):
        refused(f"file_names.problem.{key}", lambda name=name: from_photos([(name, photo)], settings, "x"), settings)  # type: ignore[misc]
    refused("photo_import.problem.no_photos", lambda: from_photos([], settings, "x"), settings)
    refused("photo_import.problem.no_photos", lambda: from_photos([(".DS_Store", photo)], settings, "x"), settings)
    small = replace(settings, max_stored_bytes=disk_bytes(photo.stat().st_size))
    refused("photo_import.problem.too_large", lambda: from_photos([("a", photo), ("b", photo)], small, "x"), small)


def test_boxes_become_class_folders(tmp_path: Path, settings: Settings) -> None:
    given = write(tmp_path / "uploads", {"1/a.jpg": jpeg(1), "2/a.jpg": jpeg(2), "2/.b.jpg": jpeg(3)})
    one, two, hidden = (given / name for name in ("1/a.jpg", "2/a.jpg", "2/.b.jpg"))
    boxes = [
        ("<script>alert(1)</script>", [("a.jpg", one)]),
        ("郁金香 2", [("a.jpg", one), ("a.jpg", two), (".b.jpg", hidden)]),
        ("../..", []),
        ("a/b", [("../c:d.jpg", two), ("..", two)]),
    ]
    refused("photo_import.problem.class_name", lambda: from_boxes([("..", [])], settings, "x"), settings)
    refused("photo_import.problem.class_name", lambda: from_boxes([(" ", [])], settings, "x"), settings)
    imported = from_boxes([box for box in boxes if box[0] != "../.."], settings, "boxes")
    dataset = open_dataset(imported.folder, settings.home)
    assert dataset.classes == ("<script>alert(1)<-script>", "a-b", "郁金香 2")
    assert sorted(contents(imported.folder)) == [
        "<script>alert(1)<-script>/a.jpg",
        "a-b/-c-d.jpg",
        "a-b/a-b",
        "郁金香 2/a-2.jpg",
        "郁金香 2/a.jpg",
        "郁金香 2/b.jpg",
    ]


def test_a_full_disk_is_told_and_frees_what_was_taken(settings: Settings) -> None:
    def fill(fresh: Path) -> None:
        (fresh / "a.jpg").write_bytes(jpeg(1))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(AppError) as caught:
        new_dataset(storage_folder(settings), "x", fill)
    assert caught.value.message.key == "dataset_storage.problem.disk_full"
    assert datasets(settings) == []


def test_a_home_that_cannot_be_written_to(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_bytes(b"a file")
    photo = write(tmp_path, {"a.jpg": jpeg(1)}) / "a.jpg"
    with pytest.raises(AppError) as caught:
        from_photos([("a/a.jpg", photo)], Settings(home=home), "x")
    assert caught.value.message.key == "dataset_storage.problem.folder"


def test_leftovers_of_a_killed_process_are_removed_at_once_and_what_is_in_use_is_not(settings: Settings) -> None:
    code = """
import sys, time
from pathlib import Path
from resnet_demo.data.dataset_storage import new_dataset

def fill(fresh):
    (fresh / "a.jpg").write_bytes(b"x")
    print(fresh.name, flush=True)
    time.sleep(60)

new_dataset(Path(sys.argv[1]), "x", fill)
"""

    def filling() -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", code, str(settings.home / "datasets")]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    def end(process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()

    killed, left = filling()
    end(killed)
    assert datasets(settings) == [left]
    busy, filled = filling()
    assert datasets(settings) == [filled]
    new_dataset(settings.home / "datasets", "y", Path.exists)
    assert datasets(settings) == [filled, "y"]
    end(busy)
    remove_leftovers(settings.home / "datasets")
    assert datasets(settings) == ["y"]


def test_leftovers_of_a_killed_process_are_removed_in_time_while_others_are_at_work(settings: Settings) -> None:
    left = write(settings.home / "datasets" / ".arriving-1", flowers(1))
    busy = write(settings.home / "datasets" / ".arriving-2", flowers(1))
    os.utime(left, (time.time() - 2 * LEFTOVER_SECONDS,) * 2)
    with shared(settings.home / ".datasets.lock"):  # somebody is at work, nobody can tell on which
        new_dataset(storage_folder(settings), "x", Path.exists)
    assert datasets(settings) == [".arriving-2", "x"]
    assert busy.is_dir()


def test_many_at_once_get_names_of_their_own(settings: Settings) -> None:
    threads = [
        threading.Thread(
            target=new_dataset, args=(storage_folder(settings), "x", lambda fresh: write(fresh, flowers(1)))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert datasets(settings) == ["x", *(f"x-{number}" for number in range(2, 9))]


def test_the_same_archive_is_unpacked_once(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "my flowers.zip"
    for number in (1, 2):
        path.write_bytes(zipped({"daisy/1.jpg": jpeg(number)}))
        first, again = (from_archive_once(path, settings) for _ in range(2))
        assert (first.own, again.own) == (True, False)
        assert first.folder == again.folder
        assert first.folder.name.startswith("my flowers-")
        assert contents(first.folder) == {"daisy/1.jpg": jpeg(number)}
    assert len(list(first.folder.parent.iterdir())) == 2


def test_an_archive_that_holds_only_another_one_is_told(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "outer.zip").write_bytes(zipped({"photos/inner.zip": zipped(flowers())}))
    with pytest.raises(AppError) as caught:
        from_archive(tmp_path / "outer.zip", settings)
    assert caught.value.message.key == "archive.problem.inner_only"
    assert caught.value.message.fields == {"names": "photos/inner.zip"}
    assert not list(storage_folder(settings).iterdir())
