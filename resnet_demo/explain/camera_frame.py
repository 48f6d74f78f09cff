"""Live explanation of camera frames: the best classes and a saliency map for each frame."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from resnet_demo.data.images import Problem
from resnet_demo.explain import saliency_maps, targets
from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.overlay import Box, Map
from resnet_demo.inference import Classifier, Guess
from resnet_demo.models.model import Model

NEWEST_WEIGHT = 0.5
"""Weight of the newest frame in the moving average of the probabilities, without which the best class flickers."""


@dataclass(frozen=True, eq=False)
class FrameExplanation:
    """Prediction and saliency map of one frame.

    `guesses` are the best classes, the most probable first. `values` (h, w), float32 from 0 to 1, is the Grad-CAM map
    of the class `target`; it covers the box `seen` of the frame evenly. `probabilities` (classes,) are an exponential
    moving average over the last frames.
    """

    guesses: tuple[Guess, ...]
    target: Guess
    values: Map
    seen: Box
    probabilities: Tensor


def explain_frame(
    classifier: Classifier,
    frame: Image.Image,
    target_class: int | None = None,
    previous: Tensor | None = None,
    top: int = 3,
) -> FrameExplanation:
    """Explain one frame: one forward pass and, where the head is linear, no backward pass.

    Args:
        classifier: its network is not changed.
        frame: decoded.
        target_class: index of the class to explain; the most probable one if absent.
        previous: `probabilities` of the frame before, from the same network.
        top: the number of best classes to return.
    """
    [[prepared]] = classifier.batches([frame])
    assert not isinstance(prepared, Problem)  # it is decoded already
    average = _MovingAverage(classifier.model, target_class, previous)
    images = classifier.normalised([prepared])
    maps = saliency_maps.explain(classifier.engines.folded(), images, METHODS["gradcam"], targets=[average])
    best = average.probabilities.topk(min(top, len(average.probabilities)))
    index = int(maps.target_weights[0, 0].argmax())
    labels = classifier.model.labels

    def guess(index: int) -> Guess:
        return Guess(labels[index], index, float(average.probabilities[index]))

    return FrameExplanation(
        tuple(map(guess, best.indices.tolist())),
        guess(index),
        maps.values[0, 0].cpu().numpy(),
        prepared.seen,
        average.probabilities,
    )


class _MovingAverage:
    """The target of a frame: the given class, or the best one by the moving average of the probabilities."""

    probabilities: Tensor

    def __init__(self, model: Model, target_class: int | None, previous: Tensor | None) -> None:
        self._model, self._target_class, self._previous = model, target_class, previous

    def __call__(self, logits: Tensor) -> Tensor:
        self.probabilities = self._model.calibrated(logits[0]).softmax(dim=0)
        if self._previous is not None:
            self.probabilities = self._previous.lerp(self.probabilities, NEWEST_WEIGHT)
        index = int(self.probabilities.argmax()) if self._target_class is None else self._target_class
        return targets.named(index)(logits)
