"""Feature maps: the channels of the chosen part as tiles, one of them over the photo; the stem's filters."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Literal, get_args

import gradio as gr

from resnet_demo.texts import AppError, text
from resnet_demo.ui.looking import Look
from resnet_demo.ui.pictures import exact_uri
from resnet_demo.ui.tabs.look_inside.desk import Desk, View, chooser, name_sent, note
from resnet_demo.ui.tabs.look_inside.picture import Picture

if TYPE_CHECKING:
    from resnet_demo.explain.feature_maps import FeatureMaps, Sheet

Order = Literal["strongest", "varied", "target"]
ORDERS = get_args(Order)
COUNTS = {"64": 8, "all": 16}
"""How many tiles, and how many of them in a row."""
OPACITY = 0.65


def build(desk: Desk, picture: Picture) -> dict[str, Any]:  # noqa: ARG001
    """Lay out the section inside the tab that is open; the event that shows it."""
    make = desk.words.make
    with gr.Row(elem_classes="controls"):
        order = make(
            gr.Radio,
            {"label": "look.maps.order", "choices": _orders},
            value=ORDERS[0],
            elem_id="look-order",
            elem_classes="pills",
        )
        count = make(
            gr.Radio,
            {"label": "look.maps.count", "choices": _counts},
            value="64",
            elem_id="look-count",
            elem_classes="pills",
        )
    about = gr.HTML(elem_id="look-maps-about")
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=260):
            tiles = chooser("parts.js", elem_id="look-tiles")
        with gr.Column(scale=2, min_width=220):
            over = gr.Image(interactive=False, height=260, buttons=["fullscreen"], elem_id="look-over")
            said = gr.HTML(elem_id="look-channel")
    filters = gr.HTML(visible=False, elem_id="look-filters")
    show = desk.section("maps", _show, [order, count], [about, tiles, over, said, filters])
    gr.on([order.input, count.input], **show)
    tiles.choose(**desk.event(_show_channel, [order], [over, said]), show_progress_on=[over])
    return show


def _orders(language: str) -> list[tuple[str, str]]:
    return [(text(f"look.maps.{name}", language), name) for name in ORDERS]


def _counts(language: str) -> list[tuple[str, str]]:
    return [(text(f"look.maps.count.{name}", language), name) for name in COUNTS]


def _found(view: View, order: Order) -> FeatureMaps:
    from resnet_demo.explain.feature_maps import feature_maps

    look = view.look
    return feature_maps(look.network, look.image, view.part, look.target(view.wanted) if order == "target" else None)


def _show(view: View, order: Order, count: str) -> list[Any]:
    from resnet_demo.explain import feature_maps

    found = _found(view, order)
    best = found.best(order, len(found.values) if count == "all" else int(count))
    sheet = feature_maps.sheet(feature_maps.tiles(found.values[best]), COUNTS[count], 1)
    channels, height, width = found.values.shape
    about = text(
        "look.maps.about", view.language, part=view.part, channels=channels, height=height, width=width, shown=len(best)
    )
    return [
        note(escape(about)),
        _tiles(sheet, best, view.language),
        *_one(view, found, best[0], order),
        gr.update(value=_filters(view.look, view.language), visible=view.part == "stem"),
    ]


def _show_channel(view: View, order: Order) -> tuple[Any, Any]:
    found, name = _found(view, order), name_sent(view.sent) or ""
    if not name.isascii() or not name.isdecimal() or len(name) > 6 or int(name) >= len(found.values):
        raise AppError("look.no_part")
    return _one(view, found, int(name), order)


def _one(view: View, found: FeatureMaps, channel: int, order: Order) -> tuple[Any, Any]:
    """A channel over the photo, and its figures."""
    from resnet_demo.explain.placing import over_photo

    prepared, values = view.look.prepared, found.values[channel]
    picture = over_photo(view.look.photo(), prepared.size, prepared.seen, values, OPACITY)
    said = text(
        f"look.maps.channel.{order}",
        view.language,
        channel=channel,
        score=f"{found.scores(order)[channel]:.3g}",
        low=f"{values.min():.3g}",
        high=f"{values.max():.3g}",
    )
    label = text("look.maps.channel", view.language, channel=channel)
    return gr.update(value=picture, label=label), note(escape(said))


def _tiles(sheet: Sheet, channels: list[int], language: str) -> str:
    """All tiles as one picture, with a button over each."""
    high, wide = sheet.picture.shape[:2]
    buttons = "".join(
        f'<button type="button" data-name="{channel}" aria-label="{escape(said)}" title="{escape(said)}"></button>'
        for channel in channels
        for said in [text("look.maps.channel", language, channel=channel)]
    )
    style = (
        f"--columns: {sheet.columns}; aspect-ratio: {wide} / {high}; background-image: url({exact_uri(sheet.picture)})"
    )
    return f'<div class="scroll"><div class="tiles" style="{style}">{buttons}</div></div>'


def _filters(look: Look, language: str) -> str:
    """The first convolution's filters."""
    from resnet_demo.explain.feature_maps import sheet, stem_filters

    pictures = stem_filters(look.model.network)
    drawn = sheet(pictures, 16, 1)
    side, title = pictures.shape[1], text("look.maps.filters", language)
    about = text("look.maps.filters.about", language, count=len(pictures), side=side)
    picture = f'<img class="exact" src="{exact_uri(drawn.picture)}" alt="{escape(title)}">'
    return f"<h3>{escape(title)}</h3>{note(escape(about))}{picture}"
