"""Figures of what a network said: scikit-learn, scipy and arithmetic by hand say the same."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from resnet_demo.evaluation import Evaluation, evaluate, wilson_interval
from resnet_demo.texts import LANGUAGES
from resnet_demo.training.labelled_predictions import LabelledPredictions

CLASSES = ("daisy", "rose", "tulip", "sunflower", "郁金香 <b>", "never shown", "peony")


def drawn(photos: int = 200, classes: int = 7, seed: int = 0) -> LabelledPredictions:
    """Answers that are right about half the time; the last class but one is shown by no photo."""
    draw = np.random.default_rng(seed)
    labels = draw.choice([label for label in range(classes) if label != 5], photos)
    logits = draw.normal(size=(photos, classes))
    logits[np.arange(photos), labels] += 1.2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    files = tuple(f"{CLASSES[label]}/{number}.jpg" for number, label in enumerate(labels))
    return LabelledPredictions(files, labels, probabilities.astype(np.float32), CLASSES[:classes])


def test_figures_are_those_of_scikit_learn() -> None:
    predictions = drawn()
    found = evaluate(predictions)
    true = [CLASSES[label] for label in predictions.labels]
    said = [CLASSES[label] for label in predictions.predicted]
    names = [one.name for one in found.classes]
    assert set(names) == {*true, *said}
    assert found.accuracy == pytest.approx(metrics.accuracy_score(true, said))
    assert found.confusion.tolist() == metrics.confusion_matrix(true, said, labels=names).tolist()
    expected = metrics.precision_recall_fscore_support(true, said, labels=names, zero_division=np.nan)
    for one, precision, recall, f1, photos in zip(found.classes, *expected, strict=True):
        shares = one.shares
        assert shares["precision"] == pytest.approx(precision)
        assert (math.nan if shares["recall"] is None else shares["recall"]) == pytest.approx(recall, nan_ok=True)
        assert (shares["f1"], one.photos) == (pytest.approx(f1), photos)
    top5 = metrics.top_k_accuracy_score(predictions.labels, predictions.probabilities, k=5, labels=range(len(CLASSES)))
    assert found.metrics["top5"] == pytest.approx(top5)
    assert 0.3 < found.accuracy < top5 < 1


def test_top_5_only_where_there_are_more_classes() -> None:
    assert evaluate(drawn(classes=5)).metrics["top5"] is None
    assert evaluate(drawn(photos=0)).metrics["top5"] is None


@pytest.mark.parametrize(
    ("correct", "photos"), [(0, 1), (1, 1), (0, 40), (40, 40), (457, 500), (1, 3), (99_999, 100_000)]
)
def test_intervals_are_those_of_scipy(correct: int, photos: int) -> None:
    expected = binomtest(correct, photos).proportion_ci(method="wilson")
    assert wilson_interval(correct, photos) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_interval_by_hand() -> None:
    """One of two right, z = 2 (95.45 %): middle 0.5, half width 2 / 3 * sqrt(0.25 / 2 + 4 / 16) = 0.408248."""
    confidence = math.erf(2 / math.sqrt(2))
    assert wilson_interval(1, 2, confidence) == pytest.approx((0.5 - 0.408248, 0.5 + 0.408248), abs=1e-6)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def by_hand() -> Evaluation:
    """Two daisies, one of them taken for a rose, surely; a rose taken for a daisy, hardly; no tulip."""
    probabilities = np.array([[0.9, 0.05, 0.05], [0.005, 0.99, 0.005], [0.4, 0.3, 0.3]], np.float32)
    files = ("daisy/1.jpg", "daisy/2.jpg", "rose/1.jpg")
    return evaluate(
        LabelledPredictions(files, np.array([0, 0, 1]), probabilities, ("daisy", "rose", "tulip"), ("rose/2.jpg",))
    )


def test_mistakes_come_most_confident_first() -> None:
    found = by_hand()
    assert [(one.file, one.true, one.predicted) for one in found.mistakes] == [
        ("daisy/2.jpg", "daisy", "rose"),
        ("rose/1.jpg", "rose", "daisy"),
    ]
    assert found.mistakes[0].probability == pytest.approx(0.99)
    assert [one.file for one in found.cell("daisy", "daisy")] == ["daisy/1.jpg"]
    assert found.cell("rose", "rose") == ()
    assert found.cell("tulip", "rose") == ()


def test_what_no_photo_shows_is_not_judged() -> None:
    found = by_hand()
    assert [one.name for one in found.classes] == ["daisy", "rose"]
    assert found.unjudged == ("tulip",)
    assert found.unreadable == ("rose/2.jpg",)


def test_a_class_that_is_only_said_has_no_recall() -> None:
    probabilities = np.array([[0.1, 0.9], [0.9, 0.1]], np.float32)
    daisy, rose = evaluate(LabelledPredictions(("a", "b"), np.array([0, 0]), probabilities, ("daisy", "rose"))).classes
    assert daisy.shares == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)}
    assert (rose.shares, rose.photos) == ({"precision": 0.0, "recall": None, "f1": 0.0}, 0)


def test_the_sentence() -> None:
    """457 of 500; the bounds are those of scipy, above."""
    probabilities = np.repeat([[0.8, 0.2]], 500, axis=0).astype(np.float32)
    labels = np.array([0] * 457 + [1] * 43)
    found = evaluate(LabelledPredictions(tuple(map(str, range(500))), labels, probabilities, ("daisy", "rose")))
    assert found.say("en") == "91.4 % (95 % confidence interval 88.6 to 93.6), 500 photos"
    assert all("88.6" in found.say(language) for language in LANGUAGES)


def test_without_photos_nothing_is_claimed() -> None:
    found = evaluate(drawn(photos=0))
    assert math.isnan(found.accuracy)
    assert found.confusion.shape == (0, 0)
    assert "%" not in found.say("en")
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["accuracy"] is None


def test_as_json() -> None:
    found = json.loads(json.dumps(by_hand().as_dict(), allow_nan=False))
    assert (found["photos"], found["correct"], found["accuracy"]) == (3, 1, 0.333333)
    assert found["confusion"] == [[1, 1], [1, 0]]
    assert found["classes"][0] == {"name": "daisy", "photos": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert found["mistakes"][0] == {"file": "daisy/2.jpg", "true": "daisy", "said": "rose", "probability": 0.99}
    assert (found["unjudged"], found["unreadable"]) == (["tulip"], ["rose/2.jpg"])
