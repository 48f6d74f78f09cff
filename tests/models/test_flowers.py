"""The model that ships: what its card and its files claim of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import Photo, open_dataset, split
from resnet_demo.data.preprocessing import CropMode
from resnet_demo.inference import Classifier, open_model
from resnet_demo.models import saved
from resnet_demo.settings import BUILT_IN_MODELS, Settings
from resnet_demo.texts import text

FOLDER = BUILT_IN_MODELS / "flowers"
LARGEST_BYTES = 25_000_000
SHARES = 0.05, 0.1
"""To choose by and to judge by, as the card's command has them."""


def test_it_is_small_and_says_what_it_knows(tmp_path: Path) -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LARGEST_BYTES
    assert json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))["dtype"] == "float32"
    model = open_model("flowers", Settings(home=tmp_path))
    assert model.labels == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert model.provenance.say("en") == text("models.provenance.local_known", "en", licence="Apache-2.0", origin="")


def test_its_files_are_what_the_cards_call_writes(tmp_path: Path) -> None:
    saved.write(saved.open_saved(FOLDER), tmp_path / "flowers", card="", half=True)
    for name in ("model.safetensors", "config.json", "resnet_demo.json"):
        assert (tmp_path / "flowers" / name).read_bytes() == (FOLDER / name).read_bytes()


def test_both_sections_of_the_card_have_the_same_figures() -> None:
    english, chinese = (FOLDER / "README.md").read_text(encoding="utf-8").split("\n## 中文\n")
    shares = re.findall(r"\d+\.\d(?= %)|(?<=\| )\d+\.\d (?:to|至) \d+\.\d", chinese)
    assert len(shares) == 8
    assert not set(re.findall(r"\d+\.\d", " ".join(shares))) - set(re.findall(r"\d+\.\d", english))
    for label, name in zip(
        saved.open_saved(FOLDER).labels, ("雏菊", "蒲公英", "玫瑰", "向日葵", "郁金香"), strict=True
    ):
        assert f"{name}（{label}）" in chinese


@pytest.fixture(scope="module")
def judged(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Photo]]:
    """The photos that it neither learned from nor was chosen by, found again by the seed."""
    home = tmp_path_factory.mktemp("home")
    dataset = open_dataset(shared / "data" / "flower_photos", home)
    parts = split(dataset, 0, *SHARES, groups=find_duplicates(dataset, home).groups)
    assert dataset.fingerprint == saved.open_saved(FOLDER).training_info.data
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [2_125, 125, 250]
    return dataset.root, [dataset.photos[index] for index in parts.test]


def share_right(paths: list[Path], photos: list[Photo], home: Path, crop_mode: CropMode = "crop") -> float:
    settings = Settings(home=home)
    answers = Classifier(open_model("flowers", settings), settings, engine="float32").classify(paths, 1, crop_mode)
    right = sum(answer.guesses[0].index == photo.label for answer, photo in zip(answers, photos, strict=True))
    return right / len(photos)


@pytest.mark.shared
@pytest.mark.slow
def test_its_figures_are_what_comes_out(judged: tuple[Path, list[Photo]], tmp_path: Path) -> None:
    root, photos = judged
    paths, card = [root / photo.path for photo in photos], (FOLDER / "README.md").read_text(encoding="utf-8")
    right, claimed = share_right(paths, photos, tmp_path), saved.open_saved(FOLDER).training_info.metrics
    assert (right, len(photos)) == (claimed["test_accuracy"], claimed["test_photos"])
    assert f"| {100 * right:.1f} % |" in card
    assert f"cut to the middle: {100 * share_right(paths, photos, tmp_path, 'whole'):.1f} % of the same 250" in card


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("wider", "higher", "said"),
    [
        (4 / 3, 1, "stretched to 4:3 gave {} % lying"),
        (1, 4 / 3, "lying and {} % standing"),
        (3 / 2, 1, "to 3:2 {} %"),
    ],
)
def test_so_are_those_of_long_photos(
    judged: tuple[Path, list[Photo]], tmp_path: Path, wider: float, higher: float, said: str
) -> None:
    root, photos = judged
    paths = []
    for number, photo in enumerate(photos):
        paths.append(tmp_path / f"{number}.png")
        with Image.open(root / photo.path) as image:
            size = round(image.width * wider), round(image.height * higher)
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(paths[-1], compress_level=1)
    right = share_right(paths, photos, tmp_path)
    assert said.format(f"{100 * right:.1f}") in (FOLDER / "README.md").read_text(encoding="utf-8")
