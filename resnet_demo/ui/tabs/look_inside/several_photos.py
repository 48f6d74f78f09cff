"""Several photos: a strip to select one from, and the saliency maps of all side by side."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from resnet_demo.data.images import Problem
from resnet_demo.explain.methods import method_named
from resnet_demo.texts import AppError
from resnet_demo.ui.components.bars import percent
from resnet_demo.ui.components.chooser import name_sent
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.components.inline_images import as_uri, small_uri
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.inspection import PhotoSelection
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.explain.explainer import Explanation
    from resnet_demo.explain.targets import Target

MOST = 24
"""Photos in the strip, and maps side by side."""
STRIP_SIDE = 112
MAP_SIDE = 260


def strip(photo_selection: PhotoSelection | None, max_pixels: int) -> Any:
    """An update of the strip: the photos as buttons, hidden where there is no choice."""
    if photo_selection is None or len(photo_selection.photos) < 2:
        return gr.update(value="", visible=False)
    shown = photo_selection.photos[:MOST]
    small = {path: small_uri(path, STRIP_SIDE, max_pixels) for path in {photo.path for photo in shown} if path}
    buttons = "".join(
        f'<button type="button" data-name="{number}" aria-pressed="{str(number == photo_selection.number).lower()}" '
        f'title="{escape(photo.name)}">{_thumbnail(photo, small)}</button>'
        for number, photo in enumerate(shown)
    )
    key = "look.strip.first" if len(photo_selection.photos) > MOST else "look.strip"
    said = say(key, photos=len(photo_selection.photos), shown=MOST)
    return gr.update(value=f'<div class="strip">{buttons}</div>{note(escape(said))}', visible=True)


def _thumbnail(photo: ReceivedPhoto, small: Mapping[Path, str | None]) -> str:
    name = escape(photo.name)
    uri = small[photo.path] if photo.path else None
    return f'<img src="{uri}" alt="{name}">' if uri else f"<span>{name}</span>"


def select(photo_selection: PhotoSelection, sent: object) -> PhotoSelection:
    """The same photos with another one looked into.

    Raises:
        AppError: the browser names none of them.
    """
    places = {str(number): number for number in range(len(photo_selection.photos))}
    name = name_sent(sent)
    if name not in places:
        raise AppError("look.no_photo")
    return PhotoSelection(photo_selection.photos, places[name])


def each_its_best(context: EventContext, method: str, opacity: float) -> str:
    """The photos, each with the map of the class that it shows best, as HTML."""
    return _side_by_side(context, method, opacity, context.inspection.target(None))


def all_this_class(context: EventContext, method: str, opacity: float) -> str:
    """The photos, each with the map of the class in question, as HTML."""
    selection = context.selection
    target = context.inspection.target(selection.target_class, selection.contrast_class)
    return _side_by_side(context, method, opacity, target)


def _side_by_side(context: EventContext, method: str, opacity: float, target: Target) -> str:
    from resnet_demo.explain.explainer import Explainer

    row = method_named(method)
    if row.slow:
        raise AppError("look.several.slow")
    selected = context.selection.photos
    photos = (selected.photos if selected else (context.inspected.photo,))[:MOST]
    paths = list(dict.fromkeys(photo.path for photo in photos if photo.path))
    explained = Explainer(context.inspection.classifier).explain(
        paths, [row], context.part, [target], progress=lambda done: context.share(done / max(1, len(paths)))
    )
    found = dict(zip(paths, explained, strict=True))
    figures = "".join(_figure(context, photo, found[photo.path] if photo.path else None, opacity) for photo in photos)
    return f'<div class="several">{figures}</div>'


def _figure(context: EventContext, photo: ReceivedPhoto, found: Explanation | Problem | None, opacity: float) -> str:
    """One photo under its map, or why there is none."""
    from resnet_demo.explain.overlay import overlay_map

    name = escape(photo.name)
    if found is None or isinstance(found, Problem):
        said = say("look.saliency.unread") if found is None else found.say(current_language())
        return f"<figure><p>{escape(said)}</p><figcaption>{name}</figcaption></figure>"
    pixels = overlay_map(context.inspection.open(photo, MAP_SIDE), found.size, found.seen, found.maps[0], opacity)
    guess, names = found.target_classes[0], context.inspection.names
    return (
        f'<figure><img alt="{name}" title="{name}" src="{as_uri(Image.fromarray(pixels))}">'
        f"<figcaption><b>{escape(names.full(guess.label))}</b> {percent(guess.probability)}</figcaption></figure>"
    )
