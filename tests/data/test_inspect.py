"""What a picture file's header and end tell, without decoding it: the same as decoding, but for damage in the midst."""

from __future__ import annotations

import csv
import hashlib
import os
import time
from pathlib import Path

import pytest
from PIL import features

from resnet_demo.data.images import Header, Picture, Problem, inspect, load
from tests.conftest import SHARED
from tests.data.drawn import draw, encoded, jpeg

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(kind == "AVIF" and not features.check("avif"), reason="no AVIF"))
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photo"


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_told_by_its_header(path: Path, kind: str) -> None:
    path.write_bytes(encoded(draw(1), kind))
    header = inspect(path)
    assert isinstance(header, Header)
    assert (header.format, header.size, len(header.content)) == (kind, (64, 48), 16)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_is_found_wherever_it_ends(path: Path, kind: str) -> None:
    """What `load` cannot read is a problem here too, and the same one."""
    whole = encoded(draw(1, (200, 150)), kind)
    for part in (0.02, 0.3, 0.6, 0.9, 0.999):
        path.write_bytes(whole[: int(part * len(whole))])
        found, decoded = inspect(path), load(path)
        if isinstance(decoded, Problem):
            assert found == decoded
        else:
            assert isinstance(found, Header)


def test_bytes_behind_the_end_do_no_harm(path: Path) -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        path.write_bytes(encoded(draw(1), kind) + bytes(40))
        assert isinstance(inspect(path), Header)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_size_is_that_of_the_upright_picture(path: Path, kind: str, orientation: int) -> None:
    image = draw(1)
    exif = image.getexif()
    exif[0x0112] = orientation
    path.write_bytes(encoded(image, kind, exif=exif.tobytes()))
    header, picture = inspect(path), load(path)
    assert isinstance(header, Header)
    assert isinstance(picture, Picture)
    assert header.size == picture.size == ((48, 64) if orientation > 4 else (64, 48))


def told(path: Path, data: bytes) -> Header:
    path.write_bytes(data)
    header = inspect(path)
    assert isinstance(header, Header)
    return header


def test_content_tells_files_apart_by_every_byte(path: Path) -> None:
    """A note of 200,000 bytes behind the picture, changed near its start, in its midst and near its end."""
    data = jpeg(1) + bytes(200_000) + b"\xff\xd9"
    first = told(path, data)
    changed = [told(path, data[:place] + b"x" + data[place + 1 :]) for place in (10_000, 100_000, 190_000)]
    longer = told(path, jpeg(1) + bytes(200_001) + b"\xff\xd9")
    assert told(path, data) == first
    assert len({header.content for header in (first, *changed, longer)}) == 5
    assert [header.ends == first.ends for header in (*changed, longer)] == [False, True, False, False]


def test_the_hashes_are_those_that_the_words_say(path: Path) -> None:
    def blake2b(length: int, data: bytes) -> bytes:
        return hashlib.blake2b(length.to_bytes(8, "big") + data, digest_size=16).digest()

    photo, limit = jpeg(1), 131_072
    for length in (len(photo) + 2, limit, limit + 1, 3 * limit):
        data = photo + b"x" * (length - len(photo) - 2) + b"\xff\xd9"
        header = told(path, data)
        assert header.ends == blake2b(length, data if length <= limit else data[:65_536] + data[-65_536:])
        assert header.content == (header.ends if length <= limit else hashlib.sha256(data).digest()[:16])


def test_a_file_of_another_content_is_not_decoded(path: Path) -> None:
    data = jpeg(1, (900, 900)) + bytes(200_000) + b"\xff\xd9"
    content = told(path, data).content
    assert isinstance(load(path, content=content), Picture)
    assert isinstance(load(path, content=bytes(16)), Problem)
    path.write_bytes(data[:100_000] + b"x" + data[100_001:])
    assert isinstance(load(path), Picture)
    assert load(path, content=content) == Problem(os.fspath(path), "changed")


def test_limits_and_missing_files(path: Path, tmp_path: Path) -> None:
    path.write_bytes(jpeg(1))
    for found in (inspect(path, max_pixels=100), inspect(tmp_path), inspect(tmp_path / "none"), inspect("a\0b")):
        assert isinstance(found, Problem)
        assert found.say("zh-CN")
    path.write_bytes(b"")
    assert inspect(path) == Problem(os.fspath(path), "empty")


AWKWARD = SHARED / "data" / "awkward"
LINES = (AWKWARD / "expected.csv").read_text(encoding="utf-8").splitlines() if AWKWARD.is_dir() else []


@pytest.mark.shared
@pytest.mark.parametrize("row", list(csv.DictReader(LINES)), ids=lambda row: row["file"])
def test_the_same_as_load_of_awkward_files(row: dict[str, str]) -> None:
    header, picture = inspect(AWKWARD / row["file"]), load(AWKWARD / row["file"])
    if row["file"] == "damaged.jpg":
        assert isinstance(header, Header)  # damaged in its midst
    elif isinstance(picture, Problem):
        assert header == picture
    else:
        assert isinstance(header, Header)
        assert header.size == picture.size


@pytest.mark.shared
def test_quicker_than_decoding(shared: Path) -> None:
    photos = sorted((shared / "data" / "imagenet_samples").glob("*.*"))[:60]
    times = []
    for look in (load, inspect):
        began = time.process_time()
        for photo in photos:
            look(photo)
        times.append(time.process_time() - began)
    assert times[1] < times[0] / 3
