"""The sample sheet shows what evaluation and training make of photos."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.images import Picture
from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.texts import LANGUAGES
from resnet_demo.ui import sheet
from resnet_demo.ui.sheet import COLUMNS, ROWS, choose
from tests.data.drawn import draw, flowers, jpeg, write

MANY = 100_000_000


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_three_rows_for_photos_of_each_class(tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path / "photos", flowers(6, ("<b>", "daisy", "郁金香"))), tmp_path)
    drawn = sheet.draw(dataset, 64, 0.4, 0, MANY)
    assert [sample.label for sample in drawn.samples] == ["<b>"] * 3 + ["daisy"] * 3 + ["郁金香"] * 2
    assert [decoded(uri).size for uri in drawn.samples[0].pictures] == [(64, 48), (64, 64), (64, 64)]
    for language in LANGUAGES:
        written = sheet.as_html(drawn, language)
        assert written.count("<img ") == COLUMNS * len(ROWS)
        assert "<b>" not in written
        assert "64 × 64" in written
    assert sheet.draw(dataset, 64, 0.4, 1, MANY) != drawn == sheet.draw(dataset, 64, 0.4, 0, MANY)


def test_the_network_sees_what_torchvision_would_crop(tmp_path: Path) -> None:
    photo = draw(3, (320, 200))
    picture = io.BytesIO()
    photo.save(picture, "PNG")
    dataset = open_dataset(write(tmp_path / "photos", {"a/1.png": picture.getvalue()}), tmp_path)
    seen = decoded(sheet.draw(dataset, 160, 0.4, 0, MANY).samples[0].pictures[1])
    usual = v2.Compose([v2.Resize(round(160 * 256 / 224)), v2.CenterCrop(160)])(photo)
    difference = np.abs(np.asarray(seen, dtype=float) - np.asarray(usual, dtype=float))
    assert difference.mean() < 2  # of 255; JPEG and rounding


def test_without_variation_training_sees_the_middle(tmp_path: Path) -> None:
    picture = Picture(draw(5, (320, 200)), (320, 200), "x")
    spec = ImageSpec(96, 110)
    chance = torch.Generator().manual_seed(0)
    still = np.asarray(sheet.varied(picture, spec, 0.0, chance), dtype=float)
    middle = np.asarray(v2.CenterCrop(96)(v2.Resize(110)(picture.image)), dtype=float)
    assert np.abs(still - middle).mean() < 6
    one, other = (np.asarray(sheet.varied(picture, spec, 0.5, chance), dtype=float) for _ in range(2))
    assert np.abs(one - other).mean() > 10


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
    assert [sample.label for sample in sheet.draw(dataset, 32, 1.0, 0, MANY).samples] == ["b"]
