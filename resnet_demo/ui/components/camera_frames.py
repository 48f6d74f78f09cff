"""Frames of visitors' cameras: checked and decoded, tickets for cameras that are on, and whose frame comes next."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from PIL import Image

from resnet_demo.data.jpeg_scans import in_several_scans
from resnet_demo.texts import AppError

PREFIX = "data:image/jpeg;base64,"
MOST_LETTERS = 400_000
"""Of a frame as it is sent: 300 kB, ten times what one of the usual size has."""
MOST_PIXELS = 1024 * 1024
"""Of a frame; no network sees more than 1,024 pixels a side."""
MOST_WAITING = 8
"""Cameras whose frames wait for each other; those of any more are dropped."""
MOST_CAMERAS = 256
"""The one that was opened first is forgotten, and has to be opened again."""
LEAST_SIDE = 256
"""Pixels a side of a frame that is sent, also to networks that see fewer: those are made here, as in training."""

Kept = TypeVar("Kept")
Result = TypeVar("Result")


def content_of(sent: object) -> bytes:
    """The JPEG file in what a browser sent as a frame, not looked into yet.

    Args:
        sent: a JPEG as a `data:` address; whatever else may come.

    Raises:
        AppError: it is no such address, or too long.
    """
    if not isinstance(sent, str) or len(sent) > MOST_LETTERS or not sent.startswith(PREFIX):
        raise AppError("camera.problem.frame")
    try:
        return base64.b64decode(sent.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise AppError("camera.problem.frame") from error


def decoded(content: bytes) -> Image.Image:
    """The picture of a frame, RGB.

    Raises:
        AppError: it is no JPEG as browsers write them, or too large.
    """
    try:
        picture = Image.open(io.BytesIO(content), formats=("JPEG",))
        if picture.width * picture.height > MOST_PIXELS or in_several_scans(picture):  # a browser writes one
            raise AppError("camera.problem.frame")
        return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AppError("camera.problem.frame") from error


def frame(sent: object) -> Image.Image:
    """The picture behind what a browser sent as a frame, decoded in memory.

    Raises:
        AppError: as `content_of` and `decoded`.
    """
    return decoded(content_of(sent))


class OpenCameras(Generic[Kept]):
    """What is kept of each camera that is on, by its ticket, which nobody can guess.

    Their frames are looked at one at a time, in the order in which they came. A camera has one frame under way, and
    only a few wait: any other is dropped, since the next will be newer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: OrderedDict[str, Kept] = OrderedDict()
        self._under_way: set[str] = set()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="camera")

    def open(self, camera: Kept) -> str:
        """Its ticket."""
        ticket = secrets.token_urlsafe(16)
        with self._lock:
            self._on[ticket] = camera
            while len(self._on) > MOST_CAMERAS:
                self._on.popitem(last=False)
        return ticket

    def find(self, ticket: object) -> Kept | None:
        """The one with this ticket, if it is on."""
        return self._on.get(ticket) if isinstance(ticket, str) else None

    def forget(self, ticket: object) -> None:
        """Take no more frames for this ticket."""
        if isinstance(ticket, str):
            with self._lock:
                self._on.pop(ticket, None)

    async def in_turn(self, ticket: str, work: Callable[[], Result]) -> Result | None:
        """What `work` makes of a camera's frame once it is its turn; None, at once, if the frame is dropped."""
        if ticket in self._under_way or len(self._under_way) >= MOST_WAITING:
            return None
        self._under_way.add(ticket)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._under_way.remove(ticket)
