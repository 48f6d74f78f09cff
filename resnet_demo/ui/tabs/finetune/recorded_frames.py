"""Frames that visitors record with their webcams, by class, with their features; nothing of it is on the disk."""

from __future__ import annotations

import io
import itertools
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from resnet_demo.data.content_hash import content_hashes
from resnet_demo.data.file_names import one_part
from resnet_demo.data.images import Problem
from resnet_demo.data.preprocessing import fit
from resnet_demo.data.recording_split import FEWEST_FRAMES, split_recordings
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError
from resnet_demo.ui.components.camera_frames import OpenCameras, content_of, decoded
from resnet_demo.ui.services import Services
from resnet_demo.ui.visitor_context import Visitor, visited_by

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.training.frozen_backbone import FeatureExtractor

FEWEST_CLASSES, MOST_CLASSES = 2, 5
MOST_FRAMES = 300
"""Of one class: 40 seconds of recording."""
MOST_LETTERS = 40
"""Of a class's name."""
MOST_NUMBER = 10_000
"""Of a class or a recording: the page counts them."""
MOST_BYTES = 40 * MEGABYTE
"""Of one visitor's frames: 1,500 of the usual size."""
MOST_BYTES_OF_ALL = 1_000 * MEGABYTE
"""Of all visitors' frames; beyond it those are forgotten that have not been used for longest."""


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """One frame: its class and recording, as the page numbers them, its JPEG file, that file's hash, its features."""

    class_number: int
    recording: int
    content: bytes
    content_hash: bytes
    features: Tensor


@dataclass(eq=False)
class Recorder:
    """What one visitor has recorded: the frames by their numbers, in the order of time.

    `model` is the name of the model whose frozen backbone makes the features, `run` that of the run that was trained
    last. `seconds`, of the monotonic clock, is when it was used last.
    """

    visitor: Visitor
    model: str
    extractor: FeatureExtractor
    language: str
    frames: dict[int, RecordedFrame] = field(default_factory=dict)
    run: str | None = None
    seconds: float = field(default_factory=time.monotonic)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bytes(self) -> int:
        """What the frames take."""
        return sum(len(frame.content) for frame in list(self.frames.values()))

    def record(self, class_number: object, recording: object, sent: object) -> int:
        """Keep a frame; gives its number.

        Raises:
            AppError: it is no frame, or there are too many.
        """
        class_number, recording = _number(class_number), _number(recording)
        content = content_of(sent)
        self._check_room(class_number, len(content))
        pixels = fit(decoded(content), self.extractor.spec, "crop")
        import torch

        features = self.extractor.features(torch.from_numpy(pixels[None]))[0]
        hashed, _ = content_hashes(io.BytesIO(content))
        with self._lock:
            self._check_room(class_number, len(content))
            number = next(self._numbers)
            self.frames[number] = RecordedFrame(class_number, recording, content, hashed, features)
        return number

    def _check_room(self, class_number: int, size: int) -> None:
        of_class = [frame for frame in self.frames.values() if frame.class_number == class_number]
        if not of_class and len({frame.class_number for frame in self.frames.values()}) >= MOST_CLASSES:
            raise AppError("webcam.problem.classes", most=MOST_CLASSES)
        if len(of_class) >= MOST_FRAMES:
            raise AppError("webcam.problem.frames", most=MOST_FRAMES)
        if self.bytes + size > MOST_BYTES:
            raise AppError("webcam.problem.bytes", megabytes=MOST_BYTES // MEGABYTE)

    def forget(self, numbers: object) -> None:
        """Keep these frames no longer.

        Raises:
            AppError: these are no numbers.
        """
        if not isinstance(numbers, list) or len(numbers) > MOST_CLASSES * MOST_FRAMES:
            raise AppError("file_access.problem.payload")
        with self._lock:
            for number in numbers:
                self.frames.pop(number if type(number) is int else 0, None)

    def photos(self, names: object) -> dict[str, RecordedFrame]:
        """The frames as files of a data set, by name: `train/cat/01-0003.jpg`; those between two splits are left out.

        Args:
            names: the name of each class by its number, as the page sends them.

        Raises:
            AppError: there are too few classes, or too few frames of one, or two have the same name.
        """
        classes: dict[int, list[tuple[int, RecordedFrame]]] = {}
        for number, frame in sorted(self.frames.items()):
            classes.setdefault(frame.class_number, []).append((number, frame))
        if len(classes) < FEWEST_CLASSES:
            raise AppError("webcam.problem.one_class", fewest=FEWEST_FRAMES)
        folders = _folders(classes, names)
        files = {}
        for class_number, recorded in sorted(classes.items()):
            folder = folders[class_number]
            if len(recorded) < FEWEST_FRAMES:
                raise AppError("webcam.problem.few", name=folder, count=len(recorded), fewest=FEWEST_FRAMES)
            splits = split_recordings([frame.recording for _, frame in recorded])
            for (number, frame), split in zip(recorded, splits, strict=True):
                if split is not None:
                    files[f"{split}/{folder}/{frame.recording:02}-{number:04}.jpg"] = frame
        return files


def _number(value: object) -> int:
    """A number of a class or a recording, as the page sent it."""
    if type(value) is not int or not 0 < value <= MOST_NUMBER:
        raise AppError("file_access.problem.payload")
    return value


def _folders(classes: Collection[int], names: object) -> Mapping[int, str]:
    """The folder of each class, made from its name."""
    if not isinstance(names, dict):
        raise AppError("file_access.problem.payload")
    folders: dict[int, str] = {}
    for number in classes:
        name = str(names.get(str(number), ""))[:MOST_LETTERS]
        folder = one_part(name)
        if not folder:
            raise AppError("webcam.problem.no_name")
        if folder.casefold() in {other.casefold() for other in folders.values()}:
            raise AppError("webcam.problem.same_name", name=folder)
        folders[number] = folder
    return folders


class Recorders(OpenCameras[Recorder]):
    """All visitors' recorded frames, by tickets, and what is made of a frame that comes."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._extractors: dict[str, FeatureExtractor] = {}

    def extractor(self, model: str) -> FeatureExtractor:
        """What makes the features of frames, of the model of this name; the newest is kept.

        Raises:
            AppError: as `Services.classifier`.
        """
        from resnet_demo.training.frozen_backbone import FeatureExtractor
        from resnet_demo.training.plan import trained_spec

        found = self._extractors.get(model)
        if found is None:
            classifier = self._services.classifier(model)
            spec = trained_spec(classifier.model.spec, classifier.model.spec.crop_size, classifier.model.spec.crop_mode)
            found = FeatureExtractor(classifier.model.network, spec, classifier.device)
            self._extractors = {model: found}
        return found

    async def record(self, ticket: str, recorder: Recorder, task: Mapping[str, object], sent: object) -> int | None:
        """Keep a frame of a class; its number, or None if it is dropped and has to be sent again.

        Raises:
            AppError: as `Recorder.record`.
        """
        recorder.seconds = time.monotonic()
        found = await self.in_turn(ticket, partial(recorder.record, task.get("class"), task.get("recording"), sent))
        self._keep_within_limits()
        return found

    async def classify(self, ticket: str, recorder: Recorder, sent: object) -> list[float] | None:
        """The probability of each class of the model that was trained last; None if the frame is dropped.

        Raises:
            AppError: it is no frame, or the model is gone.
        """
        recorder.seconds = time.monotonic()
        return await self.in_turn(ticket, partial(self._classify, recorder, sent))

    def _classify(self, recorder: Recorder, sent: object) -> list[float]:
        import torch

        if recorder.run is None:
            raise AppError("webcam.problem.untrained")
        picture = decoded(content_of(sent))
        with visited_by(recorder.visitor):
            classifier = self._services.classifier(recorder.run)
        [[prepared]] = classifier.batches([picture])
        assert not isinstance(prepared, Problem)  # it is decoded already
        with torch.inference_mode():
            logits = classifier.engines.folded()(classifier.normalised([prepared]))
            found: list[float] = classifier.model.calibrated(logits[0]).softmax(dim=0).tolist()
        return found

    def forget_unused(self, seconds: float) -> None:
        """Forget what nobody has used for so long."""
        for ticket, recorder in list(self._on.items()):
            if time.monotonic() - recorder.seconds > seconds:
                self.forget(ticket)

    def _keep_within_limits(self) -> None:
        self.forget_unused(self._services.settings.keep_seconds)
        by_use = sorted(self._on.items(), key=lambda item: item[1].seconds)
        total = sum(recorder.bytes for _, recorder in by_use)
        for ticket, recorder in by_use:
            if total <= MOST_BYTES_OF_ALL:
                return
            total -= recorder.bytes
            self.forget(ticket)
