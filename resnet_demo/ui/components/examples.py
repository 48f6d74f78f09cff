"""Example photos to click on, those that suit the chosen model: flowers, test photos of its own, or everyday things."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from resnet_demo.data import images
from resnet_demo.data.display import thumbnail
from resnet_demo.data.images import Problem
from resnet_demo.models.class_names import class_names
from resnet_demo.settings import ASSETS
from resnet_demo.texts import AppError
from resnet_demo.training.run import Run
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.events import Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

MOST = 4
THUMBNAIL_SIDE = 256

FLOWERS = tuple(ASSETS / "examples" / f"{name}.jpg" for name in ("daisy", "tulip", "sunflower", "rose"))
"""Their origins are in the README beside them; the first is a photo, the others are drawn."""

# They come with the installed gradio, so that none has to be shipped here.
OBJECTS = tuple(
    path
    for name in ("cheetah1.jpg", "lion.jpg", "tower.jpg", "bus.png")
    if (path := Path(gr.__file__).parent / "media_assets" / "images" / name).is_file()
)


@dataclass(frozen=True)
class ExampleSet:
    """Up to `MOST` photos for a model, the text that says what they are, and of its own photos the classes."""

    photos: tuple[Path, ...]
    caption: str
    classes: tuple[str, ...] = ()


class Examples:
    """A row of examples that follows the choice of a model, with a word on where they come from."""

    def __init__(
        self, translations: Translations, services: Services, events: Events, model: Any, elem_id: str
    ) -> None:
        self._services = services
        first = self._suiting(model.value)
        self.caption = translations.create_initial(
            gr.HTML, {"value": lambda: _caption(first)}, elem_classes="caption", elem_id=f"{elem_id}-caption"
        )
        self.gallery = translations.create(
            gr.Gallery,
            {"label": "examples.label"},
            value=_named(first, services),
            columns=MOST,
            show_label=False,
            container=False,
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id=elem_id,
            elem_classes="examples",
        )
        translations.set_initial(self.gallery, {"value": lambda: _named(first, services)})
        # Unread, since the choice may be one that is not in the list any more.
        follow = events.handler(
            self.follow,
            model,
            [self.gallery, self.caption],
            preprocess=False,
            show_progress="hidden",
            queue=False,
            api_visibility="private",
        )
        gr.on([model.change, translations.selector.change], **follow)

    def follow(self, model: object) -> dict[Any, Any]:
        """The examples for this model."""
        found = self._suiting(model)
        return {
            self.gallery: gr.update(value=_named(found, self._services)),
            self.caption: _caption(found),
        }

    def chosen(self, model: object, event: gr.SelectData) -> ReceivedPhoto:
        """The example that was clicked.

        Raises:
            AppError: it is not there any more.
        """
        return self.photo(model, event.index)

    def photo(self, model: object, place: object) -> ReceivedPhoto:
        """The example at this place, from 0.

        Raises:
            AppError: there is none, or it is not there any more.
        """
        photos = self._suiting(model).photos
        if not isinstance(place, int) or not 0 <= place < len(photos) or not photos[place].is_file():
            raise AppError("examples.gone")
        return ReceivedPhoto(photos[place].name, photos[place])

    def _suiting(self, model: object) -> ExampleSet:
        entry = next((entry for entry in self._services.models() if entry.name == model), None)
        if entry is not None and entry.kind == "own":
            photos = _test_photos(self._services.runs.find(entry.name))
            if photos:
                return ExampleSet(tuple(photos.values()), "examples.own", tuple(photos))
        if entry is not None and entry.kind == "published":
            return ExampleSet(OBJECTS, "examples.objects")
        return ExampleSet(FLOWERS, "examples.flowers")


def _test_photos(run: Run) -> dict[str, Path]:
    """By class, a test photo of each of its first ones, which it has not learned from; none where they are gone."""
    predictions = run.artefacts.test_predictions()
    if predictions is None:
        return {}
    first: dict[int, Path] = {}
    for file, label in zip(predictions.files, predictions.labels, strict=True):
        if len(first) < MOST and int(label) not in first:
            first[int(label)] = Path(run.config.data) / file
    names = class_names(predictions.classes, current_language())
    return {names.full(predictions.classes[label]): path for label, path in first.items() if path.is_file()}


def _named(examples: ExampleSet, services: Services) -> list[tuple[Image.Image, str]]:
    """The photos as the gallery takes them, each with its name for those who do not see it."""
    if examples.classes:
        names = [say("examples.own.one", name=name) for name in examples.classes]
    else:
        names = [say(f"examples.name.{path.stem}") for path in examples.photos]
    return [(_small(path, services), name) for path, name in zip(examples.photos, names, strict=True)]


def _small(path: Path, services: Services) -> Image.Image:
    """A thumbnail; grey where there is none to be made. No path: Gradio serves none from where the app is installed."""
    with images.opened(path, needed=THUMBNAIL_SIDE, max_pixels=services.settings.max_pixels) as found:
        if isinstance(found, Problem):
            return Image.new("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), "grey")
        return thumbnail(found.image, THUMBNAIL_SIDE)


def _caption(examples: ExampleSet) -> str:
    return escape(say(examples.caption))
