"""Classes that are each other's mirror image are found in drawn photos, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from resnet_demo.data.dataset_facts import dataset_facts
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import Dataset, open_dataset
from resnet_demo.data.mirror_twins import mirror_twins
from resnet_demo.data.sample_photos import drawn_sample
from resnet_demo.settings import Settings
from tests.training.small_runs import draw_photos

SIDE = 64

Draw = Callable[[np.random.Generator], Image.Image]


def arrow(draw: np.random.Generator, way: int, place: int = 18) -> Image.Image:
    """To the right where `way` is 1, to the left where it is -1: of any size, colour and place, under noise."""
    image = Image.new("RGB", (SIDE, SIDE), tuple(int(level) for level in draw.integers(120, 256, 3)))
    x, y = SIDE / 2 + draw.integers(-place, place + 1, 2)
    long, high = way * int(draw.integers(14, 24)), int(draw.integers(6, 12))
    head = [(x, y - high / 2), (x, y - high * 1.5), (x + long, y), (x, y + high * 1.5), (x, y + high / 2)]
    colour = tuple(int(level) for level in draw.integers(0, 100, 3))
    ImageDraw.Draw(image).polygon([(x - long, y - high / 2), *head, (x - long, y + high / 2)], fill=colour)
    noisy = np.asarray(image) + draw.normal(0, 12, (SIDE, SIDE, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def letter(draw: np.random.Generator, what: str) -> Image.Image:
    image = Image.new("L", (SIDE, SIDE), 255)
    place = tuple(SIDE / 2 + draw.integers(-4, 5, 2))
    font = ImageFont.load_default(size=int(draw.integers(30, 44)))
    ImageDraw.Draw(image).text(place, what, fill=0, font=font, anchor="mm")
    return image


def blurred_noise(draw: np.random.Generator) -> Image.Image:
    return Image.fromarray(draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((SIDE, SIDE))


def data_set(folder: Path, classes: Mapping[str, Draw], count: int) -> Dataset:
    for name, drawn in classes.items():
        (folder / "photos" / name).mkdir(parents=True)
        chance = np.random.default_rng(list(name.encode()))
        for number in range(count):
            drawn(chance).save(folder / "photos" / name / f"{number}.png")
    return open_dataset(folder / "photos", folder / "home")


@pytest.mark.parametrize("count", [6, 12, 60])
def test_arrows_to_the_left_and_to_the_right(tmp_path: Path, count: int) -> None:
    classes: dict[str, Draw] = {
        "left": lambda draw: arrow(draw, -1),
        "right": lambda draw: arrow(draw, 1),
        "up": lambda draw: arrow(draw, 1).rotate(90),
        "down": lambda draw: arrow(draw, -1).rotate(90),
    }
    dataset = data_set(tmp_path, classes, count)
    twins = mirror_twins(dataset)
    assert twins == [("left", "right")]
    said = dataset_facts(dataset, find_duplicates(dataset, tmp_path), twins).findings
    assert [one.fields["names"] for one in said if one.key == "dataset_facts.mirrored"] == ["left – right"]


def test_letters(tmp_path: Path) -> None:
    def drawn(what: str) -> Draw:
        return lambda draw: letter(draw, what)

    assert mirror_twins(data_set(tmp_path / "twins", {what: drawn(what) for what in "bde"}, 8)) == [("b", "d")]
    assert mirror_twins(data_set(tmp_path / "others", {what: drawn(what) for what in "AOTMHXe5RK"}, 8)) == []


def test_nothing_is_said_of_other_photos(tmp_path: Path) -> None:
    """Colours under noise, drawn flowers, and classes that are nothing at all."""
    sample = drawn_sample(Settings(home=tmp_path / "home"))
    assert mirror_twins(open_dataset(sample.folder, tmp_path / "home")) == []
    assert mirror_twins(open_dataset(draw_photos(tmp_path / "colours", per_class=6), tmp_path / "home")) == []
    assert mirror_twins(data_set(tmp_path, dict.fromkeys(("a", "b", "c"), blurred_noise), 5)) == []
    assert (
        mirror_twins(
            data_set(tmp_path / "few", {"l": lambda draw: arrow(draw, -1), "r": lambda draw: arrow(draw, 1)}, 3)
        )
        == []
    )


@pytest.mark.parametrize("name", ["flower_photos", "trash"])
def test_nothing_is_said_of_real_photos(shared: Path, tmp_path: Path, name: str) -> None:
    assert mirror_twins(open_dataset(shared / "data" / name, tmp_path)) == []
