"""Inspection of one photo with one network, on which every section of the Look inside tab is based."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeGuard

from resnet_demo.data import images
from resnet_demo.data.display import SHOWN_SIDE, thumbnail, with_seen_box
from resnet_demo.data.images import Problem
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.texts import AppError
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import NavigationRequest
from resnet_demo.ui.visitor_context import current_language

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from resnet_demo.explain.targets import Target
    from resnet_demo.inference import Classifier, Guess, Prepared
    from resnet_demo.models.model import Model
    from resnet_demo.models.resnet import ResNet
    from resnet_demo.plots.network import Architecture

TOP = 5


@dataclass(frozen=True, eq=False)
class PhotoSelection:
    """The photos that a visitor gave, which of them is inspected, and the navigation request that they came with."""

    photos: tuple[ReceivedPhoto, ...]
    number: int = 0
    request: NavigationRequest | None = None

    @property
    def photo(self) -> ReceivedPhoto:
        """The one that is inspected."""
        return self.photos[self.number]

    def request_for(self, model: str) -> NavigationRequest | None:
        """The request, if it is for this model."""
        return self.request if self.request is not None and self.request.model == model else None


@dataclass(frozen=True, eq=False)
class InspectedPhoto:
    """What is kept of an inspection between events: the photo, preprocessed for a model, and its top classes."""

    photo: ReceivedPhoto
    model: str
    prepared: Prepared
    guesses: tuple[Guess, ...]


class Inspection:
    """A photo and a network for the duration of one event; the network is shared and must not be changed."""

    def __init__(self, photo: ReceivedPhoto, prepared: Prepared, classifier: Classifier, max_pixels: int) -> None:
        self.file = photo
        self.prepared = prepared
        self.classifier = classifier
        self._max_pixels = max_pixels

    @property
    def model(self) -> Model:
        """The model, its norms not folded."""
        return self.classifier.model

    @cached_property
    def network(self) -> ResNet:
        """The network as it runs, its norms folded."""
        return self.classifier.engines.folded()

    @cached_property
    def image(self) -> Tensor:
        """What the network is shown: (1, 3, H, W), normalised, on its device."""
        return self.classifier.normalised([self.prepared])

    def photo(self) -> Image.Image:
        """The upright photo as large as it is shown; raises as `open` does."""
        return self.open(self.file, SHOWN_SIDE)

    def open(self, photo: ReceivedPhoto, side: int) -> Image.Image:
        """Any photo, upright, its longer side at most `side` pixels.

        Raises:
            AppError: it has been cleared away.
        """
        with images.opened(photo.path or "", needed=side, max_pixels=self._max_pixels) as found:
            if isinstance(found, Problem):
                raise AppError("look.gone")
            return thumbnail(found.image, side)

    def photo_with_box(self) -> Image.Image:
        """The photo, dark where the network does not look."""
        return with_seen_box(self.photo(), self.prepared.size, self.prepared.seen)

    def guesses(self, removed: Collection[str] = (), top: int = TOP) -> tuple[Guess, ...]:
        """The best classes, the most probable first, without the removed blocks."""
        from resnet_demo.explain import ablation
        from resnet_demo.inference import Guess

        logits = self.model.calibrated(ablation.run_without(self.network, self.image, removed)[0])
        best = logits.softmax(dim=0).topk(min(top, len(logits)))
        return tuple(
            Guess(self.model.labels[index], index, value)
            for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )

    def target(self, target_class: object, contrast_class: object = None) -> Target:
        """The logit of a class, or of the most probable one if there is none of this number.

        If there is a contrast class, less its logit.
        """
        from resnet_demo.explain import targets

        target = targets.named(target_class) if self.knows(target_class) else targets.best()
        if not self.knows(contrast_class) or contrast_class == target_class:
            return target
        return targets.difference(target, targets.named(contrast_class))

    @property
    def names(self) -> ClassNames:
        """The names of the model's classes in the current language."""
        return class_names(self.model.labels, current_language())

    def knows(self, number: object) -> TypeGuard[int]:
        """Whether this is the number of a class."""
        return type(number) is int and 0 <= number < len(self.model.labels)

    def parts(self) -> list[str]:
        """All parts that can be selected: the stem, stages, blocks."""
        return ["stem", *self.network.stages(), *self.network.blocks()]

    @cached_property
    def architecture(self) -> Architecture:
        """Stages, blocks and sizes of the network."""
        from resnet_demo.explain.architecture import architecture

        return architecture(self.network, self.model.name, self.model.spec.crop_size)

    def last_stage(self, least_side: int = 0) -> str:
        """The last stage whose outputs have at least so many pixels a side, or else the first."""
        stages = self.architecture.stages
        large = [name for name, blocks in stages.items() if blocks[-1].side >= least_side]
        return large[-1] if large else next(iter(stages))

    def block(self, part: str) -> str:
        """The block that stands for a part: itself, a stage's last, behind the stem the first."""
        blocks = list(self.network.blocks())
        inside = [name for name in blocks if f"{name}.".startswith(f"{part}.")]
        return inside[-1] if inside else blocks[0]


class Inspector:
    """Starts and resumes inspections for the visitors of a page, in their events."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(
        self,
        photo: ReceivedPhoto,
        model: str,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> tuple[InspectedPhoto, Inspection]:
        """Preprocess a photo for a model and classify it.

        Args:
            progress: told (bytes so far, bytes in all) while weights are downloaded.

        Raises:
            AppError: no such model, one that is not this visitor's, or a photo that cannot be read.
        """
        from resnet_demo.inference import Prepared

        if photo.path is None:
            raise AppError("file_access.problem.gone")
        classifier = self._services.classifier(model, progress)
        [[prepared]] = classifier.batches([photo.path])
        if not isinstance(prepared, Prepared):
            raise AppError(f"images.problem.{prepared.kind}", **prepared.fields)
        inspection = Inspection(photo, prepared, classifier, self._services.settings.max_pixels)
        return InspectedPhoto(photo, model, prepared, inspection.guesses()), inspection

    def resume(self, inspected: InspectedPhoto) -> Inspection:
        """The inspection that `start` has prepared, in a later event.

        Raises:
            AppError: the model is gone.
        """
        classifier = self._services.classifier(inspected.model)
        return Inspection(inspected.photo, inspected.prepared, classifier, self._services.settings.max_pixels)
