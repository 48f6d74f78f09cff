"""Class boxes: photos are sorted by hand into one box for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.components.drop_zone import ReceivedPhoto, received, sending_texts
from resnet_demo.ui.components.inline_images import small_uri
from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import say

MOST_BOXES = 100
MOST_LETTERS = 100
PICTURES_SHOWN = 60
"""Of one box, the newest: 2 kB each, sent with every change."""
PICTURE_SIDE = 64
SENTENCES = (
    *("title", "name", "count", "choose", "webcam", "hold", "close", "remove", "add", "use", "photos", "take_out"),
    *("more", "recording"),
)
CAMERA_SENTENCES = ("ask", "insecure", "refused", "none", "taken", "gone")


@dataclass(frozen=True)
class Picture:
    """A small picture of the photo that has this number in its box."""

    number: int
    uri: str


@dataclass(frozen=True)
class Box:
    """A class and its photos by number; `number` tells it from others as long as the page is open.

    `given` is how many photos it was ever given, `pictures` are those of the newest, the newest first.
    """

    number: int
    name: str = ""
    photos: Mapping[int, ReceivedPhoto] = field(default_factory=dict)
    given: int = 0
    pictures: tuple[Picture, ...] = ()

    def for_page(self) -> dict[str, Any]:
        """The properties that the page is sent."""
        pictures = [asdict(picture) for picture in self.pictures]
        return {"number": self.number, "name": self.name, "count": len(self.photos), "pictures": pictures}

    def files(self) -> list[tuple[str, Path]]:
        """The name of each photo that was sent, without its folders, and where it lies."""
        return [(photo.name.rpartition("/")[2], photo.path) for photo in self.photos.values() if photo.path]


FIRST = (Box(1), Box(2))


def boxes_input(translations: Translations, settings: Settings, **options: Any) -> Any:
    """The boxes: `input` comes with an action for `apply_action`, and so does `submit`, once they are to be used."""
    return translations.create(
        gr.HTML,
        # All that the script reads is translated: an update before the page is shown replaces what it was made with.
        {
            "texts": lambda: _texts(settings),
            "first": lambda: [box.for_page() for box in FIRST],
            "max_bytes": lambda: settings.max_upload_bytes,
            "max_photos": lambda: settings.max_photos,
            "archives": list,
        },
        value=None,
        html_template=static("class_boxes.html"),
        css_template=static("button.css", "strip.css", "class_card.css", "class_boxes.css"),
        js_on_load=static("send.js", "capture.js", "strip.js", "class_boxes.js"),
        apply_default_css=False,
        **options,
    )


def apply_action(boxes: Sequence[Box], action: object, settings: Settings) -> tuple[Box, ...]:
    """The boxes after an action that the page sent; the page may be anybody.

    Args:
        act: `{"act": ..., "names": {"1": "cats"}, "box": 1, "photos": [...]}`, where the act is name, use, add, remove,
            fill or take_out. The names come with each, `box` with the last three, `photos`, as in `drop.received`, with
            fill, and with take_out `photo`, the number of a photo in the box.

    Raises:
        AppError: not of this shape, too many boxes or photos, or a file that was not uploaded here.
    """
    boxes = _named(boxes, action)
    match action:
        case {"act": "name" | "use"}:
            return boxes
        case {"act": "add"}:
            if len(boxes) >= MOST_BOXES:
                raise AppError("boxes.problem.too_many", most=MOST_BOXES)
            return (*boxes, Box(max((box.number for box in boxes), default=0) + 1))
        case {"act": "remove", "box": number}:
            return tuple(box for box in boxes if box.number != number)
        case {"act": "fill", "box": number, "photos": payload}:
            photos = received(payload, settings)
            given = sum(len(box.photos) for box in boxes) + len(photos)
            if given > settings.max_dataset_photos:
                raise AppError("boxes.problem.photos", most=settings.max_dataset_photos)
            return tuple(_filled(box, photos, settings) if box.number == number else box for box in boxes)
        case {"act": "take_out", "box": number, "photo": photo}:
            return tuple(_without(box, photo) if box.number == number else box for box in boxes)
    raise AppError("file_access.problem.payload")


def _named(boxes: Sequence[Box], action: object) -> tuple[Box, ...]:
    names = action.get("names") if isinstance(action, dict) else None
    if not isinstance(names, dict):
        raise AppError("file_access.problem.payload")
    names_by_number = {box.number: names.get(str(box.number), box.name) for box in boxes}
    return tuple(replace(box, name=str(names_by_number[box.number])[:MOST_LETTERS].strip()) for box in boxes)


def _filled(box: Box, photos: Sequence[ReceivedPhoto], settings: Settings) -> Box:
    numbered = dict(enumerate(photos, box.given + 1))
    pictures = []
    for number, photo in list(numbered.items())[-PICTURES_SHOWN:]:  # at most so many are opened, however many were sent
        uri = photo.path and small_uri(photo.path, PICTURE_SIDE, settings.max_pixels)
        pictures += [Picture(number, uri)] if uri else []
    newest = (*reversed(pictures), *box.pictures)[:PICTURES_SHOWN]
    return replace(box, photos={**box.photos, **numbered}, given=box.given + len(photos), pictures=newest)


def _without(box: Box, photo: object) -> Box:
    return replace(
        box,
        photos={number: held for number, held in box.photos.items() if number != photo},
        pictures=tuple(picture for picture in box.pictures if picture.number != photo),
    )


def _texts(settings: Settings) -> dict[str, str]:
    said = {name: say(f"boxes.{name}") for name in SENTENCES}
    return said | {name: say(f"camera.{name}") for name in CAMERA_SENTENCES} | sending_texts(settings)
