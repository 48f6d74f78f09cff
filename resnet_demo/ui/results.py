"""One visitor's classified photos: what the table, the gallery and the download show of them."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gradio.utils import get_upload_folder
from PIL import Image

from resnet_demo import tables
from resnet_demo.data import images
from resnet_demo.data.display import SHOWN_SIDE, thumbnail, with_seen_box
from resnet_demo.data.images import Problem
from resnet_demo.data.staging import refusals
from resnet_demo.ui.drop import ReceivedPhoto

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction
    from resnet_demo.models.model import Model

THUMBNAIL_SIDE = 160
GALLERY_MOST = 200
"""Thumbnails in the gallery; the table and the download always hold every photo."""


def new_folder() -> Path:
    """A folder among the uploads: Gradio serves what is in it, and it goes with them when the app ends.

    Raises:
        AppError: the disk is full, or cannot be written to.
    """
    # Not mkdtemp: Gradio serves these to whoever knows the name, and its names can be foretold from enough others.
    folder = Path(get_upload_folder(), secrets.token_hex(16))
    with refusals(folder.parent):
        folder.mkdir(mode=0o700, parents=True)
    return folder


@dataclass(frozen=True)
class Row:
    """One photo, and what was said of it under the name that its owner knows it by."""

    photo: ReceivedPhoto
    prediction: Prediction


@dataclass
class Results:
    """The photos of one drop, in their order, with a temporary folder for thumbnails and the table.

    `photos` is how many there will be, `top` how many classes of `model` each is given, `seconds` how long it took;
    pictures of more than `max_pixels` are not opened.
    """

    photos: int
    top: int
    model: Model
    max_pixels: int
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)
    gallery: list[tuple[str, str]] = field(default_factory=list)
    gallery_rows: list[int] = field(default_factory=list)
    folder: Path = field(default_factory=new_folder)
    _thumbnails: dict[Path, str | None] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every photo has been answered."""
        return len(self.rows) == self.photos

    def add(self, photo: ReceivedPhoto, prediction: Prediction) -> None:
        """Take in the next photo."""
        number = len(self.rows)
        self.rows.append(Row(photo, dataclasses.replace(prediction, file=photo.name)))
        if photo.path is None or prediction.problem or len(self.gallery) == GALLERY_MOST or self.photos == 1:
            return
        if photo.path not in self._thumbnails:
            self._thumbnails[photo.path] = self._thumbnail(photo.path, self.folder / f"{number}.jpg")
        file = self._thumbnails[photo.path]
        if file is not None:
            best = prediction.guesses[0]
            self.gallery.append((file, f"{best.label} {100 * best.probability:.0f}\u00a0%"))
            self.gallery_rows.append(number)

    def _thumbnail(self, photo: Path, file: Path) -> str | None:
        """Where a small picture of a photo lies, if it can be read and the disk has room for it."""
        with images.opened(photo, needed=THUMBNAIL_SIDE, max_pixels=self.max_pixels) as found:
            if isinstance(found, Problem):
                return None
            small = thumbnail(found.image, THUMBNAIL_SIDE)
        try:
            small.save(file, quality=85)
        except OSError:  # the disk is full, say: the answer stands in the table
            file.unlink(missing_ok=True)
            return None
        return str(file)

    def cut(self, seconds: float) -> None:
        """Be complete with the photos that there are; it took so long."""
        self.photos, self.seconds = len(self.rows), seconds

    def named(self) -> Iterator[tuple[int, Row]]:
        """Rows that the network answered, with their numbers."""
        return ((number, row) for number, row in enumerate(self.rows) if not row.prediction.problem)

    def table(self) -> list[list[str | int | float]]:
        """Number from 1, file, best class and its probability in percent, the runner-up and its."""
        return [
            [number + 1, row.photo.name, *(cell for guess in _two(row) for cell in guess)]
            for number, row in self.named()
        ]

    def problems(self, language: str) -> list[list[str]]:
        """File and sentence of each photo that could not be read."""
        return [[row.photo.name, row.prediction.problem.say(language)] for row in self.rows if row.prediction.problem]

    def picture(self, number: int) -> Image.Image | None:
        """The photo of the row `number` with the box that the network saw; None where it has been cleared away."""
        row = self.rows[number]
        if row.photo.path is None or row.prediction.size is None or row.prediction.seen is None:
            return None
        with images.opened(row.photo.path, needed=SHOWN_SIDE, max_pixels=self.max_pixels) as found:
            return None if isinstance(found, Problem) else with_seen_box(found.image, found.size, row.prediction.seen)

    def write_csv(self, language: str) -> Path:
        """All rows as a CSV file, the same as the command line's.

        Raises:
            AppError: the disk is full.
        """
        path = self.folder / "photos.csv"
        with refusals(self.folder), path.open("w", newline="", encoding=tables.CSV_ENCODING) as file:
            table = tables.CsvTable(file, self.top, language)
            for row in self.rows:
                table.write(row.prediction)
        return path

    def discard(self) -> None:
        """Delete the temporary folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _two(row: Row) -> list[tuple[str, float]]:
    best = [(guess.label, round(100 * guess.probability, 1)) for guess in row.prediction.guesses[:2]]
    return best if len(best) == 2 else [*best, ("", 0.0)]
