"""Visitors' cameras: what a browser may send as a frame, which model each is shown to, and whose turn it is."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import secrets
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from resnet_demo.data.jpeg_scans import in_several_scans
from resnet_demo.texts import AppError
from resnet_demo.ui.services import Services

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.explain.live import Glance

PREFIX = "data:image/jpeg;base64,"
MOST_LETTERS = 400_000
"""Of a frame as it is sent: 300 kB, ten times what one of the usual size has."""
MOST_PIXELS = 1024 * 1024
"""Of a frame; no network sees more than 1,024 pixels a side."""
MOST_WAITING = 8
"""Cameras whose frames wait for each other; those of any more are dropped."""
MOST_CAMERAS = 256
"""The one that was opened first is forgotten, and has to be opened again."""
REMEMBERED_SECONDS = 1.0
"""How long a frame counts among those before the next."""


def frame(sent: object) -> Image.Image:
    """The picture behind what a browser sent as a frame, decoded in memory.

    Args:
        sent: a JPEG as a `data:` address; whatever else may come.

    Raises:
        AppError: it is none, or too large.
    """
    if not isinstance(sent, str) or len(sent) > MOST_LETTERS or not sent.startswith(PREFIX):
        raise AppError("live.problem.frame")
    try:
        content = base64.b64decode(sent.removeprefix(PREFIX), validate=True)
        picture = Image.open(io.BytesIO(content), formats=("JPEG",))
        if picture.width * picture.height > MOST_PIXELS or in_several_scans(picture):  # a browser writes one
            raise AppError("live.problem.frame")
        return picture.convert("RGB")
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AppError("live.problem.frame") from error


@dataclass(eq=False)
class Camera:
    """One that is on: whose it is, and the model that its frames are shown to, with its classes.

    `wanted` is the number of the class that is asked about, None for each frame's best. `memory` is of the frame
    before, which was seen at `seconds` of the monotonic clock.
    """

    visitor: object
    model: str
    labels: tuple[str, ...]
    language: str
    wanted: int | None = None
    memory: Tensor | None = None
    seconds: float = 0.0

    def ask(self, wanted: object) -> None:
        """About the class of this number; if there is none, about each frame's best."""
        self.wanted = wanted if type(wanted) is int and 0 <= wanted < len(self.labels) else None


class Cameras:
    """All that are on, by their tickets, which nobody can guess.

    Their frames are looked at one at a time, in the order in which they came. A camera has one frame under way, and
    only a few wait: any other is dropped, since the next will be newer.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._on: OrderedDict[str, Camera] = OrderedDict()
        self._under_way: set[str] = set()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")

    def open(self, camera: Camera) -> str:
        """Its ticket."""
        ticket = secrets.token_urlsafe(16)
        with self._lock:
            self._on[ticket] = camera
            while len(self._on) > MOST_CAMERAS:
                self._on.popitem(last=False)
        return ticket

    def find(self, ticket: object) -> Camera | None:
        """The one with this ticket, if it is on."""
        return self._on.get(ticket) if isinstance(ticket, str) else None

    def forget(self, ticket: object) -> None:
        """Take no more frames for this ticket."""
        if isinstance(ticket, str):
            with self._lock:
                self._on.pop(ticket, None)

    async def look(self, ticket: str, camera: Camera, sent: object) -> Glance | None:
        """What the frame of a camera shows that is on by this ticket; None, at once, if the frame is dropped.

        Raises:
            AppError: it is no frame, or the model is gone.
        """
        if ticket in self._under_way or len(self._under_way) >= MOST_WAITING:
            return None
        self._under_way.add(ticket)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._look, camera, sent)
        finally:
            self._under_way.remove(ticket)

    def _look(self, camera: Camera, sent: object) -> Glance:
        from resnet_demo.explain.live import glance

        picture = frame(sent)
        classifier = self._services.classifier(camera.model, None, camera.visitor)
        same = tuple(classifier.model.labels) == camera.labels  # a better model may have taken its place meanwhile
        fresh = same and time.monotonic() - camera.seconds < REMEMBERED_SECONDS
        found = glance(classifier, picture, camera.wanted if same else None, camera.memory if fresh else None)
        camera.memory, camera.seconds = found.memory, time.monotonic()
        return found
