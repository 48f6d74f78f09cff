"""A block in its parts, and the network without some of its blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_demo.texts import AppError, text
from resnet_demo.ui.tabs.look_inside import residual
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.residual import ResidualSection
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents


@pytest.fixture
def diagram(events: SectionEvents) -> NetworkDiagram:
    return NetworkDiagram(events)


@pytest.fixture
def section(events: SectionEvents, diagram: NetworkDiagram) -> ResidualSection:
    return ResidualSection(events, diagram)


def test_a_block_in_its_parts(section: ResidualSection, context: EventContext) -> None:
    shown = section.show(context.with_selection(part="stage2.1"), None)
    assert "stage2.1" in shown[section.about]
    assert len(shown[section.channel]["choices"]) == 1 + residual.BUSIEST
    assert shown[section.maps]["value"].count("<figure>") == 4
    assert shown[section.numbers]["value"] == ""
    assert shown[section.ratios]["value"].count("data-name") == 9
    other = section.show_maps(context.with_selection(part="stage2.1"), residual.MEAN)
    assert other[section.maps]["value"].count("<figure>") == 4
    assert other[section.maps]["value"] != shown[section.maps]["value"]


def test_the_numbers_of_a_point_add_up(section: ResidualSection, context: EventContext) -> None:
    shown = section.show_numbers(replace(context.with_selection(part="stage2.1"), sent={"row": 3, "column": 15}), 4)
    cells = shown[section.numbers]["value"].split("<dd>")[1:]
    x, added, total, left = (float(cell.split("</dd>")[0]) for cell in cells)
    assert x + added == pytest.approx(total, abs=0.002)
    assert left == max(total, 0)


@pytest.mark.parametrize(
    "sent", [None, {}, {"row": 0}, {"row": 0, "column": 16}, {"row": -1, "column": 0}, {"row": "0", "column": 0}]
)
def test_what_is_no_point_is_a_sentence(section: ResidualSection, context: EventContext, sent: object) -> None:
    with pytest.raises(AppError):
        section.show_numbers(replace(context.with_selection(part="stage2.1"), sent=sent), -1)


def test_a_block_off_and_on_again(section: ResidualSection, diagram: NetworkDiagram, context: EventContext) -> None:
    context, controls = context.with_selection(part="stage2.1"), section.ablation
    context.change(part="stage2.1")
    shown = controls.toggle(context)
    removed = context.current.selection.removed
    assert removed == ("stage2.1",)
    assert shown[controls.button]["value"] == text("look.ablation.restore", name="stage2.1")
    assert shown[controls.restore_button]["visible"]
    assert shown[controls.compared].count("<h2>") == 2
    assert text("plots.network.removed") in shown[diagram.picture]
    for back in (controls.toggle, controls.restore_all):
        context.change(removed=removed)
        back(context.with_selection(removed=removed))
        assert context.current.selection.removed == ()
    without = context.inspection.guesses(removed)
    assert [guess.probability for guess in without] != [guess.probability for guess in context.inspected.guesses]


def test_why_a_block_stays_on(section: ResidualSection, context: EventContext) -> None:
    controls, context = section.ablation, context.with_selection(part="stage2.0")
    shown = controls.show(context)
    assert "stage2.0" in shown[controls.why]
    assert not shown[controls.button]["interactive"]
    with pytest.raises(AppError):
        controls.toggle(context)
    assert context.current.selection.removed == ()
