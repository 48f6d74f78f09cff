"""How right a network is on photos that it did not learn from: figures with intervals, class by class, and mistakes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from resnet_demo.texts import text
from resnet_demo.training.answers import Answers

TOP = 5
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Answer:
    """What was said of one photo and how surely (`probability`, 0 to 1), and what is true."""

    file: str
    true: str
    said: str
    probability: float

    @property
    def wrong(self) -> bool:
        """Whether it is a mistake."""
        return self.true != self.said


@dataclass(frozen=True)
class ClassFigures:
    """How one class fares: of `photos` that show it, `recall` were named so; of those named so, `precision` show it.

    Each is None where it is a share of nothing. `f1` is their harmonic mean.
    """

    name: str
    photos: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of `photos`, `correct` of which were named rightly; without photos the accuracy is NaN.

    `classes` are those that a photo shows or was taken for, in the model's order. `confusion` (K, K) counts photos,
    true classes in rows and what was said in columns. `answers` has every photo, the surest answer first. `top5` is
    the share whose true class was among the best five, None for a network that knows no more than five. `unjudged`
    are classes that no photo shows. In no figure are `unreadable` files, and those that were `changed` since the run
    began that the network comes from.
    """

    photos: int
    correct: int
    interval: tuple[float, float]
    top5: float | None
    classes: tuple[ClassFigures, ...]
    confusion: npt.NDArray[np.int64]
    answers: tuple[Answer, ...]
    unjudged: tuple[str, ...]
    unreadable: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share that was named rightly."""
        return self.correct / self.photos if self.photos else math.nan

    @property
    def mistakes(self) -> tuple[Answer, ...]:
        """What was named wrongly, the worst first: where the network was surest."""
        return tuple(answer for answer in self.answers if answer.wrong)

    def cell(self, true: str, said: str) -> tuple[Answer, ...]:
        """The photos of one cell of the confusion matrix, the surest first."""
        return tuple(answer for answer in self.answers if (answer.true, answer.said) == (true, said))

    def say(self, language: str) -> str:
        """The figure with its interval, in percent: `91.4 %, 88.6 to 93.6, 500 photos`."""
        if not self.photos:
            return text("evaluation.no_photos", language)
        low, high = self.interval
        figures = {
            name: f"{100 * share:.1f}" for name, share in (("percent", self.accuracy), ("low", low), ("high", high))
        }
        return text("evaluation.sentence", language, photos=self.photos, **figures)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it, shares rounded to six digits."""
        return {
            "photos": self.photos,
            "correct": self.correct,
            "accuracy": _rounded(self.accuracy if self.photos else None),
            "interval": [_rounded(bound) for bound in self.interval],
            "top5": _rounded(self.top5),
            "classes": [
                {
                    "name": one.name,
                    "photos": one.photos,
                    "precision": _rounded(one.precision),
                    "recall": _rounded(one.recall),
                    "f1": _rounded(one.f1),
                }
                for one in self.classes
            ],
            "confusion": self.confusion.tolist(),
            "mistakes": [
                {"file": one.file, "true": one.true, "said": one.said, "probability": _rounded(one.probability)}
                for one in self.mistakes
            ],
            "unjudged": list(self.unjudged),
            "unreadable": list(self.unreadable),
            "changed": list(self.changed),
        }


def evaluate(answers: Answers) -> Evaluation:
    """All figures of what a network said."""
    occurring = np.union1d(answers.labels, answers.said)
    confusion = np.zeros((len(occurring), len(occurring)), np.int64)
    np.add.at(confusion, tuple(np.searchsorted(occurring, of) for of in (answers.labels, answers.said)), 1)
    shown = set(answers.labels.tolist())
    return Evaluation(
        photos=len(answers.files),
        correct=answers.correct,
        interval=wilson_interval(answers.correct, len(answers.files)),
        top5=_top5(answers),
        classes=tuple(_figures(answers.classes[label], confusion, row) for row, label in enumerate(occurring)),
        confusion=confusion,
        answers=_surest_first(answers),
        unjudged=tuple(name for label, name in enumerate(answers.classes) if label not in shown),
        unreadable=answers.unreadable,
        changed=answers.changed,
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


def _figures(name: str, confusion: npt.NDArray[np.int64], row: int) -> ClassFigures:
    right, photos, named = (
        int(count) for count in (confusion[row, row], confusion[row].sum(), confusion[:, row].sum())
    )
    return ClassFigures(
        name,
        photos,
        precision=right / named if named else None,
        recall=right / photos if photos else None,
        f1=2 * right / (photos + named),
    )


def _top5(answers: Answers) -> float | None:
    """The share of photos of which fewer than five other classes were found more probable than the true one."""
    if len(answers.classes) <= TOP or not answers.files:
        return None
    of_true = np.take_along_axis(answers.probabilities, answers.labels[:, None], axis=1)
    # Of classes that are as probable the first ones count, as they do for `said`.
    before = np.arange(len(answers.classes)) < answers.labels[:, None]
    ahead = (answers.probabilities > of_true) | ((answers.probabilities == of_true) & before)
    return float((ahead.sum(axis=1) < TOP).mean())


def _surest_first(answers: Answers) -> tuple[Answer, ...]:
    sureness = answers.probabilities.max(axis=1, initial=0.0)
    order = np.argsort(-sureness, kind="stable")
    names = answers.classes
    return tuple(
        Answer(answers.files[photo], names[answers.labels[photo]], names[answers.said[photo]], float(sureness[photo]))
        for photo in order
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)
