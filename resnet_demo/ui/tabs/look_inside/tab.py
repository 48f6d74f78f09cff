"""The Look inside tab: what a network makes of a photo, layer by layer, and of what a camera sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import gradio as gr

from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside.feature_maps import FeatureMapsSection
from resnet_demo.ui.tabs.look_inside.gradient_flow import GradientFlowSection
from resnet_demo.ui.tabs.look_inside.live_camera import LiveCamera
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.photo_panel import InspectionStart, PhotoPanel
from resnet_demo.ui.tabs.look_inside.residual import ResidualSection
from resnet_demo.ui.tabs.look_inside.saliency import SaliencySection
from resnet_demo.ui.tabs.look_inside.section_events import QUICK, SectionEvents
from resnet_demo.ui.tabs.look_inside.view import content, empty_state, invitation, note
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import say


def build(translations: Translations, services: Services, session: Session) -> None:
    """Lay out the tab inside the one that is open."""
    with gr.Tabs(elem_id="look-sources", overflow_behavior="wrap") as sources:
        with translations.create(gr.Tab, {"label": "look.source.photo"}, id="photo"):
            _build_photo(SectionEvents(translations, services, session))
        with translations.create(gr.Tab, {"label": "look.source.camera"}, id="camera"):
            LiveCamera(translations, services, session)
    session.navigation["look_inside"].change(lambda: gr.Tabs(selected="photo"), None, sources, queue=False, **QUICK)


def _build_photo(events: SectionEvents) -> None:
    """Lay out the inspection of one photo: how it begins, the diagram, and beside it the answer and the sections."""
    panel = PhotoPanel(events)
    example_buttons: list[gr.Button] = []
    with gr.Row(equal_height=False, elem_id="look-inside"):
        with gr.Column(scale=0, min_width=320, elem_id="look-side"):
            with empty_state():
                events.translations.create(gr.HTML, {"value": lambda: note(escape(say("look.empty.network")))})
            with content():
                diagram = NetworkDiagram(events)
        with gr.Column(min_width=300, elem_id="look-main"):
            panel.lay_out_answer()
            with gr.Tabs(elem_id="look-sections", overflow_behavior="wrap") as sections:
                with _section_tab("saliency", events, diagram, example_buttons):
                    SaliencySection(events, panel.map)
                with _section_tab("maps", events, diagram, example_buttons):
                    FeatureMapsSection(events)
                with _section_tab("residual", events, diagram, example_buttons):
                    ResidualSection(events, diagram)
                with _section_tab("flow", events, diagram, example_buttons):
                    GradientFlowSection(events, diagram)
    InspectionStart(events, panel, diagram, sections, example_buttons)
    events.translations.selector.change(**events.refresh())


@contextmanager
def _section_tab(
    name: str, events: SectionEvents, diagram: NetworkDiagram, example_buttons: list[gr.Button]
) -> Iterator[None]:
    """Inside, a section is laid out; it is updated whenever its tab is opened."""
    with events.translations.create(gr.Tab, {"label": f"look.section.{name}"}, id=name) as tab:
        with empty_state():
            button = invitation(events.translations, lambda: say(f"look.empty.{name}"), f"look-example-{name}")
            example_buttons.append(button)
        with content():
            yield
    events.show_when_opened(name, tab).then(**diagram.redraws)
