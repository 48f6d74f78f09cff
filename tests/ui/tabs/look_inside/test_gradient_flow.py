"""The gradient on its way back through the blocks."""

from __future__ import annotations

from resnet_demo.texts import text
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.gradient_flow import GradientFlowSection
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents


def test_how_the_gradient_flows(events: SectionEvents, context: EventContext) -> None:
    section = GradientFlowSection(events, NetworkDiagram(events))
    shown = section.show(context)
    assert text("look.flow.about")[:20] in shown[section.about]
    assert shown[section.plot].count("data-name") == 18
