"""Classification: photos in, predictions out, in the order given; decoding runs in parallel with the network."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from resnet_demo.data import images
from resnet_demo.data.display import thumbnail
from resnet_demo.data.images import Picture, Problem
from resnet_demo.data.preprocessing import CropMode, ImageSpec, fit, normalise, seen_box
from resnet_demo.engine_choice import BATCH, EngineChoice
from resnet_demo.engines import pick_device
from resnet_demo.models import model_folders, pretrained, saved, weight_files
from resnet_demo.models.model import Model
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

Photo = Path | Image.Image
Box = tuple[float, float, float, float]
Pixels = npt.NDArray[np.uint8]

DECODED_AHEAD = 4 * BATCH
"""Photos decoded in advance: enough to keep the network busy, few enough to bound the memory."""


@dataclass(frozen=True)
class Guess:
    """A class and its probability (0 to 1) for a photo."""

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The best classes of one photo, the most probable first, or the problem with the photo.

    `size` is the upright photo's (width, height) in pixels; `seen` is the box in it that the network saw. `preview` is
    a small copy of the upright photo, where one was asked for.
    """

    file: str
    guesses: tuple[Guess, ...] = ()
    size: tuple[int, int] | None = None
    seen: Box | None = None
    problem: Problem | None = None
    preview: Image.Image | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Prepared:
    """A photo preprocessed for the network; `preview` comes from the same decoding."""

    file: str
    pixels: Pixels
    size: tuple[int, int]
    seen: Box
    preview: Image.Image | None = None


def open_model(
    name: str,
    settings: Settings,
    progress: Callable[[int, int | None], None] | None = None,
    *,
    variant: str | None = None,
    labels: Path | None = None,
) -> Model:
    """The model behind a name: a variant (`resnet50`, `resnet50:v2`), a model that comes with the app (`flowers`), the
    best model of a run (the run's name or folder), a saved folder, `hf-hub:owner/name`, or a file of weights
    (`weights.pth`, `resnet34:weights.pth`).

    A name means the folder of this name last; `./resnet50` and `./flowers` always mean it.

    Args:
        name: as `--model` takes it.
        settings: the folders of weights and downloads.
        progress: called with (bytes done, all bytes) during a download.
        variant: the network whose weights a file holds, where its layers do not say.
        labels: a file with the names of its classes.

    Raises:
        AppError: no such model, or its weights cannot be fetched; the message says what to do.
    """
    file = model_folders.file_of(name, settings)
    if file is not None:
        return weight_files.open_weights(file.path, name, variant or file.variant, labels)
    if variant is not None or labels is not None:
        raise AppError("inference.problem.no_weights_file", model=name)
    if name.startswith("hf-hub:"):
        return saved.open_hub(name, progress)
    if not name.strip():
        raise AppError("inference.problem.no_name")
    folder = model_folders.folder_of(name, settings)
    if folder is not None:
        if not os.path.isdir(folder):  # noqa: PTH112  Path's own raises where a folder above is closed
            raise AppError("inference.problem.nothing_kept", name=name)
        return replace(saved.open_saved(folder), name=name)
    if name.startswith((".", "~")) or {"/", os.sep} & set(name):
        raise AppError("inference.problem.no_folder", folder=name)
    return pretrained.open_pretrained(name, settings, progress)


class Classifier:
    """Classifies photos.

    >>> classifier = Classifier(open_model("resnet50", settings))
    >>> for prediction in classifier.classify([Path("a.jpg"), Path("b.jpg")]):
    ...     print(prediction.file, prediction.guesses[0].label)
    """

    def __init__(self, model: Model, settings: Settings, engine: str = "auto", device: str | None = None) -> None:
        self.model = model
        self.device = torch.device(device) if device else pick_device()
        self.engines = EngineChoice(model, self.device, settings.home / "engines.json", engine)
        self._max_pixels = settings.max_pixels

    def classify(
        self, photos: Sequence[Photo], top: int = 5, crop_mode: CropMode = "crop", preview_sides: Sequence[int] = ()
    ) -> Iterator[Prediction]:
        """Predictions in the order of `photos`, as they are made; for a photo that cannot be read, its problem.

        Args:
            photos: files, or pictures already open.
            top: the number of best classes for each.
            crop_mode: the centre crop that the network was trained on, or the whole picture.
            preview_sides: of the first photos, the longest side in pixels that their previews may have; 0 for none.
                They are as sharp as what the network's input was made from, at least twice `resize_size`.
        """
        left = len(photos)
        for batch in self.batches(photos, crop_mode, preview_sides):
            yield from self._answer(batch, top, left)
            left -= len(batch)

    def batches(
        self, photos: Sequence[Photo], crop_mode: CropMode = "crop", preview_sides: Sequence[int] = ()
    ) -> Iterator[list[Prepared | Problem]]:
        """The photos in order, decoded in advance; each batch has at most `BATCH` readable ones."""
        batch: list[Prepared | Problem] = []
        ready = 0
        for item in self._prepare(photos, crop_mode, preview_sides):
            batch.append(item)
            ready += isinstance(item, Prepared)
            if ready == BATCH:
                yield batch
                batch, ready = [], 0
        if batch:
            yield batch

    def normalised(self, photos: Sequence[Prepared]) -> Tensor:
        """The network's input for at least one photo: (N, 3, H, W), channels-last, on the device."""
        pixels = torch.from_numpy(np.stack([photo.pixels for photo in photos]))
        return normalise(pixels.to(self.device), self.model.spec)

    def _prepare(
        self, photos: Sequence[Photo], crop_mode: CropMode, preview_sides: Sequence[int]
    ) -> Iterator[Prepared | Problem]:
        pool = ThreadPoolExecutor(max_workers=min(len(photos) or 1, os.cpu_count() or 1), thread_name_prefix="decode")
        try:
            under_way: deque[Future[Prepared | Problem]] = deque()
            sides = chain(preview_sides, repeat(0))
            for photo, side in zip(photos, sides, strict=False):
                under_way.append(pool.submit(self._prepare_one, photo, crop_mode, side))
                if len(under_way) >= DECODED_AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:  # also when the reader goes away midway
            pool.shutdown(cancel_futures=True)

    def _prepare_one(self, photo: Photo, crop_mode: CropMode, preview_side: int) -> Prepared | Problem:
        spec = self.model.spec
        if isinstance(photo, Image.Image):
            upright = images.upright_rgb(photo)
            return _prepared(Picture(upright, upright.size, ""), spec, crop_mode, preview_side)
        with images.opened(photo, needed=spec.resize_size, max_pixels=self._max_pixels) as found:
            return found if isinstance(found, Problem) else _prepared(found, spec, crop_mode, preview_side)

    def _answer(self, items: Sequence[Prepared | Problem], top: int, left: int) -> Iterator[Prediction]:
        """Run the readable photos as one batch and return the predictions of all in order."""
        ready = [item for item in items if isinstance(item, Prepared)]
        rows = iter(self._guess(ready, top, left) if ready else ())
        for item in items:
            if isinstance(item, Problem):
                yield Prediction(item.file, problem=item)
            else:
                yield Prediction(item.file, next(rows), item.size, item.seen, preview=item.preview)

    def _guess(self, ready: Sequence[Prepared], top: int, left: int) -> list[tuple[Guess, ...]]:
        with torch.inference_mode():
            logits = self.engines.run(self.normalised(ready), left)
            best = self.model.calibrated(logits).softmax(dim=1).topk(min(top, logits.shape[1]))
        labels = self.model.labels
        return [
            tuple(Guess(labels[index], index, value) for value, index in zip(values, indices, strict=True))
            for values, indices in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]


def _prepared(picture: Picture, spec: ImageSpec, crop_mode: CropMode, preview_side: int) -> Prepared:
    pixels = fit(picture.image, spec, crop_mode, picture.size)
    preview = thumbnail(picture.image, preview_side) if preview_side else None
    return Prepared(picture.file, pixels, picture.size, seen_box(picture.size, spec, crop_mode), preview)
