"""Predictions keep the order, lose nobody, and equal the plain float32 path of other people's code."""

from __future__ import annotations

import gc
import random
import threading
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image
from torchvision import transforms

from resnet_demo.engine_choice import BATCH
from resnet_demo.inference import Classifier, Prediction, open_model
from resnet_demo.models.model import Model, TrainingInfo
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from tests.shelf import keep, run_with_model, ship
from tests.tiny import LABELS, photos, tiny_model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def plain_probabilities(model, path: Path) -> torch.Tensor:
    """The textbook way: torchvision's transforms, the network as it is, one photo."""
    spec = model.spec
    transform = transforms.Compose(
        [
            transforms.Resize(spec.resize_size),
            transforms.CenterCrop(spec.crop_size),
            transforms.ToTensor(),
            transforms.Normalize(spec.mean, spec.std),
        ]
    )
    with torch.no_grad():
        return model.network(transform(Image.open(path).convert("RGB"))[None]).softmax(1)[0]


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 5])
def test_every_photo_is_answered_in_order_as_the_plain_path_does(
    count: int, tmp_path: Path, settings: Settings
) -> None:
    model = tiny_model()
    paths = photos(tmp_path / "photos", count)
    predictions = list(Classifier(model, settings, "float32").classify(paths, top=len(LABELS)))
    assert [prediction.file for prediction in predictions] == [str(path) for path in paths]
    for path, prediction in zip(paths, predictions, strict=True):
        expected = plain_probabilities(model, path)
        for guess in prediction.guesses:
            assert guess.label == LABELS[guess.index]
            assert guess.probability == pytest.approx(expected[guess.index].item(), abs=5e-3)
        probabilities = [guess.probability for guess in prediction.guesses]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)


def test_a_temperature_flattens_the_probabilities(tmp_path: Path, settings: Settings) -> None:
    """Softmax of the logits over 2 is the square roots of the probabilities, scaled to a sum of 1."""
    plain = tiny_model()
    calibrated = replace(plain, training_info=TrainingInfo(temperature=2.0))
    paths = photos(tmp_path / "photos", 3)
    for path, prediction in zip(paths, Classifier(calibrated, settings, "float32").classify(paths), strict=True):
        roots = plain_probabilities(plain, path).sqrt()
        expected = roots / roots.sum()
        for guess in prediction.guesses:
            assert guess.probability == pytest.approx(float(expected[guess.index]), abs=2e-3)


def test_the_whole_picture_is_seen_if_wished(tmp_path: Path, settings: Settings) -> None:
    path = photos(tmp_path, 1, (400, 100))[0]
    classifier = Classifier(tiny_model(), settings)
    (crop,), (whole,) = (list(classifier.classify([path], crop_mode=crop_mode)) for crop_mode in ("crop", "whole"))
    assert whole.seen == (0, 0, 400, 100)
    assert crop.seen != whole.seen
    assert crop.guesses != whole.guesses


def test_a_preview_comes_with_its_photo_and_changes_no_answer(tmp_path: Path, settings: Settings) -> None:
    paths = photos(tmp_path, 4, (400, 100))
    paths[1].write_bytes(b"no picture")
    classifier = Classifier(tiny_model(), settings, "float32")
    plain = list(classifier.classify(paths))
    found = list(classifier.classify(paths, preview_sides=[300, 80, 80]))
    assert found == plain
    assert [prediction.preview and prediction.preview.size for prediction in found] == [(300, 75), None, (80, 20), None]
    assert all(prediction.preview is None for prediction in plain)


def test_bad_files_stand_among_the_good_in_their_places(tmp_path: Path, settings: Settings) -> None:
    paths = photos(tmp_path / "photos", 40)
    bad = set(random.Random(0).sample(range(40), 15))
    for number in bad:
        paths[number].write_bytes(b"" if number % 2 else b"no picture")
    predictions = list(Classifier(tiny_model(), settings).classify([*paths, tmp_path / "absent.jpg"]))
    assert len(predictions) == 41
    for number, prediction in enumerate(predictions[:40]):
        assert (prediction.problem is not None) == (number in bad)
        assert bool(prediction.guesses) == (number not in bad)
    assert predictions[40].problem is not None


def test_pictures_already_open_are_answered_like_their_files(tmp_path: Path, settings: Settings) -> None:
    paths = photos(tmp_path / "photos", 3)
    classifier = Classifier(tiny_model(), settings)
    from_files = [prediction.guesses for prediction in classifier.classify(paths)]
    from_memory = [prediction.guesses for prediction in classifier.classify([Image.open(path) for path in paths])]
    assert from_files == from_memory


def test_reading_stops_when_nobody_listens(tmp_path: Path, settings: Settings) -> None:
    before = threading.active_count()
    predictions = Classifier(tiny_model(), settings).classify(photos(tmp_path / "photos", 200))
    assert isinstance(next(predictions), Prediction)
    predictions.close()  # type: ignore[attr-defined]
    assert threading.active_count() <= before


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path, settings: Settings) -> None:
    # 600 photos of 1000x1000 pixels are 1.8 GB decoded; what is ahead of the network may be 64 of them, cropped.
    path = photos(tmp_path / "photos", 1, (1000, 1000))[0]
    classifier = Classifier(tiny_model(), settings)
    list(classifier.classify([path] * 64))
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    highest = max(process.memory_info().rss for _ in classifier.classify([path] * 600))
    assert highest - before < 150_000_000


def test_a_name_that_is_no_model_is_explained(settings: Settings) -> None:
    with pytest.raises(AppError) as caught:
        open_model("resnet51", settings)
    assert "resnet50" in caught.value.say("en")


def test_models_are_opened_by_their_names(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", built_in_models=ship(tmp_path / "built_in", seed=1))
    run = run_with_model(settings)
    keep(run, seed=2)
    for name, seed in (("flowers", 1), (run.name, 2), (str(run.artefacts.best), 2)):
        model = open_model(name, settings)
        assert model.name == name
        assert torch.equal(model.network.fc.weight, tiny_model(seed=seed).network.fc.weight)


def test_a_run_that_has_kept_nothing_says_so(settings: Settings) -> None:
    run = Run.create(settings.home, TrainConfig("/photos"), {})
    with pytest.raises(AppError, match="has not saved a model yet"):
        open_model(run.name, settings)


@pytest.fixture(scope="module", params=["resnet18", "resnet50"])
def real(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Model, dict[Path, torch.Tensor]]:
    """A network of ImageNet, and what it says of photos in the plain way."""
    model = open_model(request.param, Settings(home=tmp_path_factory.mktemp("home"), weights=shared / "weights"))
    every = 2 if request.param == "resnet18" else 6
    paths = sorted((shared / "data" / "imagenet_samples").iterdir())[::every]
    return model, {path: plain_probabilities(model, path) for path in paths}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("real", "engine"),
    [
        ("resnet18", "auto"),
        *((variant, engine) for variant in ("resnet18", "resnet50") for engine in ("float32", "mixed", "openvino")),
    ],
    indirect=["real"],
)
def test_answers_equal_the_plain_path_on_real_photos(
    real: tuple[Model, dict[Path, torch.Tensor]], engine: str, settings: Settings
) -> None:
    model, expected_of = real
    classifier, paths = Classifier(model, settings, engine), list(expected_of)
    if engine == "auto":  # so many to come that another engine is tried; the second pass runs on the one chosen
        with closing(classifier.classify(paths * 12, top=5)) as answers:  # type: ignore[type-var]
            assert len(list(islice(answers, 2 * BATCH))) == 2 * BATCH
    try:
        predictions = list(classifier.classify(paths, top=1000))
    except AppError as refusal:
        # What OpenVINO computes depends on the processor; where it errs, it is to be refused.
        if engine != "openvino" or not refusal.message.key.startswith("engines.problem."):
            raise
        pytest.skip(f"not an engine for this processor: {refusal}")
    for path, prediction in zip(paths, predictions, strict=True):
        expected, found = expected_of[path], torch.zeros(1000)
        for guess in prediction.guesses:
            found[guess.index] = guess.probability
        assert prediction.guesses[0].index == expected.argmax().item(), path.name
        assert (found - expected).abs().max() < 0.02, path.name
