"""One photo inside of one network: what every section of the Look inside tab starts from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeGuard

from resnet_demo.data import images
from resnet_demo.data.display import SHOWN_SIDE, thumbnail, with_seen_box
from resnet_demo.data.images import Problem
from resnet_demo.texts import AppError
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Wish

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from resnet_demo.explain.targets import Target
    from resnet_demo.inference import Classifier, Guess, Prepared
    from resnet_demo.models.model import Model
    from resnet_demo.models.resnet import ResNet

TOP = 5


@dataclass(frozen=True, eq=False)
class Given:
    """The photos that a visitor gave, which of them is looked into, and the wish of another tab that they came with."""

    photos: tuple[ReceivedPhoto, ...]
    number: int = 0
    wish: Wish | None = None

    @property
    def photo(self) -> ReceivedPhoto:
        """The one that is looked into."""
        return self.photos[self.number]

    def wish_for(self, model: str) -> Wish | None:
        """The wish, if it is one for this model."""
        return self.wish if self.wish is not None and self.wish.model == model else None


@dataclass(frozen=True, eq=False)
class Subject:
    """What a visitor looks into: a photo, made ready for a model of this name, and its best classes."""

    photo: ReceivedPhoto
    model: str
    prepared: Prepared
    guesses: tuple[Guess, ...]


class Look:
    """A photo and a network in hand for as long as one event takes; the network is shared and left as it is."""

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

    def guesses(self, off: Collection[str] = (), top: int = TOP) -> tuple[Guess, ...]:
        """The best classes, the most probable first, with some blocks switched off."""
        from resnet_demo.explain import switching
        from resnet_demo.inference import Guess

        logits = self.model.calibrated(switching.run(self.network, self.image, off)[0])
        best = logits.softmax(dim=0).topk(min(top, len(logits)))
        return tuple(
            Guess(self.model.labels[index], index, value)
            for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )

    def target(self, wanted: object, other: object = None) -> Target:
        """The logit of a class, of the best one if it knows none of this number; less another's if it knows that."""
        from resnet_demo.explain import targets

        one = targets.named(wanted) if self.knows(wanted) else targets.best()
        return targets.difference(one, targets.named(other)) if self.knows(other) and other != wanted else one

    def knows(self, number: object) -> TypeGuard[int]:
        """Whether this is the number of a class."""
        return type(number) is int and 0 <= number < len(self.model.labels)

    def parts(self) -> list[str]:
        """All that can be chosen: the stem, stages, blocks."""
        return ["stem", *self.network.stages(), *self.network.blocks()]

    def block(self, part: str) -> str:
        """The block that stands for a part: itself, a stage's last, behind the stem the first."""
        blocks = list(self.network.blocks())
        inside = [name for name in blocks if f"{name}.".startswith(f"{part}.")]
        return inside[-1] if inside else blocks[0]


class Looking:
    """Opens looks for the visitors of a page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def begin(
        self,
        photo: ReceivedPhoto,
        model: str,
        visitor: object,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> tuple[Subject, Look]:
        """Make a photo ready for a model and ask it.

        Args:
            progress: told (bytes so far, bytes in all) while weights are downloaded.

        Raises:
            AppError: no such model, one that is not this visitor's, or a photo that cannot be read.
        """
        from resnet_demo.inference import Prepared

        if photo.path is None:
            raise AppError("guard.problem.gone")
        classifier = self._services.classifier(model, progress, visitor)
        [[prepared]] = classifier.batches([photo.path])
        if not isinstance(prepared, Prepared):
            raise AppError(f"images.problem.{prepared.kind}", **prepared.fields)
        look = Look(photo, prepared, classifier, self._services.settings.max_pixels)
        return Subject(photo, model, prepared, look.guesses()), look

    def again(self, subject: Subject, visitor: object) -> Look:
        """Go on looking at what `begin` made ready.

        Raises:
            AppError: the model is gone.
        """
        classifier = self._services.classifier(subject.model, None, visitor)
        return Look(subject.photo, subject.prepared, classifier, self._services.settings.max_pixels)
