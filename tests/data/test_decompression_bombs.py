"""Decompression bombs: refused by their headers, without the memory that they would take."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from resnet_demo.data.images import Picture, Problem, load
from resnet_demo.data.rgb import PART_PIXELS, as_rgb
from resnet_demo.settings import find_settings
from resnet_demo.texts import text
from tests.conftest import ROOT
from tests.data import bombs
from tests.data.drawn import draw, encoded

PUBLIC = find_settings(["--public"], {})
SPARE = 40_000_000
"""Bytes that a decoder and a part of the picture may take, whatever the picture's size."""

READ = """
import json, sys
from pathlib import Path
from PIL import Image
from resnet_demo.data import decoding_budget, images
from resnet_demo.data.decoding_cost import bytes_to_decode
from resnet_demo.settings import find_settings
from tests.peak_memory import peak_memory

settings = find_settings(sys.argv[2:], {})
decoding_budget.set_limits(settings)
Image.MAX_IMAGE_PIXELS = None

def cost(path):
    with Image.open(path) as image:
        full = image.size
        image.draft(None, (512, 512))
        return bytes_to_decode(image, full, turned=False)

folder = Path(sys.argv[1])
images.load(folder / "small.png", needed=256)
told = {}
for path in sorted(folder.iterdir()):
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    found = images.load(path, needed=256, max_pixels=settings.max_pixels)
    grown = peak_memory() - before
    kind = found.kind if isinstance(found, images.Problem) else "picture"
    said = found.say() if kind != "picture" else ""
    del found
    told[path.name] = [kind, said, grown, cost(path) if kind == "picture" else 0]
print(json.dumps(told))
"""

needs_peak = pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")


def read(folder: Path, files: dict[str, bytes], *flags: str) -> dict[str, list[Any]]:
    """For each file, read in a process of its own: kind of problem, sentence, growth at the peak, what it was told."""
    Image.new("RGB", (8, 8)).save(folder / "small.png")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    command = [sys.executable, "-c", READ, str(folder), *flags]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, list[Any]] = json.loads(run.stdout)
    return {name: found[name] for name in files}


def without_avif(names: list[str]) -> list[str]:
    return [name for name in names if name != "AVIF" or features.check("avif")]


@needs_peak
def test_a_hundred_megapixels_of_a_stranger_are_refused_unread(tmp_path: Path) -> None:
    side = 10_000
    files = {name: bombs.FORMATS[name](side, side) for name in without_avif(list(bombs.FORMATS))}
    for kind, said, grown, _ in read(tmp_path, files, "--public").values():
        assert kind == "too_large"
        assert said == text("images.problem.too_large", width=side, height=side, limit="64")
        assert grown < side * side * 4 / 10


@needs_peak
@pytest.mark.parametrize("name", without_avif(["WEBP", "AVIF"]))
def test_what_takes_more_memory_than_other_formats_may_have_fewer_pixels(tmp_path: Path, name: str) -> None:
    side = 7_000
    [(kind, said, grown, _)] = read(tmp_path, {"a": bombs.FORMATS[name](side, side)}, "--public").values()
    assert kind == "too_costly"
    assert name in said
    assert "7000 × 7000" in said
    assert grown < side * side * 4 / 10


@needs_peak
def test_phones_photos_are_read_on_a_public_page(tmp_path: Path) -> None:
    """48 megapixels, of which decoding at an eighth leaves a 64th."""
    photo = Image.new("L", (8064, 6048), 90)
    files = {"baseline": encoded(photo, "JPEG"), "progressive": encoded(photo, "JPEG", progressive=True)}
    found = read(tmp_path, files, "--public")
    assert [kind for kind, *_ in found.values()] == ["picture", "picture"]
    assert found["baseline"][2] < SPARE
    assert found["progressive"][2] < 2 * 8064 * 6048 + SPARE  # two bytes for each of its coefficients


def deep(kind: type, side: int) -> Image.Image:
    return Image.fromarray(np.full((side, side), 3000, kind))


COSTS: dict[str, Callable[[int], bytes]] = {
    "jpeg, progressive": lambda side: encoded(Image.new("RGB", (side, side)), "JPEG", progressive=True),
    "jpeg, layers apart": bombs.scans_apart,
    "png": lambda side: bombs.png(side, side),
    "png, alpha": lambda side: encoded(Image.new("RGBA", (side, side)), "PNG", compress_level=1),
    "png, grey and alpha": lambda side: encoded(Image.new("LA", (side, side)), "PNG", compress_level=1),
    "png, one colour clear": lambda side: encoded(Image.new("RGB", (side, side)), "PNG", transparency=(9, 9, 9)),
    "png, 16 bit": lambda side: encoded(deep(np.uint16, side), "PNG", compress_level=1),
    "gif, one entry clear": lambda side: encoded(Image.new("P", (side, side)), "GIF", transparency=0),
    "bmp": lambda side: bombs.bmp(side, side),
    "tiff, float": lambda side: encoded(deep(np.float32, side), "TIFF", compression="tiff_lzw"),
    "tiff, 32 bit": lambda side: encoded(deep(np.int32, side), "TIFF", compression="tiff_adobe_deflate"),
    "tiff, cmyk": lambda side: encoded(Image.new("CMYK", (side, side)), "TIFF", compression="tiff_lzw"),
    "tiff, one strip": lambda side: encoded(
        Image.new("RGB", (side, side)), "TIFF", compression="tiff_lzw", tiffinfo={278: side}
    ),
    "webp": lambda side: bombs.webp(side, side),
    "webp, alpha": lambda side: encoded(Image.new("RGBA", (side, side)), "WEBP", lossless=True, method=0, quality=0),
}


@needs_peak
@pytest.mark.slow
def test_the_header_tells_what_decoding_takes(tmp_path: Path) -> None:
    side = 4_000
    found = read(tmp_path, {name: make(side) for name, make in COSTS.items()})
    for name, (kind, _, grown, told) in found.items():
        assert kind == "picture", name
        assert grown < told + SPARE, (name, grown, told)
        assert told <= 16 * side * side


@needs_peak
@pytest.mark.slow
@pytest.mark.skipif(not features.check("avif"), reason="no AVIF")
def test_the_header_of_an_avif_tells_what_decoding_takes(tmp_path: Path) -> None:
    side = 4_000
    files = {
        mode + chroma: encoded(Image.new(mode, (side, side)), "AVIF", speed=10, subsampling=chroma)
        for mode in ("RGB", "RGBA")
        for chroma in ("4:2:0", "4:4:4")
    }
    for name, (kind, _, grown, told) in read(tmp_path, files).items():
        assert kind == "picture"
        assert grown < told + SPARE, (name, grown, told)


@needs_peak
def test_files_that_decode_to_more_than_their_header_says(tmp_path: Path) -> None:
    files = {"tile": bombs.large_tile(100, 8_000), "scans": bombs.many_scans(3_000, 60)}
    if features.check("avif"):
        large = Image.new("RGB", (2_500, 2_500), (200, 30, 30))
        files["avif"] = bombs.said_to_be(encoded(large, "AVIF", speed=10), 64, 64)
        assert bombs.decoded(files["avif"]).size == (64, 64), "then this one is no lie"
    assert bombs.decoded(files["tile"]).size == (100, 100)
    for name, (kind, _, grown, _) in read(tmp_path, files).items():
        assert kind == "unreadable", name
        assert grown < SPARE / 2, name


def test_honest_files_of_those_kinds_are_read(tmp_path: Path) -> None:
    files = {"tile": bombs.large_tile(100, 256), "scans": bombs.many_scans(200, 60), "apart": bombs.scans_apart(64)}
    if features.check("avif"):
        frames = [draw(2, (320, 240)), draw(3, (320, 240))]
        files["sequence"] = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:])
        files["alpha"] = encoded(Image.new("RGBA", (320, 240)), "AVIF")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert isinstance(load(tmp_path / name), Picture), name


def test_an_avif_that_is_cut_in_its_boxes_is_a_problem(tmp_path: Path) -> None:
    if not features.check("avif"):
        pytest.skip("no AVIF")
    data = encoded(draw(1, (320, 240)), "AVIF")
    for place in range(20, 400, 3):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        (tmp_path / "a").write_bytes(changed)
        assert isinstance(load(tmp_path / "a"), Picture | Problem)


def test_the_note_on_how_a_png_was_held_may_follow_its_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(draw(1), "PNG")
    end = data.index(b"IEND") - 4
    (tmp_path / "a").write_bytes(data[:end] + bombs.chunk(b"eXIf", exif.tobytes()[6:]) + data[end:])
    found = load(tmp_path / "a")
    assert isinstance(found, Picture)
    assert found.size == (48, 64)


@pytest.mark.parametrize("size", [(700, 800), (PART_PIXELS + 7, 2), (3, PART_PIXELS)])
def test_pictures_taken_in_parts_have_no_seams(size: tuple[int, int]) -> None:
    """Against arithmetic on the whole."""
    ramp = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size[::-1])
    grey = np.asarray(as_rgb(Image.fromarray(ramp)))[..., 1]
    assert np.array_equal(grey, (ramp * 255).round())
    opacity = (ramp * 255).round().astype(np.uint8)
    clear = Image.merge("RGBA", [Image.fromarray(opacity // 2)] * 3 + [Image.fromarray(opacity)])
    over = np.asarray(Image.alpha_composite(Image.new("RGBA", size, "white"), clear))[..., :3]
    assert np.abs(np.asarray(as_rgb(clear)).astype(int) - over).max() <= 1
