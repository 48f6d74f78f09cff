"""The model that ships: what its card and its files claim of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_demo.data.image_folder import open_dataset, split
from resnet_demo.data.similar import find_similar
from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import SHIPPED, Settings
from resnet_demo.texts import text

FOLDER = SHIPPED / "flowers"
LARGEST_BYTES = 25_000_000
SHARES = 0.05, 0.1
"""To choose by and to judge by, as the card's command has them."""


def test_it_is_small_and_says_what_it_knows(tmp_path: Path) -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LARGEST_BYTES
    assert json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))["dtype"] == "float32"
    model = open_model("flowers", Settings(home=tmp_path))
    assert model.labels == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert model.provenance.say("en") == text("models.provenance.local_known", "en", licence="Apache-2.0", origin="")


@pytest.mark.shared
@pytest.mark.slow
def test_its_figure_is_what_comes_out(shared: Path, tmp_path: Path) -> None:
    """The photos that it neither learned from nor was chosen by, found again by the seed."""
    settings = Settings(home=tmp_path)
    dataset = open_dataset(shared / "data" / "flower_photos", tmp_path)
    judged = split(dataset, 0, *SHARES, groups=find_similar(dataset, tmp_path).groups).test
    model = open_model("flowers", settings)
    assert dataset.fingerprint == model.teaching.data
    photos = [dataset.photos[index] for index in judged]
    answers = Classifier(model, settings, engine="float32").classify([dataset.root / photo.path for photo in photos])
    right = sum(answer.guesses[0].index == photo.label for answer, photo in zip(answers, photos, strict=True))
    claimed = model.teaching.metrics
    assert (right / len(photos), len(photos)) == (claimed["test_accuracy"], claimed["test_photos"])
    assert f"| {100 * claimed['test_accuracy']:.1f} % |" in (FOLDER / "README.md").read_text(encoding="utf-8")
