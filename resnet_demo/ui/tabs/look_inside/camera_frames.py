"""Cameras that are on in Look inside: the model that each one's frames are shown to, and what is made of a frame."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from resnet_demo.ui.components.camera_frames import OpenCameras, frame
from resnet_demo.ui.services import Services
from resnet_demo.ui.visitor_context import Visitor, visited_by

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.explain.camera_frame import FrameExplanation

REMEMBERED_SECONDS = 1.0
"""How long a frame counts among those before the next."""


@dataclass(eq=False)
class Camera:
    """One that is on: whose it is, and the model that its frames are shown to, with its classes.

    `target_class` is the number of the class to explain, None for each frame's best. `memory` is of the frame
    before, which was seen at `seconds` of the monotonic clock.
    """

    visitor: Visitor
    model: str
    labels: tuple[str, ...]
    language: str
    target_class: int | None = None
    memory: Tensor | None = None
    seconds: float = 0.0

    def set_target_class(self, target_class: object) -> None:
        """Explain the class of this number; if there is none, each frame's best."""
        self.target_class = target_class if type(target_class) is int and 0 <= target_class < len(self.labels) else None


class Cameras(OpenCameras[Camera]):
    """All that are on."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    async def process_frame(self, ticket: str, camera: Camera, sent: object) -> FrameExplanation | None:
        """What the frame of a camera shows that is on by this ticket; None, at once, if the frame is dropped.

        Raises:
            AppError: it is no frame, or the model is gone.
        """
        return await self.in_turn(ticket, partial(self._process, camera, sent))

    def _process(self, camera: Camera, sent: object) -> FrameExplanation:
        from resnet_demo.explain.camera_frame import explain_frame

        picture = frame(sent)
        with visited_by(camera.visitor):
            classifier = self._services.classifier(camera.model)
        same = tuple(classifier.model.labels) == camera.labels  # a better model may have taken its place meanwhile
        fresh = same and time.monotonic() - camera.seconds < REMEMBERED_SECONDS
        found = explain_frame(
            classifier, picture, camera.target_class if same else None, camera.memory if fresh else None
        )
        camera.memory, camera.seconds = found.probabilities, time.monotonic()
        return found
