"""Temporary files of one visitor's results: pictures and the table to download, in a folder that the page serves."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress

from PIL import Image

from resnet_demo.data.dataset_storage import disk_errors
from resnet_demo.ui.security.served_files import new_served_folder

THUMBNAIL_QUALITY, PHOTO_QUALITY = 85, 95


class ResultFiles:
    """The folder, made at once: it goes when its last holder discards it, or with the uploads when the app ends.

    Raises:
        AppError: the disk is full, or cannot be written to.
    """

    def __init__(self) -> None:
        self.folder = new_served_folder()
        self._holders = 1
        self._lock = threading.Lock()

    def hold(self) -> bool:
        """One more keeps the files and will `discard` them; False where they are gone already."""
        with self._lock:
            if not self._holders:
                return False
            self._holders += 1
            return True

    def save_thumbnail(self, image: Image.Image, number: int) -> bool:
        """Save a small picture; False where the disk is full, say: its prediction stands in the table all the same."""
        path = self.folder / f"{number}.jpg"
        try:
            image.save(path, quality=THUMBNAIL_QUALITY)
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return False
        return True

    def save_photo(self, image: Image.Image, name: str) -> str:
        """Where the picture of a photo shown by itself lies.

        Raises:
            AppError: the disk is full.
        """
        path = self.folder / f"{name}.jpg"
        with disk_errors(self.folder):
            image.save(path, quality=PHOTO_QUALITY)
        return str(path)

    def discard(self) -> None:
        """One holder wants them no longer; the last one's word deletes all of it."""
        with self._lock:
            self._holders = max(0, self._holders - 1)
            if self._holders:
                return
        shutil.rmtree(self.folder, ignore_errors=True)
