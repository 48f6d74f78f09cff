"""The augmentation preview shows what evaluation and training make of photos."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.images import Picture
from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.texts import LANGUAGES
from resnet_demo.ui.tabs.finetune import augmentation_preview
from resnet_demo.ui.tabs.finetune.augmentation_preview import COLUMNS, ROWS, choose
from resnet_demo.ui.visitor_context import speaking
from tests.data.drawn import draw, flowers, jpeg, write

MANY = 100_000_000


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def pixels(image: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(image, dtype=float)


def test_three_rows_for_photos_of_each_class(tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path / "photos", flowers(6, ("<b>", "daisy", "郁金香"))), tmp_path)
    drawn = augmentation_preview.draw(dataset, 64, 0.4, 0, MANY)
    assert [sample.label for sample in drawn.samples] == ["<b>"] * 3 + ["daisy"] * 3 + ["郁金香"] * 2
    assert [decoded(uri).size for uri in drawn.samples[0].pictures] == [(64, 48), (64, 64), (64, 64)]
    for language in LANGUAGES:
        with speaking(language):
            written = augmentation_preview.as_html(drawn)
        assert written.count("<img ") == COLUMNS * len(ROWS)
        assert "<b>" not in written
        assert "64 × 64" in written
    assert (
        augmentation_preview.draw(dataset, 64, 0.4, 1, MANY)
        != drawn
        == augmentation_preview.draw(dataset, 64, 0.4, 0, MANY)
    )


def test_the_network_sees_what_torchvision_would_crop(tmp_path: Path) -> None:
    photo = draw(3, (320, 200))
    picture = io.BytesIO()
    photo.save(picture, "PNG")
    dataset = open_dataset(write(tmp_path / "photos", {"a/1.png": picture.getvalue()}), tmp_path)
    network_input = decoded(augmentation_preview.draw(dataset, 160, 0.4, 0, MANY).samples[0].pictures[1])
    usual = v2.Compose([v2.Resize(round(160 * 256 / 224)), v2.CenterCrop(160)])(photo)
    difference = np.abs(np.asarray(network_input, dtype=float) - np.asarray(usual, dtype=float))
    assert difference.mean() < 2  # of 255; JPEG and rounding


def test_without_variation_training_sees_what_evaluation_does(tmp_path: Path) -> None:
    """The same crop as torchvision's: neither another one two pixels away nor one of another size is as near."""
    picture = Picture(draw(5, (320, 200)), (320, 200), "x")
    spec = ImageSpec(96, 110)
    chance = torch.Generator().manual_seed(0)
    still = pixels(augmentation_preview.augmented(picture, spec, 0.0, chance))
    resized = v2.Resize(110)(picture.image)
    (top, left), others = ((110 - 96) // 2, (176 - 96) // 2), [(0, 2), (0, -2), (2, 0), (-2, 0)]
    middle = np.abs(still - pixels(resized.crop((left, top, left + 96, top + 96)))).mean()
    assert middle < 3
    for down, right in others:
        moved = resized.crop((left + right, top + down, left + right + 96, top + down + 96))
        assert middle < np.abs(still - pixels(moved)).mean() / 2
    for size in (106, 114):
        assert middle < np.abs(still - pixels(v2.CenterCrop(96)(v2.Resize(size)(picture.image)))).mean() / 2


def test_the_more_variation_the_less_is_it_the_photo(tmp_path: Path) -> None:
    """Or its mirror image, which half of all views are at any strength."""
    picture = Picture(draw(5, (200, 200)), (200, 200), "x")
    chance = torch.Generator().manual_seed(0)
    photo = pixels(picture.image.resize((96, 96), Image.Resampling.BILINEAR))

    def distance(strength: float) -> float:
        views = [
            pixels(augmentation_preview.augmented(picture, ImageSpec(96, 110), strength, chance)) for _ in range(16)
        ]
        assert len({one.tobytes() for one in views}) == 16
        return float(np.mean([min(np.abs(one - photo).mean(), np.abs(one[:, ::-1] - photo).mean()) for one in views]))

    little, half, whole = map(distance, (0.1, 0.5, 1.0))
    assert 2 * little < half < whole


def test_the_settings_of_the_training_are_followed() -> None:
    """Never mirrored where that is switched off; and the whole of a long photo where that is seen."""
    picture = Picture(draw(5, (800, 200)), (800, 200), "x")
    chance = torch.Generator().manual_seed(0)
    spec = ImageSpec(96, 96, crop_mode="whole")
    photo = pixels(picture.image.resize((96, 96), Image.Resampling.BILINEAR))
    for mirror in (False, True):
        views = [pixels(augmentation_preview.augmented(picture, spec, 0.05, chance, mirror=mirror)) for _ in range(16)]
        mirrored = [np.abs(one[:, ::-1] - photo).mean() < np.abs(one - photo).mean() for one in views]
        assert any(mirrored) == mirror
        nearest = [min(np.abs(one[:, ::-1] - photo).mean(), np.abs(one - photo).mean()) for one in views]
        assert max(nearest) < np.abs(photo - photo.mean(axis=(0, 1))).mean() / 2


@pytest.mark.parametrize("classes", [1, 2, 5, 8, 1_000])
def test_columns_are_shared_out(classes: int) -> None:
    labels = [number % classes for number in range(3_000)]
    chosen = choose(labels, 0)
    assert len(set(chosen)) == COLUMNS
    counts = [sum(labels[index] == label for index in chosen) for label in {labels[index] for index in chosen}]
    assert len(counts) == min(classes, COLUMNS)
    assert max(counts) - min(counts) <= 1


def test_few_photos_and_bad_ones(tmp_path: Path) -> None:
    files = {"a/1.jpg": jpeg(1, (640, 480)), "b/1.jpg": jpeg(2)}
    dataset = open_dataset(write(tmp_path / "photos", files), tmp_path)
    (tmp_path / "photos/a/1.jpg").write_text("gone bad")
    assert [sample.label for sample in augmentation_preview.draw(dataset, 32, 1.0, 0, MANY).samples] == ["b"]
