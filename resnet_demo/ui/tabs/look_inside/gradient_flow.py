"""Gradient flow: how the gradient of the class comes back through the blocks."""

from __future__ import annotations

from html import escape

import gradio as gr

from resnet_demo.plots import gradient_flow as plot
from resnet_demo.ui.components.chooser import chooser
from resnet_demo.ui.components.term import term
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say


class GradientFlowSection:
    """The section, laid out inside the tab that is open."""

    def __init__(self, events: SectionEvents, diagram: NetworkDiagram) -> None:
        self.about = gr.HTML(elem_id="look-flow-about")
        self.plot = chooser("parts.js", elem_id="look-flow", elem_classes="parts")
        self.plot.choose(**diagram.selects_part)
        outputs = [self.about, self.plot]
        events.section("flow", self.show, [], outputs, empty={part: {"value": None} for part in outputs})

    def show(self, context: EventContext) -> Updates:
        """The norms of the gradient behind each block."""
        from resnet_demo.explain.gradient_flow import gradient_flow

        inspection, selection = context.inspection, context.selection
        context.share(0.0)
        found = gradient_flow(inspection.network, inspection.image, inspection.target(selection.target_class))
        picture = plot.gradient_flow(
            found.total,
            found.residual,
            found.shortcut,
            current_language(),
            selected=inspection.block(context.part),
            width=560,
            height=300,
        )
        about = say("look.flow.about" if found.shortcut else "look.flow.plain")
        title = term("gradient_norm", say("look.flow.title"))
        return {self.about: f"<h3>{title}</h3>{note(escape(about))}", self.plot: picture}
