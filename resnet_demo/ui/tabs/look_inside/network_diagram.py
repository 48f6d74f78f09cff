"""The diagram of the network, in which the stem, a stage or a block is selected."""

from __future__ import annotations

from html import escape

import gradio as gr

from resnet_demo.plots.network import network
from resnet_demo.texts import AppError
from resnet_demo.ui.components.chooser import chooser, name_sent
from resnet_demo.ui.events import EACH_CLICK
from resnet_demo.ui.static_files import reveal
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates, shown_part
from resnet_demo.ui.tabs.look_inside.inspection import Inspection
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import Selection
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say

# On a phone the map stands above the diagram, and the sections below it, out of sight.
SHOW_RESULT = (
    '() => document.querySelector("#look-saliency-about").checkVisibility()'
    f" ? ({reveal('#look-map')})() : ({reveal('#look-sections')})()"
)
WIDTH = 320
"""Pixels, as wide as its place beside the sections."""


class NetworkDiagram:
    """The diagram and its events; a plot in which a block can be selected takes `selects_part` as its listener."""

    def __init__(self, events: SectionEvents) -> None:
        self._events = events
        translations = events.translations
        self.picture = chooser("parts.js", elem_id="look-network", elem_classes="parts")
        translations.create(gr.HTML, {"value": lambda: note(escape(say("look.network.hint")))})
        self.selects_part = events.event(self.select_part, [], [self.picture, *events.changed], **EACH_CLICK)
        self.picture.choose(**self.selects_part).success(None, js=SHOW_RESULT)
        self.redraws = events.event(self.redraw, [], [self.picture], clicked=False)
        translations.selector.change(**self.redraws)

    def redraw(self, context: EventContext) -> Updates:
        """The diagram as the network is now."""
        return {self.picture: drawn(context.inspection, context.selection)}

    def select_part(self, context: EventContext) -> Updates:
        """Select the part that was clicked; the open section is updated.

        Raises:
            AppError: the browser names none.
        """
        name = name_sent(context.sent)
        if name not in context.inspection.parts():
            raise AppError("look.no_part")
        context = context.change(part=name)
        return {**self.redraw(context), **self._events.updates(context.current)}


def drawn(inspection: Inspection, selection: Selection) -> str:
    """The network as SVG, with the part marked that the open section shows."""
    part = shown_part(inspection, selection, selection.open_section)
    return network(inspection.architecture, current_language(), selected=part, removed=selection.removed, width=WIDTH)
