"""Pictures as a network wants them: torchvision's and timm's transforms are the oracles."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from timm.models import get_pretrained_cfg
from torchvision.transforms import functional as F
from torchvision.transforms import v2

from resnet_demo.data.images import Picture, load
from resnet_demo.data.preprocessing import CropMode, ImageSpec, fit, normalise, seen_box
from resnet_demo.texts import AppError
from tests.conftest import ROOT

SPECS = [
    ImageSpec(),
    ImageSpec(resize_size=232),
    ImageSpec(interpolation="bicubic"),
    ImageSpec(crop_size=32, resize_size=32),
    ImageSpec(crop_size=225, resize_size=288, interpolation="bicubic"),
]
SIZES = [
    (500, 375), (375, 500), (256, 256), (224, 224), (255, 257), (1023, 640), (300, 1500), (60, 80), (1, 1), (3, 2),
    (2, 90), (400, 3),
]  # fmt: skip


def noise(width: int, height: int) -> Image.Image:
    """The hardest picture to resize alike: no pixel resembles its neighbour."""
    generator = np.random.default_rng(width * 10_000 + height)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


def photo(width: int, height: int) -> Image.Image:
    """Noise of a few coarse grains, blurred: smooth areas, edges and some detail, as photos have."""
    coarse = noise(max(1, width // 8), max(1, height // 8)).resize((width, height), Image.Resampling.BICUBIC)
    return Image.blend(coarse, noise(width, height), 0.1)


def torchvision_crop(image: Image.Image, spec: ImageSpec) -> np.ndarray[Any, Any]:
    resized = F.resize(image, spec.resize_size, F.InterpolationMode(spec.interpolation), antialias=True)
    cropped: Image.Image = F.center_crop(resized, spec.crop_size)
    return np.array(cropped)


def levels_apart(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    assert a.shape == b.shape
    apart: np.ndarray[Any, Any] = np.abs(a.astype(int) - b.astype(int))
    return apart


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("draw", [noise, photo])
def test_crop_is_torchvisions(draw: Any, size: tuple[int, int], spec: ImageSpec) -> None:
    image = draw(*size)
    apart = levels_apart(fit(image, spec, "crop"), torchvision_crop(image, spec))
    # Where a value lies between two levels, rounding in either of the two passes may fall the other way.
    assert apart.max() <= 2
    assert (apart > 1).mean() < 1e-3
    assert (apart > 0).mean() < 0.05


@pytest.mark.shared
def test_crop_is_torchvisions_on_photos(shared: Path) -> None:
    for path in sorted((shared / "data" / "imagenet_samples").iterdir()):
        picture = load(path)
        assert isinstance(picture, Picture)
        apart = levels_apart(fit(picture.image, ImageSpec(), "crop"), torchvision_crop(picture.image, ImageSpec()))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_whole_is_the_whole_picture_squashed(size: tuple[int, int]) -> None:
    image = noise(*size)
    assert seen_box(size, ImageSpec(), "whole") == (0, 0, *size)
    squashed = F.resize(image, [256, 256], F.InterpolationMode.BILINEAR, antialias=True)
    assert np.array_equal(fit(image, ImageSpec(), "whole"), np.asarray(squashed))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # 500 x 375 is resized to 341 x 256: margins of 58.5, which Python rounds to the even 58, and 16.
        ((500, 375), (58 * 500 / 341, 16 * 375 / 256, 282 * 500 / 341, 240 * 375 / 256)),
        ((375, 500), (16 * 375 / 256, 58 * 500 / 341, 240 * 375 / 256, 282 * 500 / 341)),
        ((256, 256), (16, 16, 240, 240)),
        ((1, 1), (1 / 16, 1 / 16, 15 / 16, 15 / 16)),
        # Resized to 341333 x 256: a margin of 170554.5.
        ((4000, 3), (170554 * 4000 / 341333, 3 / 16, 170778 * 4000 / 341333, 45 / 16)),
    ],
)
def test_seen_box_by_hand(size: tuple[int, int], expected: tuple[float, ...]) -> None:
    assert seen_box(size, ImageSpec(), "crop") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("crop_mode", ["crop", "whole"])
@pytest.mark.parametrize("size", [(1, 1), (4000, 3), (60, 4000), (224, 100_000), (1, 65_535)])
@pytest.mark.parametrize("spec", [*SPECS, ImageSpec(crop_size=224, resize_size=224)], ids=str)
def test_seen_box_lies_within_any_picture(size: tuple[int, int], spec: ImageSpec, crop_mode: CropMode) -> None:
    left, top, right, bottom = seen_box(size, spec, crop_mode)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]


SLIVER = """
from PIL import Image
from resnet_demo.data.preprocessing import ImageSpec, fit
from tests.peak_memory import peak_memory
image = Image.new("RGB", (65_535, 3))
fit(Image.new("RGB", (300, 300)), ImageSpec(), "crop")
before = peak_memory()
fit(image, ImageSpec(), "crop")
print(peak_memory() - before)
"""


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
def test_a_sliver_costs_no_memory() -> None:
    assert int(run_python(SLIVER)) < 5_000_000  # 4.3 GB if it were resized whole


def test_no_torch_until_it_is_used() -> None:
    code = "import sys, resnet_demo.data.images, resnet_demo.data.preprocessing; print('torch' in sys.modules)"
    assert run_python(code) == "False\n"


@pytest.mark.parametrize("crop_mode", ["crop", "whole"])
@pytest.mark.parametrize(("size", "scale"), [((2400, 1600), 4), ((2405, 1603), 4), ((1603, 2405), 2), ((601, 301), 1)])
def test_a_reduced_picture_shows_what_the_original_would(
    size: tuple[int, int], scale: int, crop_mode: CropMode
) -> None:
    waves = np.meshgrid(*(np.sin(np.linspace(0, 16 * np.pi, length)) for length in size))
    pixels = (127.5 + 127.5 * np.stack([*waves, waves[0]], axis=2)).round().astype(np.uint8)
    # The last blocks are filled up, as a JPEG decoder does.
    missing = [(0, -size[1] % scale), (0, -size[0] % scale), (0, 0)]
    reduced = Image.fromarray(np.pad(pixels, missing, mode="edge")).reduce(scale)
    original = fit(Image.fromarray(pixels), ImageSpec(), crop_mode)
    # A quarter of a pixel to the side, these waves would be off by up to 7 levels and by 2 on average.
    apart = levels_apart(fit(reduced, ImageSpec(), crop_mode, size), original)
    assert apart.max() <= 3
    assert apart.mean() < 0.5


def enlarge(path: Path, shorter: int, out: Path) -> None:
    """Write the photo as a camera of many pixels might have taken it."""
    picture = load(path)
    assert isinstance(picture, Picture)
    width, height = picture.size
    scale = shorter / min(width, height)
    picture.image.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC).save(out, quality=92)


@pytest.mark.shared
@pytest.mark.slow
def test_reduced_decoding_hardly_moves_the_answers(shared: Path, tmp_path: Path) -> None:
    network = torchvision.models.resnet18()
    network.load_state_dict(torch.load(shared / "weights" / "resnet18-9b9ef1cf.pth", weights_only=True))
    network.eval()
    spec, out = ImageSpec(), tmp_path / "large.jpg"
    shown: dict[str, list[np.ndarray[Any, Any]]] = {"whole": [], "reduced": []}
    for path in sorted((shared / "data" / "imagenet_samples").iterdir())[::5]:
        enlarge(path, 2102, out)
        for way, needed in (("whole", None), ("reduced", spec.resize_size)):
            picture = load(out, needed=needed)
            assert isinstance(picture, Picture)
            assert (min(picture.image.size) < 1000) == (way == "reduced")
            shown[way].append(fit(picture.image, spec, "crop", picture.size))
    with torch.inference_mode():
        whole, reduced = (
            network(normalise(torch.from_numpy(np.stack(pictures)), spec)).softmax(1) for pictures in shown.values()
        )
    moved = (whole - reduced).abs().amax(1)
    assert moved.mean() < 0.01
    assert moved.max() < 0.05


def test_normalise_is_torchvisions() -> None:
    spec = ImageSpec(mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))
    pixels = torch.randint(0, 256, (2, 20, 30, 3), dtype=torch.uint8)
    before = pixels.clone()
    images = normalise(pixels, spec)
    transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(spec.mean, spec.std)])
    expected = torch.stack([transform(picture.numpy()) for picture in pixels])
    assert (images - expected).abs().max() < 1e-6
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pixels, before)
    assert torch.equal(normalise(pixels.flip(1), spec), images.flip(2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_normalise_rounds_once(dtype: torch.dtype) -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(-1, -1, -1, 3)
    images = normalise(pixels, ImageSpec(), dtype)
    assert images.dtype == dtype
    assert torch.equal(images, normalise(pixels, ImageSpec()).to(dtype))


@pytest.mark.parametrize("name", ["resnet50.tv_in1k", "resnetv2_50.a1h_in1k", "res2net50_26w_4s.in1k", "resnet50d"])
def test_from_timm_prepares_as_timm_does(name: str) -> None:
    cfg = asdict(get_pretrained_cfg(name))  # type: ignore[arg-type]
    spec = ImageSpec.from_timm(cfg)
    image = photo(500, 375)
    expected = create_transform(**resolve_data_config(pretrained_cfg=cfg))(image)  # type: ignore[no-untyped-call]
    ours = normalise(torch.from_numpy(fit(image, spec, "crop"))[None], spec)[0]
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() < 2.01 / 255 / min(spec.std)


def test_from_timm_fills_gaps_as_timm_does() -> None:
    filled = resolve_data_config(pretrained_cfg={"url": ""})  # type: ignore[no-untyped-call]
    assert ImageSpec.from_timm({"interpolation": "", "mean": None}) == ImageSpec.from_timm(filled)


def test_to_timm_and_back() -> None:
    for crop in (1, 32, 223, 224, 225, 288, 1024):
        for resize in range(crop, 1025):
            spec = ImageSpec(crop, resize, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bicubic")
            assert ImageSpec.from_timm(spec.to_timm()) == spec
    assert ImageSpec().to_timm()["crop_pct"] == 0.875


@pytest.mark.parametrize(
    "fields",
    [
        {"crop_size": 0},
        {"crop_size": 224.0},
        {"crop_size": True},
        {"crop_size": 300},
        {"resize_size": 10**9},
        {"mean": (0.5, 0.5)},
        {"mean": "abc"},
        {"mean": (0.5, 0.5, float("nan"))},
        {"std": (0.2, 0.2, 0.0)},
        {"std": (0.2, None, 0.2)},
        {"interpolation": "lanczos"},
        {"interpolation": ["bilinear"]},
    ],
    ids=str,
)
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(AppError) as refusal:
        ImageSpec(**fields)
    assert next(iter(fields)).split("_")[-1] in refusal.value.say("zh-CN")


@pytest.mark.parametrize(
    "entries",
    [
        {"input_size": [3, 224, 320]},
        {"input_size": [1, 224, 224]},
        {"input_size": 224},
        {"input_size": [3, "224", "224"]},
        {"input_size": [3, 10**400, 10**400]},
        {"crop_pct": 1e-300},
        {"crop_pct": 1.2},
        {"crop_pct": "all"},
        {"crop_mode": "squash"},
        {"crop_mode": "border", "crop_pct": 1.0},
        {"mean": {"r": 0.5}},
        {"std": [0.2, 0.2, "<b>0.2</b>" * 100]},
    ],
    ids=lambda entries: str(entries)[:40],
)
def test_nonsense_from_a_foreign_config_is_refused(entries: dict[str, Any]) -> None:
    with pytest.raises(AppError) as refusal:
        ImageSpec.from_timm(entries)
    assert len(refusal.value.say()) < 300
