"""Boxes to sort photos into by hand, one for each class: what the page does to them, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.ui.drop import ReceivedPhoto, received, sending_words, static
from resnet_demo.ui.language import Words
from resnet_demo.ui.pictures import small_uri

MOST_BOXES = 100
MOST_LETTERS = 100
PICTURES_SHOWN = 6
PICTURE_SIDE = 64
SENTENCES = ("title", "name", "count", "choose", "webcam", "snap", "close", "remove", "add", "use", "blocked")


@dataclass(frozen=True)
class Box:
    """A class and its photos; `number` tells it from others as long as the page is open, `pictures` are the newest."""

    number: int
    name: str = ""
    photos: tuple[ReceivedPhoto, ...] = ()
    pictures: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """What the page knows of it."""
        return {"number": self.number, "name": self.name, "count": len(self.photos), "pictures": list(self.pictures)}

    def files(self) -> list[tuple[str, Path]]:
        """The name of each photo that was sent, without its folders, and where it lies."""
        return [(photo.name.rpartition("/")[2], photo.path) for photo in self.photos if photo.path]


FIRST = (Box(1), Box(2))


def boxes_input(words: Words, settings: Settings, **options: Any) -> Any:
    """The boxes: `input` comes with something done to them, for `done`, and so does `submit`: they are to be used."""
    return words.make(
        gr.HTML,
        # All that the script reads is among the words: an update before it is shown replaces what it was made with.
        {
            "words": _words(settings),
            "first": lambda _: [box.shown() for box in FIRST],
            "max_bytes": lambda _: settings.max_upload_bytes,
            "max_photos": lambda _: settings.max_photos,
            "archives": lambda _: [],
        },
        value=None,
        html_template=static("boxes.html"),
        css_template=static("button.css", "boxes.css"),
        js_on_load=static("send.js", "boxes.js"),
        apply_default_css=False,
        **options,
    )


def done(boxes: Sequence[Box], act: object, settings: Settings) -> tuple[Box, ...]:
    """The boxes after what the page says was done to them; the page may be anybody.

    Args:
        act: `{"act": ..., "names": {"1": "cats"}, "box": 1, "photos": [...]}`, where the act is name, use, add, remove
            or fill. The names come with each, `box` with the last two, `photos`, as in `drop.received`, with the last.

    Raises:
        AppError: not of this shape, too many boxes or photos, or a file that was not uploaded here.
    """
    boxes = _named(boxes, act)
    match act:
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
    raise AppError("guard.problem.payload")


def _named(boxes: Sequence[Box], act: object) -> tuple[Box, ...]:
    names = act.get("names") if isinstance(act, dict) else None
    if not isinstance(names, dict):
        raise AppError("guard.problem.payload")
    wished = {box.number: names.get(str(box.number), box.name) for box in boxes}
    return tuple(replace(box, name=str(wished[box.number])[:MOST_LETTERS].strip()) for box in boxes)


def _filled(box: Box, photos: Sequence[ReceivedPhoto], settings: Settings) -> Box:
    pictures = []
    for photo in photos[-PICTURES_SHOWN:]:  # at most so many are opened, however many were sent
        uri = photo.path and small_uri(photo.path, PICTURE_SIDE, settings.max_pixels)
        pictures += [uri] if uri else []
    newest = (*reversed(pictures), *box.pictures)[:PICTURES_SHOWN]
    return replace(box, photos=(*box.photos, *photos), pictures=newest)


def _words(settings: Settings) -> Callable[[str], object]:
    def in_language(language: str) -> dict[str, str]:
        own = {name: text(f"boxes.{name}", language) for name in SENTENCES}
        return own | sending_words(settings, language)

    return in_language
