"""Feature maps: the channels of the chosen part as tiles, one of them over the photo; the stem's filters."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal, get_args

import gradio as gr

from resnet_demo.texts import AppError
from resnet_demo.ui.components.chooser import chooser, name_sent
from resnet_demo.ui.components.inline_images import exact_uri
from resnet_demo.ui.components.term import say_with_terms
from resnet_demo.ui.events import EACH_CLICK
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates
from resnet_demo.ui.tabs.look_inside.inspection import Inspection
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import say

if TYPE_CHECKING:
    from resnet_demo.explain.feature_maps import FeatureMaps, Sheet

Order = Literal["strongest", "varied", "target"]
ORDERS = get_args(Order)
COUNTS = {"64": 8, "all": 16}
"""How many tiles, and how many of them in a row."""
OPACITY = 0.65


class FeatureMapsSection:
    """The section, laid out inside the tab that is open."""

    def __init__(self, events: SectionEvents) -> None:
        create = events.translations.create
        with gr.Row(elem_classes="controls"):
            self.order = create(
                gr.Radio,
                {"label": "look.maps.order", "choices": _orders},
                value=ORDERS[0],
                elem_id="look-order",
                elem_classes="pills",
            )
            self.count = create(
                gr.Radio,
                {"label": "look.maps.count", "choices": _counts},
                value="64",
                elem_id="look-count",
                elem_classes="pills",
            )
        self.about = gr.HTML(elem_id="look-maps-about")
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=260):
                self.tiles = chooser("parts.js", elem_id="look-tiles")
            with gr.Column(scale=2, min_width=220):
                self.over = gr.Image(interactive=False, height=260, buttons=["fullscreen"], elem_id="look-over")
                self.channel = gr.HTML(elem_id="look-channel")
        self.filters = gr.HTML(visible=False, elem_id="look-filters")
        outputs = [self.about, self.tiles, self.over, self.channel, self.filters]
        events.section(
            "maps",
            self.show,
            [self.order, self.count],
            outputs,
            when=[self.order.input, self.count.input],
            empty={
                **{part: {"value": None} for part in (self.about, self.tiles, self.over, self.channel)},
                self.filters: {"visible": False},
            },
        )
        self.tiles.choose(
            **events.event(self.show_channel, [self.order], [self.over, self.channel], section="maps", **EACH_CLICK)
        )

    def show(self, context: EventContext, order: Order, count: str) -> Updates:
        """The tiles, the first of them over the photo."""
        from resnet_demo.explain import feature_maps

        part = context.part
        context.share(0.0)
        found = _found(context, order)
        context.share(0.5)
        best = found.best(order, len(found.values) if count == "all" else int(count))
        sheet = feature_maps.sheet(feature_maps.tiles(found.values[best]), COUNTS[count])
        channels, height, width = found.values.shape
        about = say_with_terms(
            "look.maps.about", part=part, channels=channels, height=height, width=width, shown=len(best)
        )
        return {
            self.about: note(about),
            self.tiles: _tiles(sheet, best),
            **self._one(context, found, best[0], order),
            self.filters: gr.update(value=_filters(context.inspection), visible=part == "stem"),
        }

    def show_channel(self, context: EventContext, order: Order) -> Updates:
        """The channel whose tile was clicked.

        Raises:
            AppError: the browser names none.
        """
        found, name = _found(context, order), name_sent(context.sent) or ""
        if not name.isascii() or not name.isdecimal() or len(name) > 6 or int(name) >= len(found.values):
            raise AppError("look.no_part")
        return self._one(context, found, int(name), order)

    def _one(self, context: EventContext, found: FeatureMaps, channel: int, order: Order) -> Updates:
        """A channel over the photo, and its figures."""
        from resnet_demo.explain.overlay import overlay_map

        prepared, values = context.inspection.prepared, found.values[channel]
        picture = overlay_map(context.inspection.photo(), prepared.size, prepared.seen, values, OPACITY)
        said = say(
            f"look.maps.channel.{order}",
            channel=channel,
            score=f"{found.scores(order)[channel]:.3g}",
            low=f"{values.min():.3g}",
            high=f"{values.max():.3g}",
        )
        label = say("look.maps.channel", channel=channel)
        return {self.over: gr.update(value=picture, label=label), self.channel: note(escape(said))}


def _orders() -> list[tuple[str, str]]:
    return [(say(f"look.maps.{name}"), name) for name in ORDERS]


def _counts() -> list[tuple[str, str]]:
    return [(say(f"look.maps.count.{name}"), name) for name in COUNTS]


def _found(context: EventContext, order: Order) -> FeatureMaps:
    from resnet_demo.explain.feature_maps import feature_maps

    inspection = context.inspection
    target = inspection.target(context.selection.target_class) if order == "target" else None
    return feature_maps(inspection.network, inspection.image, context.part, target)


def _tiles(sheet: Sheet, channels: list[int]) -> str:
    """All tiles as one picture, with a button over each."""
    high, wide = sheet.picture.shape[:2]
    buttons = "".join(
        f'<button type="button" data-name="{channel}" aria-label="{escape(said)}" '
        f'aria-pressed="{str(channel == channels[0]).lower()}" title="{escape(said)}"></button>'
        for channel in channels
        for said in [say("look.maps.channel", channel=channel)]
    )
    style = (
        f"--columns: {sheet.columns}; aspect-ratio: {wide} / {high}; background-image: url({exact_uri(sheet.picture)})"
    )
    return f'<div class="scroll"><div class="tiles" style="{style}">{buttons}</div></div>'


def _filters(inspection: Inspection) -> str:
    """The first convolution's filters."""
    from resnet_demo.explain.feature_maps import sheet, stem_filters

    pictures = stem_filters(inspection.model.network)
    drawn = sheet(pictures, 16)
    side, title = pictures.shape[1], say("look.maps.filters")
    about = say("look.maps.filters.about", count=len(pictures), side=side)
    picture = f'<img class="exact" src="{exact_uri(drawn.picture)}" alt="{escape(title)}">'
    return f"<h3>{escape(title)}</h3>{note(escape(about))}{picture}"
