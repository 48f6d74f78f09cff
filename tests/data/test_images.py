"""Picture files of every kind that people have: upright 8-bit RGB, or a named problem."""

from __future__ import annotations

import csv
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageOps, features

from resnet_demo.data.images import Picture, Problem, load, upright_rgb
from resnet_demo.texts import LANGUAGES
from tests.conftest import ROOT, SHARED

Colours = tuple[tuple[int, ...], ...]
"""Of the four quarters: top left, top right, bottom left, bottom right."""

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 30), (30, 30, 200), (230, 210, 30)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
COLOURS: Colours = (RED, GREEN, BLUE, YELLOW)
GREYS: Colours = tuple((round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in COLOURS)


def draw_chart(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green over blue, yellow: no turn and no mirror image of it looks the same."""
    chart = Image.new("RGB", (width, height))
    for i, colour in enumerate(COLOURS):
        box = (i % 2 * width // 2, i // 2 * height // 2)
        chart.paste(colour, (*box, box[0] + width // 2, box[1] + height // 2))
    return chart


def quarters(image: Image.Image) -> list[tuple[int, ...]]:
    """The mean colour in the midst of each quarter, clear of the middle."""
    width, height = image.size
    pixels = np.asarray(image, dtype=float)
    means = []
    for top in (height // 12, height * 3 // 4):
        for left in (width // 12, width * 3 // 4):
            part = pixels[top : top + height // 6, left : left + width // 6]
            means.append(tuple(int(level) for level in part.mean(axis=(0, 1)).round()))
    return means


def assert_colours(image: Image.Image, expected: Colours, tolerance: int) -> None:
    assert image.mode == "RGB"
    assert np.abs(np.subtract(quarters(image), expected)).max() <= tolerance, quarters(image)


def loaded(path: Path, **options: int) -> Picture:
    found = load(path, **options)
    assert isinstance(found, Picture), found
    return found


def refused(path: str | Path, **options: int) -> Problem:
    found = load(path, **options)
    assert isinstance(found, Problem), found
    for language in LANGUAGES:
        assert found.say(language)
    return found


WRITTEN = [
    pytest.param(name, marks=pytest.mark.skipif(name == "AVIF" and not features.check("avif"), reason="no AVIF"))
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
]


@pytest.mark.parametrize("name", WRITTEN)
def test_content_decides_not_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "郁金香 & <b>.txt"
    draw_chart().save(path, name)
    picture = loaded(path)
    assert (picture.size, picture.file) == ((64, 48), str(path))
    assert_colours(picture.image, COLOURS, 8)


def test_avif_under_the_general_brand_of_its_container(tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    draw_chart().save(path, "AVIF")
    path.write_bytes(path.read_bytes().replace(b"ftypavif", b"ftypmif1", 1))
    assert_colours(loaded(path).image, COLOURS, 8)


def levels(kind: type, top: float) -> Image.Image:
    """The chart's grey as numbers of another kind, white being `top`."""
    values = np.asarray(draw_chart().convert("L"), dtype=np.float64) * (top / 255)
    return Image.fromarray(values.astype(kind) if kind is np.float32 else values.round().astype(kind))


def with_alpha(mode: str) -> Image.Image:
    """The chart, its top left quarter see-through."""
    opacity = Image.new("L", (64, 48), 255)
    opacity.paste(0, (0, 0, 32, 24))
    chart = draw_chart().convert(mode)
    chart.putalpha(opacity)
    return chart


CHART, GREY, INDEXED = draw_chart(), draw_chart().convert("L"), draw_chart().quantize(4)
RED_ENTRY = int(np.asarray(INDEXED)[0, 0])
RED_CLEAR = bytes(0 if entry == RED_ENTRY else 255 for entry in range(4))
FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (64, 48), "black")], "lossless": True}
OVER_WHITE = (WHITE, *COLOURS[1:])
BRIGHTENED = tuple((round(grey * 255 / GREYS[3][0]),) * 3 for grey, _, _ in GREYS)
KINDS: dict[str, tuple[Image.Image, str, dict[str, Any], Colours]] = {
    "grey jpeg": (GREY, "JPEG", {}, GREYS),
    "cmyk jpeg, inverted as Adobe does": (CHART.convert("CMYK"), "JPEG", {}, COLOURS),
    "cmyk tiff": (CHART.convert("CMYK"), "TIFF", {}, COLOURS),
    "16 bit png": (levels(np.uint16, 65535), "PNG", {}, GREYS),
    "16 bit tiff": (levels(np.uint16, 65535), "TIFF", {}, GREYS),
    "32 bit tiff of 16 bits": (levels(np.int32, 65535), "TIFF", {}, GREYS),
    "float tiff to 1": (levels(np.float32, 1), "TIFF", {}, GREYS),
    "float tiff to 255": (levels(np.float32, 255), "TIFF", {}, GREYS),
    "float tiff to 65535": (levels(np.float32, 65535), "TIFF", {}, GREYS),
    "float tiff to a million": (levels(np.float32, 1e6), "TIFF", {}, BRIGHTENED),
    "bilevel": (GREY.point(lambda v: 255 * (v > 90), "1"), "PNG", {}, (BLACK, WHITE, BLACK, WHITE)),
    "palette": (INDEXED, "PNG", {}, COLOURS),
    "palette, one entry clear": (INDEXED, "PNG", {"transparency": RED_ENTRY}, OVER_WHITE),
    "palette with alpha": (INDEXED, "PNG", {"transparency": RED_CLEAR}, OVER_WHITE),
    "one colour clear": (CHART, "PNG", {"transparency": RED}, OVER_WHITE),
    "alpha": (with_alpha("RGB"), "PNG", {}, OVER_WHITE),
    "grey alpha": (with_alpha("L"), "PNG", {}, (WHITE, *GREYS[1:])),
    "animated gif": (CHART, "GIF", FRAMES, COLOURS),
    "animated png": (CHART, "PNG", FRAMES, COLOURS),
    "animated webp": (CHART, "WEBP", FRAMES, COLOURS),
    "tiff of two pages": (CHART, "TIFF", FRAMES, COLOURS),
    "jpeg with a second picture": (CHART, "MPO", FRAMES, COLOURS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_pixels_becomes_rgb_that_looks_right(tmp_path: Path, kind: str) -> None:
    image, name, options, colours = KINDS[kind]
    image.save(tmp_path / "photo", name, **options)
    assert_colours(loaded(tmp_path / "photo").image, colours, 4)


def test_a_float_picture_that_overshoots_stays_bright(tmp_path: Path) -> None:
    values = np.linspace(-0.1, 1.1, 100, dtype=np.float32).reshape(10, 10)
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "f.tif")
    pixels = np.asarray(loaded(tmp_path / "f.tif").image)[..., 0]
    expected = (np.nan_to_num(values).clip(0, 1) * 255).round()
    assert np.array_equal(pixels, expected)


SIDES = ("top left", "top right", "bottom right", "bottom left", "left top", "right top", "right bottom", "left bottom")
"""Orientation 1 to 8: what the first stored row and the first stored column are (EXIF 2.32, 4.6.4)."""


def turned_chart(orientation: int, width: int = 64, height: int = 48) -> tuple[Image.Image, Image.Exif]:
    """The chart as a camera held that way stores it, and the EXIF that says so."""
    row, column = SIDES[orientation - 1].split()
    pixels = np.asarray(draw_chart(width, height))
    stored = pixels if row in {"top", "bottom"} else pixels.swapaxes(0, 1)
    down, right = (-1 if side in {"bottom", "right"} else 1 for side in (row, column))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return Image.fromarray(np.ascontiguousarray(stored[::down, ::right])), exif


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_by_exif(tmp_path: Path, name: str, orientation: int) -> None:
    stored, exif = turned_chart(orientation)
    path = tmp_path / "photo"
    stored.save(path, name, exif=exif)
    picture = loaded(path)
    assert picture.size == picture.image.size == (64, 48)
    assert_colours(picture.image, COLOURS, 8)
    with Image.open(path) as image:
        assert ImageChops.difference(picture.image, ImageOps.exif_transpose(image).convert("RGB")).getbbox() is None
    assert upright_rgb(picture.image).tobytes() == picture.image.tobytes(), "a second look must not turn it again"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
def test_a_broken_exif_costs_no_picture(tmp_path: Path) -> None:
    draw_chart().save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\xff\xff")
    assert_colours(loaded(tmp_path / "a.jpg").image, COLOURS, 8)


def test_a_picture_already_open_is_not_changed() -> None:
    stored, exif = turned_chart(6)
    stored.info["exif"] = exif.tobytes()
    before = stored.tobytes()
    assert_colours(upright_rgb(stored), COLOURS, 0)
    assert stored.tobytes() == before
    assert "exif" in stored.info
    upright = draw_chart()
    assert upright_rgb(upright) is upright


@pytest.mark.parametrize(
    ("size", "needed", "decoded"),
    [
        ((1600, 1200), None, (1600, 1200)),
        ((1600, 1200), 75, (200, 150)),
        ((1600, 1200), 76, (400, 300)),
        ((1601, 1201), 224, (801, 601)),
        ((1600, 1200), 301, (1600, 1200)),
        ((1600, 40), 20, (1600, 40)),
    ],
)
def test_a_large_jpeg_is_decoded_no_larger_than_needed(
    tmp_path: Path, size: tuple[int, int], needed: int | None, decoded: tuple[int, int]
) -> None:
    stored, exif = turned_chart(6, width=size[0], height=size[1])
    stored.save(tmp_path / "a.jpg", exif=exif)
    found = load(tmp_path / "a.jpg", needed=needed)
    assert isinstance(found, Picture)
    assert (found.size, found.image.size) == (size, decoded)
    assert_colours(found.image, COLOURS, 8)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_cut_short_is_a_problem_never_half_a_picture(tmp_path: Path, name: str) -> None:
    draw_chart(320, 240).save(tmp_path / "whole", name)
    whole = loaded(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    kinds = []
    for percent in range(3, 100, 4):
        (tmp_path / "cut").write_bytes(data[: max(16, len(data) * percent // 100)])
        found = load(tmp_path / "cut")
        if isinstance(found, Picture):  # nothing but what follows the picture is missing
            assert found.image.tobytes() == whole.image.tobytes()
        else:
            kinds.append(found.kind)
    # A TIFF may keep its header at the end, an AVIF without its boxes is no AVIF: then it is just unreadable.
    assert set(kinds) <= ({"truncated", "unreadable"} if name in {"TIFF", "AVIF"} else {"truncated"})
    assert len(kinds) >= 20


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG file written by hand (PNG specification, section 5): signature, IHDR, one IDAT, IEND."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"<!doctype html><title>404</title><h1>Not found</h1>", "not_an_image"),
        (bytes(4096), "not_an_image"),
        (b'\xef\xbb\xbf \n<svg xmlns="http://www.w3.org/2000/svg"/>', "not_a_photo_format"),
        (b'<?xml version="1.0"?>\n<!-- drawn --><svg/>', "not_a_photo_format"),
        (b'<?xml version="1.0"?><rss/>', "not_an_image"),
        (b"%PDF-1.7\n", "not_a_photo_format"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "not_a_photo_format"),
        (png(64, 48)[:33], "truncated"),
        (png(64, 48, zlib.compress(b"")), "truncated"),
        (png(64, 48, b"no deflate stream, whatever follows"), "unreadable"),
        (b"GIF89a" + bytes(7) + b",\0\0\0\0\0\0\0\0\0\2\0;", "unreadable"),  # of no width and no height
        (b"\xff\xd8\xff\xe0" + b"\0\x10JFIF" * 40, "truncated"),
        (b"RIFF\x20\0\0\0WEBPVP8 " + bytes(24), "unreadable"),
        (b"RIFF\xff\xff\0\0WEBPVP8 " + bytes(24), "truncated"),
        (png(60_000, 60_000), "too_large"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    problem = refused(path)
    assert (problem.kind, problem.file) == (kind, str(path))


def test_paths_that_lead_to_no_file_are_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing.jpg").kind == "missing"
    assert refused("zero\0byte.jpg").kind == "missing"
    assert refused(tmp_path / ("x" * 5000)).kind == "missing"
    assert refused(tmp_path).kind == "not_a_file"
    assert Problem("a.png", "not_allowed").say("zh-CN")  # that it comes about cannot be tested as root


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refused(tmp_path / "pipe.jpg").kind == "not_a_file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    draw_chart().save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    assert refused(tmp_path / "a.png").kind == "not_allowed"


def test_the_limit_is_the_callers_not_pillows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_chart().save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # some other code's wish, under which Pillow refuses the chart
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "a.png")
    assert_colours(loaded(tmp_path / "a.png", max_pixels=64 * 48).image, COLOURS, 0)
    problem = refused(tmp_path / "a.png", max_pixels=64 * 48 - 1)
    assert (problem.kind, problem.fields["width"], problem.fields["height"]) == ("too_large", 64, 48)
    assert Image.MAX_IMAGE_PIXELS == 1000


COST = """
import sys, time
from resnet_demo.data.images import load
from tests.peak_memory import peak_memory
load(sys.argv[1], max_pixels=1)
before, started = peak_memory(), time.perf_counter()
found = load(sys.argv[1])
seconds = time.perf_counter() - started
print(found.kind, seconds, peak_memory() - before)
"""


def assert_refused_cheaply(path: Path) -> None:
    """By its header, in a process of its own: under 0.2 seconds and 50 MB."""
    run = subprocess.run([sys.executable, "-c", COST, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    kind, seconds, grown = run.stdout.split()
    assert kind == "too_large"
    assert float(seconds) < 0.2
    assert int(grown) < 50_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
def test_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    row = zlib.compress(bytes(1 + 3 * 60_000), 9)
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000, row * 100))
    assert_refused_cheaply(tmp_path / "bomb.png")


def test_several_threads_at_once(tmp_path: Path) -> None:
    paths = []
    for i, name in enumerate(("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF") * 8):
        paths.append(tmp_path / str(i))
        draw_chart(320 + i, 240).save(paths[-1], name)
    expected = [loaded(path).image.tobytes() for path in paths]
    with ThreadPoolExecutor(8) as pool:
        assert [found.image.tobytes() for found in pool.map(loaded, paths)] == expected


def awkward_rows() -> list[dict[str, Any]]:
    table = SHARED / "data" / "awkward" / "expected.csv"
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


KIND_IN_WORDS = {"not an image": "not_an_image", "not a photo format": "not_a_photo_format", "3.6 giga": "too_large"}


def expected_colours(file: str) -> tuple[Colours, int]:
    """The four colours that a file of the awkward folder shows, and how nearly."""
    colours, tolerance = COLOURS, 8
    if file.startswith(("grey", "float32", "bilevel")):
        colours = GREYS
    if file == "cmyk.jpg":
        tolerance = 40
    if "alpha" in file or "transparent" in file:
        colours = (WHITE, *colours[1:])
    return colours, tolerance


@pytest.mark.shared
@pytest.mark.parametrize("row", awkward_rows(), ids=lambda row: row["file"])
def test_the_awkward_folder(shared: Path, row: dict[str, str]) -> None:
    path = shared / "data" / "awkward" / row["file"]
    found = load(path, needed=256)
    assert found.file == str(path)
    if row["verdict"] == "ok":
        assert isinstance(found, Picture), found
        width, height = map(int, row["size_upright"].split("x"))
        assert found.size == (width, height)
        if min(found.size) >= 240:
            assert_colours(found.image, *expected_colours(row["file"]))
    elif row["verdict"] == "problem":
        assert isinstance(found, Problem)
        words = row["what is expected"]
        named = [kind for start, kind in KIND_IN_WORDS.items() if words.startswith(start)]
        assert found.kind == (named[0] if named else words.split(":")[0])
    else:
        assert isinstance(found, Problem) or found.size == (320, 240)
    if row["file"] == "large.jpg":
        assert isinstance(found, Picture)
        assert 512 <= min(found.image.size) < 1200
    if row["file"] == "bomb.png":
        assert_refused_cheaply(path)
