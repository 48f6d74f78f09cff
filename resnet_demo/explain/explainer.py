"""Photos in, maps out: where a network looked, batch by batch, in the order given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from resnet_demo.data.images import Problem
from resnet_demo.data.preprocessing import View
from resnet_demo.explain import methods, targets
from resnet_demo.explain.methods import METHODS, Maps, Method
from resnet_demo.explain.placing import Box, Map, place
from resnet_demo.explain.targets import Target
from resnet_demo.inference import Classifier, Guess, Photo, Prepared


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where the network looked on one photo, as one method sees it.

    `maps` (K, h, w), float32 from 0 to 1, lie evenly over the box `seen` of a photo of `size`, (width, height) in
    pixels. `asked` says for each of the K targets which class it came to, and how probable the network finds that;
    where two classes are compared, the first rather than the second, which is in `rivals`.
    """

    file: str
    method: Method
    asked: tuple[Guess, ...]
    maps: Map
    size: tuple[int, int]
    seen: Box
    rivals: tuple[str | None, ...]

    def on_photo(self, target: int = 0) -> Map:
        """The map of one target laid over the whole photo: (H, W), its largest value 1 unless it is 0 everywhere."""
        placed = place(self.maps[target], self.size, self.seen)
        return placed / (placed.max() or 1)

    def is_empty(self, target: int = 0) -> bool:
        """Whether the method found nothing that speaks for what was asked about."""
        return not self.maps[target].any()


class Explainer:
    """Shows where a network looks; it shares the network that a classifier runs, and leaves it as it is.

    >>> explainer = Explainer(Classifier(open_model("resnet50", settings), settings))
    >>> for found in explainer.explain([Path("cat.jpg")], [METHODS["gradcam"]]):
    ...     print(found.file, found.asked[0].label, found.on_photo().shape)
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def explain(
        self,
        photos: Sequence[Photo],
        chosen: Sequence[Method] = (METHODS["gradcam"],),
        layer: str | None = None,
        asked: Sequence[Target] = (targets.best(),),
        view: View = "crop",
        progress: Callable[[float], None] = lambda done: None,  # noqa: ARG005
    ) -> Iterator[Explanation | Problem]:
        """For each photo an explanation by each method, or what is wrong with the photo.

        Args:
            photos: files, or pictures already open.
            chosen: rows of `METHODS`.
            layer: a stage or a block (`stage3`, `stage3.1`); the last stage if absent.
            asked: what the maps are about; several cost one forward pass together.
            view: what the network is shown of each photo.
            progress: told how many photos are done, with fractions; what it raises ends the work.

        Raises:
            AppError: there is no layer of that name.
        """
        network = self.classifier.engines.folded()
        network.is_last(layer or network.stage_names[-1])  # an unknown layer is refused before any photo is read
        done = 0
        for batch in self.classifier.batches(photos, view):

            def tell(share: float, before: int = done, now: int = len(batch)) -> None:
                progress(before + share * now)

            tell(0)
            ready = [item for item in batch if isinstance(item, Prepared)]
            found = iter(self._look(ready, chosen, layer, asked, tell) if ready else ())
            for item in batch:
                yield from (item,) if isinstance(item, Problem) else next(found)
            done += len(batch)
        progress(done)

    def _look(
        self,
        photos: Sequence[Prepared],
        chosen: Sequence[Method],
        layer: str | None,
        asked: Sequence[Target],
        tell: Callable[[float], None],
    ) -> list[list[Explanation]]:
        """For each photo of a batch what each method finds; `tell` gets the share that is done."""
        images = self.classifier.normalised(photos)
        explanations: list[list[Explanation]] = [[] for _ in photos]
        for number, method in enumerate(chosen):

            def step(done: int, steps: int, before: int = number) -> None:
                tell((before + done / steps) / len(chosen))

            maps = methods.explain(self.classifier.engines.folded(), images, method, layer, asked, step)
            values, guesses, rivals = maps.values.cpu().numpy(), self._guesses(maps), self._rivals(maps)
            for row, photo in enumerate(photos):
                looked = Explanation(
                    photo.file, method, guesses[row], values[:, row], photo.size, photo.seen, rivals[row]
                )
                explanations[row].append(looked)
        return explanations

    def _guesses(self, maps: Maps) -> list[tuple[Guess, ...]]:
        """For each photo the class that each target came to: what it wants most of."""
        model = self.classifier.model
        logits = model.calibrated(maps.logits)
        probabilities = torch.stack([targets.probability(logits, wanted) for wanted in maps.wanted])
        return [
            tuple(Guess(model.labels[index], index, value) for index, value in zip(indices, values, strict=True))
            for indices, values in zip(maps.wanted.argmax(dim=2).T.tolist(), probabilities.T.tolist(), strict=True)
        ]

    def _rivals(self, maps: Maps) -> list[tuple[str | None, ...]]:
        """For each photo the class that each target speaks against, where it compares two."""
        lowest, indices = (found.T.tolist() for found in maps.wanted.min(dim=2))
        labels = self.classifier.model.labels
        return [
            tuple(labels[index] if value < 0 else None for value, index in zip(*row, strict=True))
            for row in zip(lowest, indices, strict=True)
        ]
