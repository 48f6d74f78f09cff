"""Several photos at once: a strip to pick one from, and where the network looked on each, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from resnet_demo.data.images import Problem
from resnet_demo.texts import AppError, text
from resnet_demo.ui.bars import percent
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.looking import Given
from resnet_demo.ui.pictures import as_uri, small_uri
from resnet_demo.ui.tabs.look_inside.desk import View, name_sent, note

if TYPE_CHECKING:
    from resnet_demo.explain.explainer import Explanation
    from resnet_demo.explain.targets import Target

MOST = 24
"""Photos in the strip, and maps side by side."""
STRIP_SIDE = 112
MAP_SIDE = 260


def strip(given: Given | None, max_pixels: int, language: str) -> Any:
    """An update of the strip: the photos as buttons, hidden where there is no choice."""
    if given is None or len(given.photos) < 2:
        return gr.update(value="", visible=False)
    shown = given.photos[:MOST]
    small = {path: small_uri(path, STRIP_SIDE, max_pixels) for path in {photo.path for photo in shown} if path}
    buttons = "".join(
        f'<button type="button" data-name="{number}" aria-pressed="{str(number == given.number).lower()}" '
        f'title="{escape(photo.name)}">{_thumbnail(photo, small)}</button>'
        for number, photo in enumerate(shown)
    )
    key = "look.strip.first" if len(given.photos) > MOST else "look.strip"
    said = text(key, language, photos=len(given.photos), shown=MOST)
    return gr.update(value=f'<div class="strip">{buttons}</div>{note(escape(said))}', visible=True)


def _thumbnail(photo: ReceivedPhoto, small: Mapping[Path, str | None]) -> str:
    name = escape(photo.name)
    uri = small[photo.path] if photo.path else None
    return f'<img src="{uri}" alt="{name}">' if uri else f"<span>{name}</span>"


def pick(given: Given, sent: object) -> Given:
    """The same photos with another one looked into.

    Raises:
        AppError: the browser names none of them.
    """
    places = {str(number): number for number in range(len(given.photos))}
    name = name_sent(sent)
    if name not in places:
        raise AppError("look.no_photo")
    return Given(given.photos, places[name])


def each_its_best(view: View, method: str, opacity: float, given: Given | None) -> Any:
    """The photos, each with the map of the class that it shows best."""
    return _side_by_side(view, method, opacity, given, view.look.target(None))


def all_this_class(view: View, method: str, other: object, opacity: float, given: Given | None) -> Any:
    """The photos, each with the map of the class in question."""
    return _side_by_side(view, method, opacity, given, view.look.target(view.wanted, other))


def _side_by_side(view: View, method: str, opacity: float, given: Given | None, target: Target) -> Any:
    from resnet_demo.explain.explainer import Explainer
    from resnet_demo.explain.methods import method_named

    row = method_named(method)
    if row.slow:
        raise AppError("look.several.slow")
    photos = (given.photos if given else (view.subject.photo,))[:MOST]
    paths = list(dict.fromkeys(photo.path for photo in photos if photo.path))
    explained = Explainer(view.look.classifier).explain(
        paths, [row], view.part, [target], progress=lambda done: view.share(done / max(1, len(paths)))
    )
    found = dict(zip(paths, explained, strict=True))
    figures = "".join(
        _figure(view, photo, found[photo.path] if photo.path else None, opacity, view.language) for photo in photos
    )
    return gr.update(value=f'<div class="several">{figures}</div>', visible=True)


def _figure(
    view: View, photo: ReceivedPhoto, found: Explanation | Problem | None, opacity: float, language: str
) -> str:
    """One photo under its map, or why there is none."""
    from resnet_demo.explain.placing import over_photo

    name = escape(photo.name)
    if found is None or isinstance(found, Problem):
        said = text("look.where.unread", language) if found is None else found.say(language)
        return f"<figure><p>{escape(said)}</p><figcaption>{name}</figcaption></figure>"
    pixels = over_photo(view.look.open(photo, MAP_SIDE), found.size, found.seen, found.maps[0], opacity)
    guess = found.asked[0]
    return (
        f'<figure><img alt="{name}" title="{name}" src="{as_uri(Image.fromarray(pixels))}">'
        f"<figcaption><b>{escape(guess.label)}</b> {percent(guess.probability)}</figcaption></figure>"
    )
