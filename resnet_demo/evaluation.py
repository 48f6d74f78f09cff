"""Evaluation of labelled predictions: accuracy with a confidence interval, the registers of metrics, mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from resnet_demo.texts import text
from resnet_demo.training.labelled_predictions import LabelledPredictions

TOP = 5
CONFIDENCE = 0.95


@dataclass(frozen=True)
class PhotoResult:
    """The predicted class of one photo with its `probability` (0 to 1), and the true class."""

    file: str
    true: str
    predicted: str
    probability: float

    @property
    def wrong(self) -> bool:
        """Whether it is a mistake."""
        return self.true != self.predicted


@dataclass(frozen=True)
class ClassCounts:
    """Photos of one class: those that show it, those predicted as it, and those of both, which are `right`."""

    right: int
    photos: int
    predicted: int


@dataclass(frozen=True)
class ClassMetrics:
    """The metrics of one class, which `photos` show: a share for each name in `CLASS_METRICS`, None where undefined."""

    name: str
    photos: int
    shares: Mapping[str, float | None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of `photos`, `correct` of which were named rightly; without photos the accuracy is NaN.

    `labels` are those of the model. `metrics` has a share for each name in `METRICS`, None where it is undefined.
    `classes` are those that a photo shows or was predicted as, in the model's order. `confusion` (K, K) counts photos,
    true classes in rows and predicted ones in columns. `photo_results` has every photo, the most confident first.
    `unjudged` are classes that no photo shows. No metric counts `unreadable` files, nor those that were `changed` since
    the run began that the network comes from.
    """

    labels: tuple[str, ...]
    photos: int
    correct: int
    interval: tuple[float, float]
    metrics: Mapping[str, float | None]
    classes: tuple[ClassMetrics, ...]
    confusion: npt.NDArray[np.int64]
    photo_results: tuple[PhotoResult, ...]
    unjudged: tuple[str, ...]
    unreadable: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share that was named rightly."""
        return self.correct / self.photos if self.photos else math.nan

    @property
    def mistakes(self) -> tuple[PhotoResult, ...]:
        """The wrong predictions, the most confident first."""
        return tuple(result for result in self.photo_results if result.wrong)

    def cell(self, true: str, predicted: str) -> tuple[PhotoResult, ...]:
        """The photos of one cell of the confusion matrix, the most confident first."""
        return tuple(result for result in self.photo_results if (result.true, result.predicted) == (true, predicted))

    def say(self, language: str) -> str:
        """The accuracy with its interval: `91.4 % (95 % confidence interval 88.6 to 93.6), 500 photos`."""
        if not self.photos:
            return text("evaluation.no_photos", language)
        low, high = self.interval
        figures = {
            name: f"{100 * share:.1f}" for name, share in (("percent", self.accuracy), ("low", low), ("high", high))
        }
        return text("evaluation.sentence", language, photos=self.photos, **figures)

    def metric_sentences(self, language: str) -> list[str]:
        """A sentence for each of the `metrics` that is defined: `top-5 accuracy 97.2 %`."""
        return [
            text(f"evaluation.metric.{name}", language, percent=f"{100 * share:.1f}")
            for name, share in self.metrics.items()
            if share is not None
        ]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it, shares rounded to six digits."""
        return {
            "photos": self.photos,
            "correct": self.correct,
            "accuracy": _rounded(self.accuracy if self.photos else None),
            "interval": [_rounded(bound) for bound in self.interval],
            **_all_rounded(self.metrics),
            "classes": [{"name": one.name, "photos": one.photos, **_all_rounded(one.shares)} for one in self.classes],
            "confusion": self.confusion.tolist(),
            "mistakes": [
                {"file": one.file, "true": one.true, "said": one.predicted, "probability": _rounded(one.probability)}
                for one in self.mistakes
            ],
            "unjudged": list(self.unjudged),
            "unreadable": list(self.unreadable),
            "changed": list(self.changed),
        }


def evaluate(predictions: LabelledPredictions) -> Evaluation:
    """All metrics of some predictions."""
    occurring = np.union1d(predictions.labels, predictions.predicted)
    confusion = np.zeros((len(occurring), len(occurring)), np.int64)
    np.add.at(confusion, tuple(np.searchsorted(occurring, of) for of in (predictions.labels, predictions.predicted)), 1)
    occurring_labels = set(predictions.labels.tolist())
    return Evaluation(
        labels=predictions.classes,
        photos=len(predictions.files),
        correct=predictions.correct,
        interval=wilson_interval(predictions.correct, len(predictions.files)),
        metrics={name: metric(predictions) for name, metric in METRICS.items()},
        classes=tuple(
            _class_metrics(predictions.classes[label], confusion, row) for row, label in enumerate(occurring)
        ),
        confusion=confusion,
        photo_results=_most_confident_first(predictions),
        unjudged=tuple(name for label, name in enumerate(predictions.classes) if label not in occurring_labels),
        unreadable=predictions.unreadable,
        changed=predictions.changed,
    )


def wilson_interval(correct: int, photos: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Where the true share lies with this confidence, if `correct` of `photos` were right; of no photos, anywhere.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (158), 209-212.
    """
    if photos == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = correct / photos, z * z / photos
    middle = share + weight / 2
    spread = z * math.sqrt((share * (1 - share) + weight / 4) / photos)
    return max(0.0, (middle - spread) / (1 + weight)), min(1.0, (middle + spread) / (1 + weight))


def _class_metrics(name: str, confusion: npt.NDArray[np.int64], row: int) -> ClassMetrics:
    right, photos, predicted = (
        int(count) for count in (confusion[row, row], confusion[row].sum(), confusion[:, row].sum())
    )
    counts = ClassCounts(right, photos, predicted)
    return ClassMetrics(name, photos, {metric: share(counts) for metric, share in CLASS_METRICS.items()})


def _precision(counts: ClassCounts) -> float | None:
    return counts.right / counts.predicted if counts.predicted else None


def _recall(counts: ClassCounts) -> float | None:
    return counts.right / counts.photos if counts.photos else None


def _f1(counts: ClassCounts) -> float | None:
    """The harmonic mean of precision and recall."""
    return 2 * counts.right / (counts.photos + counts.predicted)


def _top5(predictions: LabelledPredictions) -> float | None:
    """The share of photos whose true class is among the five most probable; None for at most five classes."""
    if len(predictions.classes) <= TOP or not predictions.files:
        return None
    of_true = np.take_along_axis(predictions.probabilities, predictions.labels[:, None], axis=1)
    # Of classes that are as probable the first ones count, as they do for `predicted`.
    before = np.arange(len(predictions.classes)) < predictions.labels[:, None]
    ahead = (predictions.probabilities > of_true) | ((predictions.probabilities == of_true) & before)
    return float((ahead.sum(axis=1) < TOP).mean())


def _most_confident_first(predictions: LabelledPredictions) -> tuple[PhotoResult, ...]:
    confidence = predictions.probabilities.max(axis=1, initial=0.0)
    order = np.argsort(-confidence, kind="stable")
    names = predictions.classes
    return tuple(
        PhotoResult(
            predictions.files[photo],
            names[predictions.labels[photo]],
            names[predictions.predicted[photo]],
            float(confidence[photo]),
        )
        for photo in order
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _all_rounded(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: _rounded(share) for name, share in shares.items()}


METRICS: dict[str, Callable[[LabelledPredictions], float | None]] = {"top5": _top5}
"""Every metric of all photos together beside the accuracy: a share from 0 to 1, None where it is undefined.

Its name is its key in JSON, its text `evaluation.metric.<name>`, which shows the share as `{percent}`.
"""
CLASS_METRICS: dict[str, Callable[[ClassCounts], float | None]] = {
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
}
"""Every metric of one class, as above; the header of its column is `evaluation.header.<name>`."""
