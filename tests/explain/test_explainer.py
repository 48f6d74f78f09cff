"""Photos in, maps out: in order, over the right part of each photo, with a word on what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_demo.data.images import Problem
from resnet_demo.explain.explainer import Explainer, Explanation
from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.targets import best, difference
from resnet_demo.inference import Classifier
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.tiny import photos, tiny_model

CHOSEN = (METHODS["gradcam"], METHODS["guidedbackprop"])


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(tiny_model(), Settings(), device="cpu")


def test_every_photo_and_method_in_order(classifier: Classifier, tmp_path: Path) -> None:
    files = photos(tmp_path, 19)  # more than a batch
    files[3].write_text("no picture")
    done: list[float] = []
    found = list(Explainer(classifier).explain(files, CHOSEN, progress=done.append))
    expected = [(str(file), method) for file in files for method in CHOSEN if file != files[3]]
    looked = [one for one in found if isinstance(one, Explanation)]
    assert [(one.file, one.method) for one in looked] == expected
    (problem,) = (one for one in found if isinstance(one, Problem))
    assert found.index(problem) == 6
    assert problem.file == str(files[3])
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 19)


def test_what_is_said_of_the_classes_is_what_the_classifier_says(classifier: Classifier, tmp_path: Path) -> None:
    files = photos(tmp_path, 3)
    chosen = [best(), best(1), difference(best(), best(1))]
    for looked, said in zip(
        Explainer(classifier).explain(files, targets=chosen), classifier.classify(files, 2), strict=True
    ):
        assert isinstance(looked, Explanation)
        first, second, rather = looked.target_classes
        for guess, expected in zip((first, second), said.guesses, strict=True):
            assert guess.label == expected.label
            assert guess.probability == pytest.approx(expected.probability, abs=1e-4)
        assert rather.label == first.label
        assert rather.probability == pytest.approx(
            first.probability / (first.probability + second.probability), abs=1e-4
        )
        assert looked.maps.shape == (3, 8, 8)
        assert (looked.size, looked.seen) == (said.size, said.seen)


@pytest.mark.parametrize("size", [(90, 40), (40, 90), (48, 48), (33, 64)])
def test_the_map_lies_where_the_network_looked(classifier: Classifier, size: tuple[int, int], tmp_path: Path) -> None:
    photo = photos(tmp_path, 1, size)[0]
    for crop_mode in ("crop", "whole"):
        (looked,) = Explainer(classifier).explain([photo], crop_mode=crop_mode)
        assert isinstance(looked, Explanation)
        placed = looked.on_photo()
        assert placed.shape == (size[1], size[0])
        assert placed.dtype == np.float32
        assert placed.min() >= 0
        assert placed.max() == 1
        left, top, right, bottom = (round(edge) for edge in looked.seen)
        outside = placed.copy()
        outside[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = 0
        assert not outside.any()
        assert crop_mode == "crop" or looked.seen == (0, 0, *size)


def test_a_picture_that_is_open_already_will_do(classifier: Classifier) -> None:
    (looked,) = Explainer(classifier).explain([Image.new("RGB", (50, 40), "teal")], [METHODS["eigencam"]], "stage1.1")
    assert isinstance(looked, Explanation)
    assert looked.maps.shape == (1, 32, 32)


def test_an_unknown_layer_is_refused_before_a_photo_is_read(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(AppError, match="stage9"):
        next(Explainer(classifier).explain([tmp_path / "absent.jpg"], layer="stage9"))
