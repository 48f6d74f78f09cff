"""Photos that are one photo are found, whatever was done to them, and different photos are not."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from resnet_demo.data.duplicates import Duplicates, find_duplicates, group_duplicates
from resnet_demo.data.image_folder import open_dataset
from tests.data.drawn import draw, encoded, jpeg, write

SIZE = (320, 240)


def found(root: Path, files: dict[str, bytes], home: Path) -> Duplicates:
    return find_duplicates(open_dataset(write(root, files), home), home)


def edited(change: Callable[[Image.Image], Image.Image], **options: int) -> bytes:
    return encoded(change(draw(0, SIZE)), "JPEG", **options)


def saved_anew(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, "JPEG", quality=30)))


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved badly": saved_anew,
    "a quarter of the size": lambda image: image.resize((160, 120)),
    "stretched": lambda image: image.resize((240, 240)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "grey": ImageOps.grayscale,
    "other colours": lambda image: Image.merge("RGB", image.split()[::-1]),
    "mirrored": ImageOps.mirror,
    "cropped a little": lambda image: image.crop((4, 3, 318, 238)),
    "signed": lambda image: ImageOps.expand(image, border=(4, 4, 4, 12), fill="white"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_one_picture_in_two_files(tmp_path: Path, edit: str) -> None:
    files = {
        "a/0.jpg": jpeg(0, SIZE),
        "a/1.jpg": jpeg(1, SIZE),
        "b/0.jpg": edited(EDITS[edit]),
        "b/2.jpg": jpeg(2, SIZE),
    }
    duplicates = found(tmp_path / "photos", files, tmp_path / "home")
    assert duplicates == Duplicates(groups=(0, 1, 0, 3), exact=(), near=((0, 2),), problems=())


def test_the_same_file_and_a_near_one(tmp_path: Path) -> None:
    near = edited(ImageOps.autocontrast)
    files = {
        "a/0.jpg": jpeg(0, SIZE),
        "a/1.jpg": near,
        "b/2.jpg": jpeg(0, SIZE),
        "b/3.jpg": jpeg(3),
        "b/4.jpg": jpeg(3),
    }
    duplicates = found(tmp_path / "photos", files, tmp_path / "home")
    assert duplicates == Duplicates(groups=(0, 0, 0, 3, 3), exact=((0, 2), (3, 4)), near=((0, 1, 2),), problems=())


def test_different_pictures_are_left_alone(tmp_path: Path) -> None:
    """Flat ones among them, of which nothing but their colour could be compared."""
    files = {f"a/{number:03}.jpg": jpeg(number) for number in range(300)}
    for number, colour in enumerate(("black", "white", "red", "blue")):
        files[f"b/{number}.png"] = encoded(Image.new("RGB", (64, 48), colour), "PNG")
    assert len(set(found(tmp_path / "photos", files, tmp_path / "home").groups)) == 304


def test_large_files_that_differ_in_their_midst_are_not_the_same(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    changed = noise.copy()
    changed[150, 150] ^= 255
    pixels = [encoded(Image.fromarray(each), "BMP") for each in (noise, changed, noise)]
    assert len(pixels[0]) > 2 * 65_536
    duplicates = found(tmp_path / "photos", {f"a/{n}.bmp": data for n, data in enumerate(pixels)}, tmp_path / "home")
    assert duplicates.exact == ((0, 2),)


def test_a_photo_damaged_in_its_midst_is_a_problem_and_alone(tmp_path: Path) -> None:
    whole = jpeg(1, SIZE)
    damaged = whole[:700] + b"\xff\xd8\xff\xd9" * 20 + b"\xff\xd9"
    duplicates = found(
        tmp_path / "photos", {"a/1.jpg": whole, "a/2.jpg": damaged, "b/3.jpg": jpeg(3)}, tmp_path / "home"
    )
    assert duplicates.groups == (0, 1, 2)
    assert [problem.file for problem in duplicates.problems] == ["a/2.jpg"]


def test_photos_are_looked_at_once(tmp_path: Path) -> None:
    root, home = tmp_path / "photos", tmp_path / "home"
    files = {f"{number % 2}/{number}.jpg": jpeg(number % 30) for number in range(40)}
    dataset = open_dataset(write(root, files), home)
    told: list[tuple[int, int | None]] = []
    duplicates = find_duplicates(dataset, home, lambda done, total: told.append((done, total)))
    assert told == [(30, 30)]
    for photo in dataset.photos:
        (root / photo.path).write_bytes(b"gone")
    assert find_duplicates(dataset, home) == duplicates


def test_an_empty_data_set_has_no_groups() -> None:
    assert group_duplicates(np.zeros(0, np.uint64), np.zeros((0, 16, 16), np.uint8)) == []


def planted(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes and greys of `count` pictures, the last hundredth of them near copies of others; and of which."""
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**64, count, dtype=np.uint64)
    greys = draw.integers(0, 255, (count, 16, 16), dtype=np.uint8)
    copies = count // 100
    sources = draw.integers(0, count - copies, copies)
    for copy, source in enumerate(sources, count - copies):
        bits = draw.choice(64, draw.integers(0, 11), replace=False)
        hashes[copy] = hashes[source] ^ np.bitwise_or.reduce(
            np.uint64(1) << bits.astype(np.uint64), initial=np.uint64(0)
        )
        greys[copy] = greys[source]
    return hashes, greys, sources


@pytest.mark.parametrize("count", [1_000, 20_000])
def test_no_pair_within_the_radius_is_missed(count: int) -> None:
    hashes, greys, sources = planted(count)
    groups = np.array(group_duplicates(hashes, greys))
    assert (groups[-len(sources) :] == groups[sources]).all()
    assert len(set(groups)) == count - len(sources)


@pytest.mark.bench
def test_a_hundred_thousand_pictures_are_not_compared_pair_by_pair() -> None:
    times = []
    for count in (10_000, 100_000):
        hashes, greys, _ = planted(count)
        began = time.perf_counter()
        group_duplicates(hashes, greys)
        times.append(time.perf_counter() - began)
    print(f"\nseconds: {times[0]:.1f} for 10,000, {times[1]:.1f} for 100,000")
    assert times[1] < 50 * times[0]  # pair by pair it would be 100


@pytest.mark.shared
def test_the_flower_photos(shared: Path, tmp_path: Path) -> None:
    """Looked at by eye: each pair is one picture, or the next moment of the same scene."""
    dataset = open_dataset(shared / "data" / "flower_photos", tmp_path)
    duplicates = find_duplicates(dataset, tmp_path)
    near = {
        tuple(dataset.photos[index].path.split("/")[1].split("_")[0] for index in group) for group in duplicates.near
    }
    assert duplicates.exact == ()
    assert near == {
        ("4278757393", "4654848357"),
        ("8979062599", "8980273068"),
        ("4608559939", "4609168052"),
        ("14741866338", "14925398441"),
        ("14925397351", "14925397651"),
        ("17433282043", "22429946721"),
        ("2823659190", "2979133707"),
        ("4933824012", "4933824130"),
        ("6606820461", "6606823367"),
        ("5635347336", "5700394524"),
    }
