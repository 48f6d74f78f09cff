"""Photos in, saliency maps out, batch by batch, in the order given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from resnet_demo.data.images import Problem
from resnet_demo.data.preprocessing import CropMode
from resnet_demo.explain import saliency_maps
from resnet_demo.explain.methods import DEFAULT_METHOD, METHODS, Method
from resnet_demo.explain.overlay import Box, Map, upsample
from resnet_demo.explain.saliency_maps import Maps
from resnet_demo.explain.targets import Target, best, probability
from resnet_demo.inference import Classifier, Guess, Photo, Prepared


@dataclass(frozen=True, eq=False)
class Explanation:
    """The saliency maps of one photo by one method.

    `maps` (K, h, w), float32 from 0 to 1, cover the box `seen` of a photo of `size`, (width, height) in pixels, evenly.
    `target_classes` are the classes of the K targets with their probabilities. Where a target compares two classes, the
    second is in `contrast_classes`, and the probability is that of the first given that it is one of the two.
    """

    file: str
    method: Method
    target_classes: tuple[Guess, ...]
    maps: Map
    size: tuple[int, int]
    seen: Box
    contrast_classes: tuple[str | None, ...]

    def on_photo(self, target: int = 0) -> Map:
        """The map of one target on the whole photo, (H, W); its largest value is 1 unless it is 0 everywhere."""
        upsampled = upsample(self.maps[target], self.size, self.seen)
        return upsampled / (upsampled.max() or 1)

    def is_empty(self, target: int = 0) -> bool:
        """Whether the method found no evidence for the target."""
        return not self.maps[target].any()


class Explainer:
    """Makes saliency maps; it shares the network of a classifier and does not change it.

    >>> explainer = Explainer(Classifier(open_model("resnet50", settings), settings))
    >>> for found in explainer.explain([Path("cat.jpg")], [METHODS["gradcam"]]):
    ...     print(found.file, found.target_classes[0].label, found.on_photo().shape)
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def explain(
        self,
        photos: Sequence[Photo],
        chosen: Sequence[Method] = (METHODS[DEFAULT_METHOD],),
        layer: str | None = None,
        targets: Sequence[Target] = (best(),),
        crop_mode: CropMode = "crop",
        progress: Callable[[float], None] = lambda done: None,  # noqa: ARG005
    ) -> Iterator[Explanation | Problem]:
        """For each photo an explanation by each method, or what is wrong with the photo.

        Args:
            photos: files, or pictures already open.
            chosen: rows of `METHODS`.
            layer: a stage or a block (`stage3`, `stage3.1`); the last stage if absent.
            targets: what the maps explain; several share one forward pass.
            crop_mode: the centre crop or the whole picture.
            progress: called with the number of photos done, with fractions; an exception it raises ends the work.

        Raises:
            AppError: there is no layer of this name.
        """
        network = self.classifier.engines.folded()
        network.is_last(layer or network.stage_names[-1])  # an unknown layer is refused before any photo is read
        done = 0
        for batch in self.classifier.batches(photos, crop_mode):

            def tell(share: float, before: int = done, now: int = len(batch)) -> None:
                progress(before + share * now)

            tell(0)
            ready = [item for item in batch if isinstance(item, Prepared)]
            found = iter(self._explain_batch(ready, chosen, layer, targets, tell) if ready else ())
            for item in batch:
                yield from (item,) if isinstance(item, Problem) else next(found)
            done += len(batch)
        progress(done)

    def _explain_batch(
        self,
        photos: Sequence[Prepared],
        chosen: Sequence[Method],
        layer: str | None,
        targets: Sequence[Target],
        tell: Callable[[float], None],
    ) -> list[list[Explanation]]:
        """For each photo of a batch its explanations by each method; `tell` is called with the share done."""
        images = self.classifier.normalised(photos)
        explanations: list[list[Explanation]] = [[] for _ in photos]
        for number, method in enumerate(chosen):

            def step(done: int, steps: int, before: int = number) -> None:
                tell((before + done / steps) / len(chosen))

            maps = saliency_maps.explain(self.classifier.engines.folded(), images, method, layer, targets, step)
            values = maps.values.cpu().numpy()
            classes, contrast_classes = self._target_classes(maps), self._contrast_classes(maps)
            for row, photo in enumerate(photos):
                explanation = Explanation(
                    photo.file, method, classes[row], values[:, row], photo.size, photo.seen, contrast_classes[row]
                )
                explanations[row].append(explanation)
        return explanations

    def _target_classes(self, maps: Maps) -> list[tuple[Guess, ...]]:
        """For each photo the class of each target: the one with the largest weight."""
        model = self.classifier.model
        logits = model.calibrated(maps.logits)
        probabilities = torch.stack([probability(logits, weights) for weights in maps.target_weights])
        largest = maps.target_weights.argmax(dim=2)
        return [
            tuple(Guess(model.labels[index], index, value) for index, value in zip(indices, values, strict=True))
            for indices, values in zip(largest.T.tolist(), probabilities.T.tolist(), strict=True)
        ]

    def _contrast_classes(self, maps: Maps) -> list[tuple[str | None, ...]]:
        """For each photo the second class of each target that compares two."""
        lowest, indices = (found.T.tolist() for found in maps.target_weights.min(dim=2))
        labels = self.classifier.model.labels
        return [
            tuple(labels[index] if value < 0 else None for value, index in zip(*row, strict=True))
            for row in zip(lowest, indices, strict=True)
        ]
