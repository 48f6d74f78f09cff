"""Frames one after the other: each as the classifier answers it and the explainer maps it, their mean by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from resnet_demo.explain import targets
from resnet_demo.explain.camera_frame import NEWEST_WEIGHT, FrameExplanation, explain_frame
from resnet_demo.explain.explainer import Explainer, Explanation
from resnet_demo.explain.methods import METHODS
from resnet_demo.inference import Classifier
from resnet_demo.settings import Settings
from tests.tiny import LABELS, photos, tiny_model


@pytest.fixture(params=["cifar_resnet20", "cifar_plain20", "cifar_preact_resnet20"])
def classifier(request: pytest.FixtureRequest, tmp_path: Path) -> Classifier:
    torch.set_num_threads(1)
    return Classifier(tiny_model(request.param), Settings(home=tmp_path))


@pytest.fixture
def frames(tmp_path: Path) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in photos(tmp_path / "photos", 2)]


def mapped(classifier: Classifier, frame: Image.Image, target: targets.Target) -> torch.Tensor:
    [found] = Explainer(classifier).explain([frame], [METHODS["gradcam"]], targets=[target])
    assert isinstance(found, Explanation)
    return torch.from_numpy(found.maps[0])


def probabilities(classifier: Classifier, frame: Image.Image) -> torch.Tensor:
    [prediction] = classifier.classify([frame], top=len(LABELS))
    return torch.tensor([guess.probability for guess in sorted(prediction.guesses, key=lambda guess: guess.index)])


def test_one_frame_is_as_one_photo(classifier: Classifier, frames: list[Image.Image]) -> None:
    found = explain_frame(classifier, frames[0])
    [prediction] = classifier.classify([frames[0]], top=3)
    assert [guess.label for guess in found.guesses] == [guess.label for guess in prediction.guesses]
    assert [guess.probability for guess in found.guesses] == pytest.approx(
        [guess.probability for guess in prediction.guesses], abs=1e-5
    )
    assert found.target == found.guesses[0]
    assert found.seen == prediction.seen
    torch.testing.assert_close(torch.from_numpy(found.values), mapped(classifier, frames[0], targets.best()))


def test_a_class_that_is_wanted(classifier: Classifier, frames: list[Image.Image]) -> None:
    best = explain_frame(classifier, frames[0]).guesses[0].index
    wanted = (best + 1) % len(LABELS)
    found = explain_frame(classifier, frames[0], wanted)
    assert found.target.index == wanted
    assert found.guesses[0].index == best
    assert found.target.probability == pytest.approx(float(probabilities(classifier, frames[0])[wanted]), abs=1e-5)
    torch.testing.assert_close(torch.from_numpy(found.values), mapped(classifier, frames[0], targets.named(wanted)))


def test_the_mean_of_the_last_frames(classifier: Classifier, frames: list[Image.Image]) -> None:
    found: FrameExplanation | None = None
    mean = probabilities(classifier, frames[0])
    for frame in (frames[0], frames[1], frames[1]):
        found = explain_frame(classifier, frame, previous=found.probabilities if found else None)
        mean = NEWEST_WEIGHT * probabilities(classifier, frame) + (1 - NEWEST_WEIGHT) * mean
        torch.testing.assert_close(found.probabilities, mean, atol=1e-5, rtol=0)
        assert found.guesses[0].index == int(mean.argmax())
        assert found.guesses[0].probability == pytest.approx(float(mean.max()), abs=1e-5)


def test_the_map_is_of_the_best_in_the_mean(classifier: Classifier, frames: list[Image.Image]) -> None:
    other = (explain_frame(classifier, frames[0]).guesses[0].index + 1) % len(LABELS)
    sure = torch.zeros(len(LABELS)).index_fill(0, torch.tensor([other]), 1.0)
    found = explain_frame(classifier, frames[0], previous=sure)
    assert found.target.index == other
    torch.testing.assert_close(torch.from_numpy(found.values), mapped(classifier, frames[0], targets.named(other)))
