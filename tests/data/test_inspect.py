"""What a picture file's header and end tell, without decoding it: the same as decoding, but for damage in the midst."""

from __future__ import annotations

import csv
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


def content(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    header = inspect(path)
    assert isinstance(header, Header)
    return header.content


def test_content_tells_files_apart_by_length_start_and_end(path: Path) -> None:
    """A note of 200,000 bytes behind the picture, changed near its start, in its midst and near its end."""
    data = jpeg(1) + bytes(200_000) + b"\xff\xd9"
    first = content(path, data)
    near_start, midst, near_end = (
        content(path, data[:place] + b"x" + data[place + 1 :]) for place in (10_000, 100_000, 190_000)
    )
    longer = content(path, jpeg(1) + bytes(200_001) + b"\xff\xd9")
    assert content(path, data) == first == midst
    assert len({first, near_start, near_end, longer}) == 4


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
        began = time.perf_counter()
        for photo in photos:
            look(photo)
        times.append(time.perf_counter() - began)
    assert times[1] < times[0] / 5
