"""A folder of photos becomes a data set, and a data set is divided the same way everywhere."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import tracemalloc
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_demo.data.image_folder import Dataset, Photo, open_dataset, split
from resnet_demo.data.images import Header
from resnet_demo.data.index import forget, open_index
from resnet_demo.texts import AppError
from tests.conftest import ROOT
from tests.damage import flip_in_the_midst
from tests.data.drawn import draw, encoded, flowers, jpeg, write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def refused(key: str, folder: Path, home: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        open_dataset(folder, home)
    assert caught.value.message.key == f"image_folder.problem.{key}"
    assert caught.value.say("zh-CN")
    return caught.value


def test_a_folder_of_class_folders(root: Path, home: Path) -> None:
    files = {
        "class 10/a.jpg": jpeg(1, (64, 48)),
        "class 2/b.png": encoded(draw(2), "PNG"),
        "class 2/deep/郁金香 <b>/c": jpeg(3, (20, 30)),
        "class 2/exif.jpg": encoded(
            draw(4), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
        ),
        "class 2/broken.jpg": jpeg(5)[:300],
        "class 2/empty.jpg": b"",
        "class 2/page.jpg": b"<html>" * 50,
        "class 2/drawing.svg": b"<svg></svg>",
        "class 2/notes.txt": b"not a photo",
        "class 2/empty.txt": b"",
        "stray.jpg": jpeg(6),
        "__MACOSX/class 2/._b.png": b"x",
        "class 2/.DS_Store": b"x",
        "class 2/Thumbs.db": b"x",
    }
    told: list[tuple[int, int | None]] = []
    dataset = open_dataset(write(root, files), home, lambda done, total: told.append((done, total)))
    assert (dataset.root, dataset.name) == (root, "photos")
    assert dataset.classes == ("class 2", "class 10")
    assert [(photo.path, photo.label, photo.size, photo.format) for photo in dataset.photos] == [
        ("class 10/a.jpg", 1, (64, 48), "JPEG"),
        ("class 2/b.png", 0, (64, 48), "PNG"),
        ("class 2/deep/郁金香 <b>/c", 0, (20, 30), "JPEG"),
        ("class 2/exif.jpg", 0, (48, 64), "JPEG"),
    ]
    assert {(problem.file, problem.kind) for problem in dataset.problems} == {
        ("class 2/broken.jpg", "truncated"),
        ("class 2/empty.jpg", "empty"),
        ("class 2/page.jpg", "not_an_image"),
        ("class 2/drawing.svg", "not_a_photo_format"),
    }
    assert (dataset.ignored, dataset.unlabelled) == (5, 1)
    assert told[-1] == (11, 11)


def test_a_split_that_the_folders_give(root: Path, home: Path) -> None:
    dataset = open_dataset(write(root, flowers(2, ("train/a", "train/b", "valid/a", "test/b"))), home)
    assert dataset.classes == ("a", "b")
    assert [(photo.path[0], photo.split) for photo in dataset.photos[::2]] == [
        ("t", "test"),
        ("t", "train"),
        ("t", "train"),
        ("v", "val"),
    ]


def test_what_cannot_become_a_data_set_is_explained(root: Path, home: Path) -> None:
    refused("no_folder", root, home)
    root.mkdir()
    refused("no_photos", root, home)
    write(root, {"a/broken.jpg": b"", "a/notes.txt": b"x"})
    assert refused("no_photos", root, home).message.fields == {"folder": "photos", "problems": 1, "ignored": 1}
    write(root, {"1.jpg": jpeg(1), "2.jpg": jpeg(2)})
    assert refused("no_classes", root, home).message.fields == {"folder": "photos", "photos": 2}


def test_linked_class_folders_are_followed_once(root: Path, tmp_path: Path, home: Path) -> None:
    write(tmp_path / "elsewhere", flowers(2))
    write(root, {"roses/1.jpg": jpeg(1)})
    (root / "tulips").symlink_to(tmp_path / "elsewhere" / "tulips")
    (root / "roses" / "round").symlink_to(root)
    dataset = open_dataset(root, home)
    assert [photo.path for photo in dataset.photos] == ["roses/1.jpg", "tulips/0.jpg", "tulips/1.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="needs folders made relative to an open one")
def test_a_folder_that_cannot_be_opened_is_told(root: Path, home: Path) -> None:
    """So deep down that its path is longer than the system takes: no account can open it so."""
    write(root, flowers())
    deepest = os.open(root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("n" * 250, dir_fd=deepest)
        above, deepest = deepest, os.open("n" * 250, os.O_RDONLY, dir_fd=deepest)
        os.close(above)
    os.close(deepest)
    dataset = open_dataset(root, home)
    assert len(dataset.photos) == 8
    assert [problem.kind for problem in dataset.problems] == ["closed_folder"]
    assert dataset.problems[0].say("zh-CN")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems store names as text")
def test_names_that_are_no_text(root: Path, home: Path) -> None:
    """A disk written by an old Windows; and control characters, which no saved model's label may have."""
    write(root, flowers())
    for raw in ("郁金香".encode("gbk"), b"bad\x1bname"):
        folder = root / os.fsdecode(raw)
        folder.mkdir()
        shutil.copy(root / "tulips" / "0.jpg", folder / os.fsdecode(b"\xff.jpg"))
    for _ in range(2):
        dataset = open_dataset(root, home)
        assert dataset.classes == ("bad\ufffdname", "daisy", "tulips", "郁金香")
        assert len(dataset.photos) == 10
        split(dataset, 0)


def test_the_limit_on_pixels_holds_whatever_the_index_knows(root: Path, home: Path) -> None:
    write(root, flowers(2))
    write(root, {"tulips/large.jpg": jpeg(9, (80, 60))})
    for limit, photos in ((4_000, 4), (10_000, 5), (4_000, 4)):
        dataset = open_dataset(root, home, max_pixels=limit)
        assert len(dataset.photos) == photos
        assert [problem.kind for problem in dataset.problems] == ["too_large"] * (5 - photos)


def test_the_index_spares_reading_files_that_have_not_changed(root: Path, home: Path) -> None:
    write(root, {**flowers(), "tulips/broken.jpg": jpeg(1)[:300]})
    first = open_dataset(root, home)
    path = root / "tulips" / "0.jpg"
    content = path.read_bytes()
    (index,) = (home / "index").iterdir()
    with closing(sqlite3.connect(index)) as database, database:
        database.execute("UPDATE files SET width = 41 WHERE name = ?", (b"tulips/0.jpg",))
    assert open_dataset(root, home).photos[4] == replace(first.photos[4], size=(41, 48))  # unread
    path.write_bytes(jpeg(77, (40, 40)))
    changed = open_dataset(root, home)
    assert changed.photos[4].size == (40, 40)
    assert changed.fingerprint != first.fingerprint
    path.write_bytes(content)
    assert open_dataset(root, home) == first


def large(number: int) -> bytes:
    """A JPEG of more than 128 KiB."""
    noise = np.random.default_rng(number).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    return encoded(Image.fromarray(noise), "JPEG", quality=90)


def test_a_change_in_the_midst_is_noticed_whatever_the_file_says_of_its_age(root: Path, home: Path) -> None:
    """Size, time of change, beginning and end are as before; the rule of earlier versions takes it for the same."""
    write(root, {**flowers(), "tulips/large.jpg": large(0)})
    first = open_dataset(root, home)
    path = root / "tulips" / "large.jpg"
    flip_in_the_midst(path)
    changed = open_dataset(root, home)
    different = [(one, other) for one, other in zip(first.photos, changed.photos, strict=True) if one != other]
    assert [(one.path, one.content == other.content) for one, other in different] == [("tulips/large.jpg", False)]
    assert changed.fingerprint != first.fingerprint
    assert changed.ends_fingerprint == first.ends_fingerprint
    assert [changed.is_known_as(name) for name in (first.fingerprint, first.ends_fingerprint, None, "")] == [
        *(False, True),
        *(False, False),
    ]


def test_the_fingerprint_of_small_photos_is_that_of_earlier_versions(root: Path, home: Path) -> None:
    write(root, {"a/1.jpg": jpeg(1), "b/2.jpg": jpeg(2)})
    small, digest = open_dataset(root, home), hashlib.sha256()
    for name in ("a/1.jpg", "b/2.jpg"):
        data = (root / name).read_bytes()
        digest.update(name.encode() + b"\0")
        digest.update(hashlib.blake2b(len(data).to_bytes(8, "big") + data, digest_size=16).digest())
    assert small.fingerprint == small.ends_fingerprint == digest.hexdigest()


def test_the_index_of_an_earlier_version_goes_with_the_folder(root: Path, home: Path) -> None:
    open_dataset(write(root, flowers()), home)
    (index,) = (home / "index").iterdir()
    open_dataset(write(root.parent / "others", flowers()), home)
    (other,) = set((home / "index").iterdir()) - {index}
    index.with_name(f"{index.stem.rpartition('-')[0]}-1.sqlite").touch()
    forget(home, root)
    assert list((home / "index").iterdir()) == [other]


def test_a_damaged_index_is_made_anew(root: Path, home: Path) -> None:
    write(root, flowers())
    first = open_dataset(root, home)
    (index,) = (home / "index").iterdir()
    index.write_bytes(b"not a database" * 999)
    assert open_dataset(root, home) == first
    assert sqlite3.connect(index).execute("SELECT COUNT(*) FROM files").fetchone() == (8,)


def test_an_index_damaged_within_is_made_anew(root: Path, home: Path) -> None:
    """Its beginning is whole, so SQLite opens it."""
    write(root, flowers(200))
    first = open_dataset(root, home)
    (index,) = (home / "index").iterdir()
    data = bytearray(index.read_bytes())
    assert len(data) > 20_000
    data[8_192:16_384] = bytes(8_192)
    index.write_bytes(data)
    assert open_dataset(root, home) == first


def test_an_index_that_cannot_be_kept_is_not_needed(root: Path, home: Path, tmp_path: Path) -> None:
    write(root, flowers())
    known = open_dataset(root, tmp_path / "other home")
    home.write_bytes(b"a file")
    assert open_dataset(root, home) == known
    assert home.read_bytes() == b"a file"


@pytest.mark.parametrize("statement", ["DROP TABLE files", "ALTER TABLE files RENAME COLUMN width TO breadth"])
def test_an_index_that_fails_in_the_midst_is_not_needed(root: Path, home: Path, statement: str) -> None:
    write(root, flowers())
    known = open_dataset(root, home)
    with open_index(home, root) as index:
        (path,) = (home / "index").glob("*.sqlite")
        with sqlite3.connect(path) as database:
            database.execute(statement)
        name = known.photos[0].path
        assert index.find(name, (root / name).stat()) is None
        index.keep(name, (root / name).stat(), Header("jpeg", (1, 1), b"x", b"x"))


def test_an_index_that_may_only_be_read_is_read(root: Path, home: Path) -> None:
    """The system's limit on a file's size stands in for the disk that refuses."""
    write(root, flowers())
    known = open_dataset(root, home)
    code = """
import resource, sys
from pathlib import Path
from resnet_demo.data.image_folder import open_dataset
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(open_dataset(Path(sys.argv[1]), Path(sys.argv[2])).fingerprint)
"""
    write(root, {"tulips/new.jpg": jpeg(99)})
    command = [sys.executable, "-c", code, str(root), str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == open_dataset(root, home).fingerprint != known.fingerprint


def test_what_was_done_is_kept_when_the_work_is_ended(root: Path, home: Path) -> None:
    write(root, flowers(60))

    def stop(done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_dataset(root, home, stop)
    (index,) = (home / "index").iterdir()
    assert sqlite3.connect(index).execute("SELECT COUNT(*) FROM files").fetchone() == (100,)


def test_the_fingerprint_is_of_names_and_contents_alone(root: Path, tmp_path: Path, home: Path) -> None:
    files = {"caf\u00e9/1.jpg": jpeg(1), "tulips/2.jpg": jpeg(2)}
    dataset = open_dataset(write(root, files), home)
    decomposed = {unicodedata.normalize("NFD", name): content for name, content in files.items()}
    elsewhere = open_dataset(write(tmp_path / "copy", {**decomposed, "tulips/notes.txt": b"x"}), tmp_path / "other")
    assert elsewhere.fingerprint == dataset.fingerprint
    assert elsewhere.classes == dataset.classes
    for changed in ({"caf\u00e9/1.jpg": jpeg(3)}, {"caf\u00e9/3.jpg": jpeg(3)}):
        folder = write(tmp_path / str(len(changed)), {**files, **changed})
        assert open_dataset(folder, home).fingerprint != dataset.fingerprint


def made_up(counts: Sequence[int], given: Sequence[str | None] = ()) -> Dataset:
    """A data set of the index alone: so many photos in each class."""
    photos = [
        Photo(f"{label}/{number:04}.jpg", label, (8, 8), given[label] if given else None)  # type: ignore[arg-type]
        for label, count in enumerate(counts)
        for number in range(count)
    ]
    names = tuple(map(str, range(len(counts))))
    return Dataset(Path("/nowhere"), "made up", names, tuple(photos), (), 0, "")


def by_class(dataset: Dataset, indices: Sequence[int]) -> list[int]:
    counts = Counter(dataset.photos[index].label for index in indices)
    return [counts[label] for label in range(len(dataset.classes))]


def test_each_class_is_divided_in_its_shares() -> None:
    dataset = made_up([100, 20, 7, 3, 2, 1])
    parts = split(dataset, seed=3, val=0.15, test=0.25)
    assert by_class(dataset, parts.test) == [25, 5, 2, 1, 0, 0]
    assert by_class(dataset, parts.val) == [15, 3, 1, 1, 0, 0]
    assert by_class(dataset, parts.train) == [60, 12, 4, 1, 2, 1]
    assert sorted(parts.train + parts.val + parts.test) == list(range(133))
    assert parts.seed == 3
    assert split(dataset, seed=4, val=0.15, test=0.25).test != parts.test
    assert split(dataset, seed=3, val=0, test=0.25).val == ()


def test_the_same_split_on_every_machine() -> None:
    """The draw by hand, in a process with another hash seed: a class's photos by the BLAKE2b of seed and name."""
    code = """
import hashlib
names = [f"0/{number:04}.jpg" for number in range(20)]
ranked = sorted(range(20), key=lambda n: hashlib.blake2b(b"5\\0" + names[n].encode(), digest_size=16).digest())
print(sorted(ranked[1:4]), sorted(ranked[4:7]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    parts = split(made_up([20, 20]), seed=5)
    assert ran.stdout.strip() == f"{list(parts.test[:3])} {list(parts.val[:3])}"


def test_a_photo_more_moves_few_others() -> None:
    small, large = made_up([400, 400]), made_up([401, 400])
    names = {}
    for dataset in (small, large):
        parts = split(dataset, seed=0)
        names[len(dataset.photos)] = {
            dataset.photos[index].path: part for part in ("train", "val", "test") for index in getattr(parts, part)
        }
    moved = [name for name, part in names[800].items() if names[801][name] != part]
    assert len(moved) <= 2


def test_groups_stay_together() -> None:
    dataset = made_up([40, 40])
    groups = [index // 4 for index in range(80)]
    parts = split(dataset, seed=1, val=0.2, test=0.2, groups=groups)
    for one, other in ((parts.train, parts.val), (parts.train, parts.test), (parts.val, parts.test)):
        assert not {groups[index] for index in one} & {groups[index] for index in other}
    assert by_class(dataset, parts.test) == by_class(dataset, parts.val) == [8, 8]


def test_a_group_larger_than_a_part_is_learned_from() -> None:
    dataset = made_up([40, 40])
    parts = split(dataset, seed=1, groups=[0] * 20 + list(range(20, 80)))
    assert set(range(20)) <= set(parts.train)
    assert by_class(dataset, parts.test) == [6, 6]


@pytest.mark.parametrize(
    "sizes", [[2, 2, 2], [2, 2, 2, 2], [1, 9, 9], [9, 9, 1], [5, 1, 1], [1, 1, 5], [3] * 10], ids=str
)
def test_where_every_photo_has_copies_each_part_still_gets_some(sizes: Sequence[int]) -> None:
    dataset = made_up([sum(sizes)] * 2)
    groups = [number for number, size in enumerate([*sizes, *sizes]) for _ in range(size)]
    for seed in range(20):
        parts = split(dataset, seed, val=0.15, test=0.3, groups=groups)
        held = [parts.train, parts.val, parts.test]
        assert all(min(by_class(dataset, part)) >= 1 for part in held)
        assert len({(groups[index], number) for number, part in enumerate(held) for index in part}) == 2 * len(sizes)


def test_a_group_in_two_classes_stays_together() -> None:
    dataset = made_up([30, 30])
    groups = [index % 30 for index in range(60)]
    parts = split(dataset, seed=2, groups=groups)
    assert not {groups[index] for index in parts.train} & {groups[index] for index in parts.test}


def test_given_parts_are_taken_as_they_are() -> None:
    dataset = made_up([50, 50, 20, 20], ["train", "train", "test", "test"])
    dataset = replace(dataset, photos=tuple(replace(photo, label=photo.label % 2) for photo in dataset.photos))
    parts = split(dataset, seed=0, val=0.2)
    assert parts.test == tuple(range(100, 140))
    assert by_class(dataset, parts.val)[:2] == [10, 10]
    assert max(parts.train + parts.val) < 100
    train_only = replace(dataset, photos=tuple(replace(photo, split="train") for photo in dataset.photos))
    assert by_class(train_only, split(train_only, seed=0, test=0.1).test)[:2] == [7, 7]


@pytest.mark.parametrize(
    ("dataset", "key"),
    [
        (made_up([50]), "one_class"),
        (made_up([2, 1, 2]), "too_few"),
        (made_up([9, 9], ["val", "test"]), "no_train"),
        (made_up([9, 9], ["train", "test"]), "one_class"),
    ],
)
def test_what_cannot_be_divided_is_explained(dataset: Dataset, key: str) -> None:
    with pytest.raises(AppError) as caught:
        split(dataset, seed=0)
    assert caught.value.message.key == f"image_folder.problem.{key}"
    assert caught.value.say("zh-CN")


def test_shares_that_cannot_be(root: Path) -> None:
    for val, test in ((0.5, 0.5), (-0.1, 0.5)):
        with pytest.raises(ValueError, match="shares"):
            split(made_up([9, 9]), 0, val, test)


def seconds_a_photo(folder: Path, count: int, home: Path) -> tuple[float, float]:
    """Opening a data set of `count` small photos, for the first time and again."""
    content = jpeg(0, (16, 12))
    for number in range(count):
        path = folder / f"class {number % 10}" / f"{number:08}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    times = []
    for _ in range(2):
        began = time.perf_counter()
        assert len(open_dataset(folder, home).photos) == count
        times.append((time.perf_counter() - began) / count)
    return times[0], times[1]


@pytest.mark.slow
def test_memory_is_that_of_the_index(root: Path, home: Path) -> None:
    seconds_a_photo(root, 2_000, home)
    gc.collect()
    tracemalloc.start()
    dataset = open_dataset(root, home)
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # What the docstring of Photo says, and what is there once.
    assert kept / len(dataset.photos) < 240
    assert peak / len(dataset.photos) < 480


@pytest.mark.slow
def test_many_photos_cost_no_more_each(root: Path, home: Path) -> None:
    few, few_again = seconds_a_photo(root / "few", 1_000, home)
    many, many_again = seconds_a_photo(root / "many", 10_000, home)
    assert many < 3 * few
    assert many_again < 3 * few_again


@pytest.mark.bench
def test_a_hundred_thousand_photos(root: Path, home: Path) -> None:
    few, few_again = seconds_a_photo(root / "few", 1_000, home)
    many, many_again = seconds_a_photo(root / "many", 100_000, home)
    print(f"\nmicroseconds a photo: {few * 1e6:.0f} of 1,000, {many * 1e6:.0f} of 100,000;", end=" ")
    print(f"again: {few_again * 1e6:.0f}, {many_again * 1e6:.0f}")
    assert many < 3 * few
    assert many_again < 3 * few_again


@pytest.mark.shared
def test_the_flower_photos(shared: Path, home: Path) -> None:
    dataset = open_dataset(shared / "data" / "flower_photos", home)
    assert dataset.classes == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert (len(dataset.photos), dataset.problems) == (2_500, ())
    parts = split(dataset, seed=0)
    assert by_class(dataset, parts.test) == [int(0.15 * count + 0.5) for count in by_class(dataset, range(2_500))]
