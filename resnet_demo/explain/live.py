"""Frames of a camera, one after the other: what each shows, and where the network looked for it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from resnet_demo.data.images import Problem
from resnet_demo.explain import methods, targets
from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.placing import Box, Map
from resnet_demo.inference import Classifier, Guess
from resnet_demo.models.model import Model

NEWEST_SHARE = 0.5
"""Of a frame in the mean that is shown; what came before shares the rest. Alone, the best class flickers."""


@dataclass(frozen=True, eq=False)
class Glance:
    """What a network made of one frame.

    `guesses` are the best classes, the most probable first, and `asked` is the one that `values` (h, w), float32 from 0
    to 1, speak for: a Grad-CAM map that lies evenly over the box `seen` of the frame. Probabilities are means over the
    last frames; `memory` (classes,) is what the next frame needs of them.
    """

    guesses: tuple[Guess, ...]
    asked: Guess
    values: Map
    seen: Box
    memory: Tensor


def glance(
    classifier: Classifier, frame: Image.Image, wanted: int | None = None, memory: Tensor | None = None, top: int = 3
) -> Glance:
    """Look at one frame: one forward pass, where the head is linear, and no backward one.

    Args:
        classifier: whose network is asked; it is left as it was.
        frame: decoded.
        wanted: the class that the map is about; the best one if absent.
        memory: of the frame before, seen by the same network.
        top: how many classes to name.
    """
    [[prepared]] = classifier.batches([frame])
    assert not isinstance(prepared, Problem)  # it is decoded already
    mean = _Mean(classifier.model, wanted, memory)
    images = classifier.normalised([prepared])
    maps = methods.explain(classifier.engines.folded(), images, METHODS["gradcam"], targets=[mean])
    best = mean.probabilities.topk(min(top, len(mean.probabilities)))
    index = int(maps.wanted[0, 0].argmax())
    labels = classifier.model.labels

    def guess(index: int) -> Guess:
        return Guess(labels[index], index, float(mean.probabilities[index]))

    return Glance(
        tuple(map(guess, best.indices.tolist())),
        guess(index),
        maps.values[0, 0].cpu().numpy(),
        prepared.seen,
        mean.probabilities,
    )


class _Mean:
    """The target of a frame: the best class in the mean over the last frames, unless one is wanted."""

    probabilities: Tensor

    def __init__(self, model: Model, wanted: int | None, memory: Tensor | None) -> None:
        self._model, self._wanted, self._memory = model, wanted, memory

    def __call__(self, logits: Tensor) -> Tensor:
        self.probabilities = self._model.calibrated(logits[0]).softmax(dim=0)
        if self._memory is not None:
            self.probabilities = self._memory.lerp(self.probabilities, NEWEST_SHARE)
        index = int(self.probabilities.argmax()) if self._wanted is None else self._wanted
        return targets.named(index)(logits)
