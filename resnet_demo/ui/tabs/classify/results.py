"""One visitor's classified photos: what the list, the photo shown by itself and the download show of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from resnet_demo import tables
from resnet_demo.data import images
from resnet_demo.data.dataset_storage import disk_errors
from resnet_demo.data.display import SHOWN_SIDE, thumbnail, with_seen_box
from resnet_demo.data.images import Problem
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.tabs.classify.result_files import ResultFiles
from resnet_demo.ui.visitor_context import current_language

if TYPE_CHECKING:
    from resnet_demo.data.preprocessing import CropMode
    from resnet_demo.inference import Prediction
    from resnet_demo.models.model import Model

THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class Row:
    """One photo and its prediction, under the name that its owner knows it by."""

    photo: ReceivedPhoto
    prediction: Prediction


@dataclass
class Results:
    """The photos of one drop, in their order.

    `photos` is how many there will be, `top` how many classes of `model` each is given in the `view`, `seconds` how
    long it took; pictures of more than `max_pixels` are not opened. `compared` has the predictions of other models for
    the same photos, by the models' names. `asked` is how many photos there were where a visitor has stopped before
    all were answered. `replaced_files` are those of the results that these took the place of.
    """

    photos: int
    top: int
    model: Model
    max_pixels: int
    view: CropMode = "crop"
    seconds: float = 0.0
    asked: int | None = None
    rows: list[Row] = field(default_factory=list)
    compared: dict[str, list[Prediction]] = field(default_factory=dict)
    files: ResultFiles = field(default_factory=ResultFiles)
    replaced_files: ResultFiles | None = None
    _thumbnails: dict[Path, int] = field(default_factory=dict)
    _photos: dict[Path, str] = field(default_factory=dict)
    _heat_maps: dict[Path, str] = field(default_factory=dict)
    _requests: Iterator[int] = field(default_factory=itertools.count)
    _newest: int = 0

    @property
    def complete(self) -> bool:
        """Whether every photo has been answered."""
        return len(self.rows) == self.photos

    def are_of(self, photos: Sequence[ReceivedPhoto], model: str, view: CropMode) -> bool:
        """Whether these are the complete answers of this model for these photos."""
        asked = (model, view, len(photos))
        if self.asked is not None or not self.complete or (self.model.name, self.view, self.photos) != asked:
            return False
        return all(row.photo == photo for row, photo in zip(self.rows, photos, strict=True))

    def add(self, photo: ReceivedPhoto, prediction: Prediction) -> None:
        """Take in the next photo; the first one's preview is shown by itself, all as thumbnails."""
        number, preview = len(self.rows), prediction.preview
        self.rows.append(Row(photo, dataclasses.replace(prediction, file=photo.name, preview=None)))
        if preview is None or photo.path is None:
            return
        if number == 0:
            self._save_photo(number, preview)
        if self.files.save_thumbnail(thumbnail(preview, THUMBNAIL_SIDE), number):
            self._thumbnails[photo.path] = number

    def replace_last(self, last: Results) -> None:
        """Take the place of the last results on the page; their files stay until the next ones come.

        A browser may still be loading them.
        """
        if last.replaced_files is not None:
            last.replaced_files.discard()
        self.replaced_files = last.files

    def discard(self) -> None:
        """One holder of the results wants them no longer: all files go with the last one."""
        self.files.discard()
        if self.replaced_files is not None:
            self.replaced_files.discard()
            self.replaced_files = None

    def truncate(self, seconds: float) -> None:
        """Make the results complete with the photos so far; it took so many seconds."""
        if not self.complete:
            self.asked = self.photos
        self.photos, self.seconds = len(self.rows), seconds

    def named(self) -> Iterator[tuple[int, Row]]:
        """Rows that the network answered, with their numbers."""
        return ((number, row) for number, row in enumerate(self.rows) if not row.prediction.problem)

    @property
    def names(self) -> ClassNames:
        """The names of the model's classes in the current language."""
        return class_names(self.model.labels, current_language())

    def counts(self) -> Counter[str]:
        """How many photos have each class as their best, by the label of the class."""
        return Counter(row.prediction.guesses[0].label for _, row in self.named())

    def thumbnail_of(self, number: int) -> int | None:
        """The number in the name of the row's thumbnail; None where it has none."""
        path = self.rows[number].photo.path
        return None if path is None else self._thumbnails.get(path)

    def problems(self) -> list[tuple[str, str]]:
        """File and sentence of each photo that could not be read."""
        return [
            (row.photo.name, row.prediction.problem.say(current_language()))
            for row in self.rows
            if row.prediction.problem
        ]

    def request_picture(self) -> Callable[[], bool]:
        """To be called when the page asks for a picture; says later whether nothing was asked for since."""
        request = self._newest = next(self._requests)
        return lambda: request == self._newest

    def picture(self, number: int) -> str | None:
        """A picture of the row `number` with the box that the network saw; None where it has been cleared away.

        Raises:
            AppError: the disk is full.
        """
        path = self.rows[number].photo.path
        if path is None or self.rows[number].prediction.problem:
            return None
        if path not in self._photos:
            photo = self.open(number)
            if photo is None:
                return None
            self._save_photo(number, photo)
        return self._photos[path]

    def open(self, number: int) -> Image.Image | None:
        """The upright photo of a row, as large as it is shown; None where it has been cleared away."""
        path = self.rows[number].photo.path
        if path is None:
            return None
        with images.opened(path, needed=SHOWN_SIDE // 2, max_pixels=self.max_pixels) as found:
            return None if isinstance(found, Problem) else thumbnail(found.image, SHOWN_SIDE)

    def _save_photo(self, number: int, preview: Image.Image) -> None:
        row = self.rows[number]
        if row.photo.path is not None and row.prediction.size is not None and row.prediction.seen is not None:
            boxed = with_seen_box(preview, row.prediction.size, row.prediction.seen)
            self._photos[row.photo.path] = self.files.save_photo(boxed, f"photo-{number}")

    def heat_map(self, number: int) -> str | None:
        """The file of the photo with its saliency map, where there is one by now."""
        path = self.rows[number].photo.path
        return None if path is None else self._heat_maps.get(path)

    def save_heat_map(self, number: int, picture: Image.Image) -> str:
        """Keep the photo of a row with its saliency map; returns the file.

        Raises:
            AppError: the disk is full.
        """
        path = self.rows[number].photo.path
        saved = self.files.save_photo(picture, f"heat-{number}")
        if path is not None:
            self._heat_maps[path] = saved
        return saved

    def write_csv(self) -> Path:
        """All rows as a CSV file, the same as the command line's, those of compared models behind the first one's.

        Raises:
            AppError: the disk is full.
        """
        path = self.files.folder / "photos.csv"
        models = [self.model.name, *self.compared]
        answers = [[row.prediction for row in self.rows], *self.compared.values()]
        with disk_errors(self.files.folder), path.open("w", newline="", encoding=tables.CSV_ENCODING) as file:
            table = tables.CsvTable(file, self.top, current_language(), several_models=len(models) > 1)
            for model, predictions in zip(models, answers, strict=True):
                for prediction in predictions:
                    table.write(prediction, model)
        return path
