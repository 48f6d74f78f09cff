"""A part is selected in the diagram, or nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_demo.texts import AppError
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from tests.ui.tabs.look_inside.nonsense import NONSENSE


@pytest.mark.parametrize("name", ["stem", "stage2", "stage3.1"])
def test_a_part_is_chosen_on_the_picture(events: SectionEvents, context: EventContext, name: str) -> None:
    diagram = NetworkDiagram(events)
    shown = diagram.select_part(replace(context, sent={"name": name}))
    assert context.current.selection.part == name
    assert shown[diagram.picture].count('aria-pressed="true"') == 1
    assert shown.keys() >= events.updates(context.current).keys()


@pytest.mark.parametrize("sent", NONSENSE)
def test_what_is_no_part_is_a_sentence(events: SectionEvents, context: EventContext, sent: object) -> None:
    with pytest.raises(AppError):
        NetworkDiagram(events).select_part(replace(context, sent=sent))
    assert context.current.selection.part == "stage3"
