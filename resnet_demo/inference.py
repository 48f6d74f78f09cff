"""Pictures in, predictions out: decoding runs beside the network, in batches, in the order given."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from resnet_demo.data import images
from resnet_demo.data.images import Picture, Problem
from resnet_demo.data.preprocessing import ImageSpec, View, fit, normalise, seen_box
from resnet_demo.engine_choice import BATCH, EngineChoice
from resnet_demo.engines import pick_device
from resnet_demo.models import places, pretrained, saved
from resnet_demo.models.model import Model
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

Photo = Path | Image.Image
Box = tuple[float, float, float, float]
Pixels = npt.NDArray[np.uint8]

AHEAD = 4 * BATCH
"""Photos decoded before the network asks for them: enough to keep it busy, few enough to keep memory flat."""


@dataclass(frozen=True)
class Guess:
    """One class a photo may show, and how probable the network finds it (0 to 1)."""

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What the network says of one photo, the most probable first, or why it could not be asked.

    `size` is the upright photo's (width, height) in pixels; `seen` is the box in it that the network saw.
    """

    file: str
    guesses: tuple[Guess, ...] = ()
    size: tuple[int, int] | None = None
    seen: Box | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Prepared:
    """A photo made ready for the network."""

    file: str
    pixels: Pixels
    size: tuple[int, int]
    seen: Box


def open_model(name: str, settings: Settings, progress: Callable[[int, int | None], None] | None = None) -> Model:
    """The model behind a name: a variant (`resnet50`, `resnet50:v2`), a model that comes with the app (`flowers`), the
    best that a run has kept (the run's name), a saved folder, or `hf-hub:owner/name`.

    A name means the folder of this name last; `./resnet50` and `./flowers` always mean it.

    Args:
        name: as `--model` takes it.
        settings: where weights lie and where downloads go.
        progress: told (bytes so far, bytes in all) while something is downloaded.

    Raises:
        AppError: no such model, or its weights cannot be had; the sentence says what to do.
    """
    if name.startswith("hf-hub:"):
        return saved.open_hub(name, progress)
    if not name.strip():
        raise AppError("inference.problem.no_name")
    folder = places.folder_of(name, settings)
    if folder is not None:
        if not os.path.isdir(folder):  # noqa: PTH112  Path's own raises where a folder above is closed
            raise AppError("inference.problem.nothing_kept", name=name)
        return replace(saved.open_saved(folder), name=name)
    if name.startswith((".", "~")) or {"/", os.sep} & set(name):
        raise AppError("inference.problem.no_folder", folder=name)
    return pretrained.open_pretrained(name, settings, progress)


class Classifier:
    """Names what photos show.

    >>> classifier = Classifier(open_model("resnet50", settings))
    >>> for prediction in classifier.classify([Path("a.jpg"), Path("b.jpg")]):
    ...     print(prediction.file, prediction.guesses[0].label)
    """

    def __init__(self, model: Model, settings: Settings, engine: str = "auto", device: str | None = None) -> None:
        self.model = model
        self.device = torch.device(device) if device else pick_device()
        self.engines = EngineChoice(model, self.device, settings.home / "engines.json", engine)
        self._max_pixels = settings.max_pixels

    def classify(self, photos: Sequence[Photo], top: int = 5, view: View = "crop") -> Iterator[Prediction]:
        """Predictions in the order of `photos`, as they come; a photo that cannot be read is one with a problem.

        Args:
            photos: files, or pictures already open.
            top: how many classes to name for each.
            view: the centre crop that the network was trained for, or the whole picture.
        """
        left = len(photos)
        for batch in self.batches(photos, view):
            yield from self._answer(batch, top, left)
            left -= len(batch)

    def batches(self, photos: Sequence[Photo], view: View = "crop") -> Iterator[list[Prepared | Problem]]:
        """The photos in their order, decoded ahead: in each batch at most `BATCH` that the network can be shown."""
        batch: list[Prepared | Problem] = []
        ready = 0
        for item in self._prepare(photos, view):
            batch.append(item)
            ready += isinstance(item, Prepared)
            if ready == BATCH:
                yield batch
                batch, ready = [], 0
        if batch:
            yield batch

    def normalised(self, photos: Sequence[Prepared]) -> Tensor:
        """What the network is shown of the photos, at least one: (N, 3, H, W), channels-last, on the device."""
        pixels = torch.from_numpy(np.stack([photo.pixels for photo in photos]))
        return normalise(pixels.to(self.device), self.model.spec)

    def _prepare(self, photos: Sequence[Photo], view: View) -> Iterator[Prepared | Problem]:
        def prepare(photo: Photo) -> Prepared | Problem:
            return self._prepare_one(photo, view)

        pool = ThreadPoolExecutor(max_workers=min(len(photos) or 1, os.cpu_count() or 1), thread_name_prefix="decode")
        try:
            under_way: deque[Future[Prepared | Problem]] = deque()
            for photo in photos:
                under_way.append(pool.submit(prepare, photo))
                if len(under_way) >= AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:  # also when the reader goes away midway
            pool.shutdown(cancel_futures=True)

    def _prepare_one(self, photo: Photo, view: View) -> Prepared | Problem:
        spec = self.model.spec
        if isinstance(photo, Image.Image):
            upright = images.upright_rgb(photo)
            return _prepared(Picture(upright, upright.size, ""), spec, view)
        with images.opened(photo, needed=spec.resize_size, max_pixels=self._max_pixels) as found:
            return found if isinstance(found, Problem) else _prepared(found, spec, view)

    def _answer(self, items: Sequence[Prepared | Problem], top: int, left: int) -> Iterator[Prediction]:
        """Run the readable ones as one batch and give all back in their order."""
        ready = [item for item in items if isinstance(item, Prepared)]
        rows = iter(self._guess(ready, top, left) if ready else ())
        for item in items:
            if isinstance(item, Problem):
                yield Prediction(item.file, problem=item)
            else:
                yield Prediction(item.file, next(rows), item.size, item.seen)

    def _guess(self, ready: Sequence[Prepared], top: int, left: int) -> list[tuple[Guess, ...]]:
        with torch.inference_mode():
            logits = self.engines.run(self.normalised(ready), left)
            best = self.model.calibrated(logits).softmax(dim=1).topk(min(top, logits.shape[1]))
        labels = self.model.labels
        return [
            tuple(Guess(labels[index], index, value) for value, index in zip(values, indices, strict=True))
            for values, indices in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]


def _prepared(picture: Picture, spec: ImageSpec, view: View) -> Prepared:
    pixels = fit(picture.image, spec, view, picture.size)
    return Prepared(picture.file, pixels, picture.size, seen_box(picture.size, spec, view))
