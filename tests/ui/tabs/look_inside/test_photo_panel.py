"""What starts an inspection: photos, one of several, another tab; and what stays selected."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.components.work_status import Tasks
from resnet_demo.ui.session import NavigationRequest
from resnet_demo.ui.tabs.look_inside import several_photos
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.gradient_flow import GradientFlowSection
from resnet_demo.ui.tabs.look_inside.inspection import PhotoSelection
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.photo_panel import InspectionStart, PhotoPanel
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import CurrentSelection, Selection
from resnet_demo.ui.visitor_context import speaking
from tests.tiny import photos
from tests.ui.tabs.look_inside.nonsense import NONSENSE

TICKET = "1a"


@pytest.fixture
def panel(events: SectionEvents) -> PhotoPanel:
    panel = PhotoPanel(events)
    panel.lay_out_answer()
    return panel


@pytest.fixture
def sections() -> gr.Tabs:
    return gr.Tabs()


@pytest.fixture
def start(events: SectionEvents, panel: PhotoPanel, sections: gr.Tabs) -> InspectionStart:
    return InspectionStart(events, panel, NetworkDiagram(events), sections)


def given(context: EventContext, **selected: Any) -> CurrentSelection:
    """A visitor who has given the photo and selected this before."""
    photo_selection = PhotoSelection((context.inspected.photo,))
    return CurrentSelection(replace(Selection(photos=photo_selection), **selected))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_chosen_stays_for_the_next_photo(
    context: EventContext, panel: PhotoPanel, start: InspectionStart, language: str
) -> None:
    model = context.inspected.model
    current = given(context, part="stage9", removed=("stage1.0",), contrast_class=1)
    with speaking(language):
        start.start(TICKET, Tasks(), current, model)
    first = current.selection
    assert (first.part, first.removed, first.contrast_class) == ("", (), None)
    current = given(context, part="stage1.2", removed=("stage1.0",), inspected=first.inspected)
    shown = start.start(TICKET, Tasks(), current, model)
    again = current.selection
    assert (again.part, again.removed) == ("stage1.2", ("stage1.0",))
    assert again.inspected is not first.inspected
    offered = json.loads(shown[panel.target_choice]["value"])
    assert offered["chosen"] == again.target_class
    assert [number for _, number in offered["classes"]][:5] == [guess.index for guess in context.inspected.guesses]
    other = replace(context.inspected, model="another")
    current = given(context, part="stage1.2", removed=("stage1.0",), inspected=other)
    start.start(TICKET, Tasks(), current, model)
    assert (current.selection.part, current.selection.removed) == ("stage1.2", ())


def test_what_cannot_be_started_changes_nothing(context: EventContext, start: InspectionStart) -> None:
    current = given(context)
    with pytest.raises(AppError):
        start.start(TICKET, Tasks(), current, "no such model")
    assert current.selection.inspected is None
    current = CurrentSelection(Selection(photos=PhotoSelection((ReceivedPhoto("big.jpg", None),))))
    with pytest.raises(AppError):
        start.start(TICKET, Tasks(), current, context.inspected.model)
    assert start.start(TICKET, Tasks(), CurrentSelection(), context.inspected.model) == gr.skip()


def test_a_stopped_start_changes_nothing_and_shows_the_model_that_is_shown(
    context: EventContext, panel: PhotoPanel, start: InspectionStart
) -> None:
    tasks, current = Tasks(), given(context, inspected=context.inspected)
    before = current.selection
    tasks.stop(TICKET)
    shown = start.start(TICKET, tasks, current, "resnet18")
    assert list(shown) == [panel.model]
    assert shown[panel.model]["value"] == context.inspected.model
    assert current.selection is before
    assert start.show_model(current)[panel.model]["value"] == context.inspected.model
    assert start.show_model(CurrentSelection()) == gr.skip()


def test_nothing_of_the_photo_before_stays(
    context: EventContext, start: InspectionStart, events: SectionEvents
) -> None:
    section = GradientFlowSection(events, NetworkDiagram(events))
    shown = start.start(TICKET, Tasks(), given(context), context.inspected.model)
    assert [shown[part]["value"] for part in (section.about, section.plot)] == [None, None]


def test_the_open_section_stays_and_is_shown_anew(
    context: EventContext, start: InspectionStart, events: SectionEvents
) -> None:
    current = given(context, open_section="flow")
    shown = start.start(TICKET, Tasks(), current, context.inspected.model)
    assert current.selection.open_section == "flow"
    assert shown.keys() >= events.updates(current).keys()


def test_a_request_chooses_photo_model_classes_and_section(
    context: EventContext, panel: PhotoPanel, start: InspectionStart, sections: gr.Tabs
) -> None:
    model, photo = context.inspected.model, context.inspected.photo
    last, contrast_class = (context.inspected.guesses[rank].index for rank in (-1, 1))
    request = NavigationRequest(model, photo, last, contrast_class)
    current = CurrentSelection()
    shown = start.follow_request(current, request)
    photo_selection = current.selection.photos
    assert photo_selection is not None
    assert (photo_selection.photo, shown[panel.model]["value"]) == (photo, model)
    assert current.selection.open_section == shown[sections].selected == "saliency"
    assert not shown[panel.strip]["visible"]
    started = start.start(TICKET, Tasks(), current, model)
    selection = current.selection
    assert selection.target_class == json.loads(started[panel.target_choice]["value"])["chosen"] == last
    assert selection.contrast_class == contrast_class
    none_known = replace(request, target_class=99, contrast_class=None)
    current = given(context, photos=replace(photo_selection, request=none_known))
    started = start.start(TICKET, Tasks(), current, model)
    best = context.inspected.guesses[0].index
    assert current.selection.target_class == json.loads(started[panel.target_choice]["value"])["chosen"] == best
    assert current.selection.contrast_class is None
    assert photo_selection.request_for("another model") is None


def test_one_of_several_photos_is_selected(panel: PhotoPanel, start: InspectionStart, tmp_path: Path) -> None:
    paths = photos(tmp_path / "photos", several_photos.MOST + 2)
    photo_selection = PhotoSelection(tuple(ReceivedPhoto(f"<b>{path.name}", path) for path in paths))
    current = CurrentSelection(Selection(photos=photo_selection))
    shown = start.draw_strip(current)["value"]
    assert shown.count("data:image/jpeg") == several_photos.MOST
    assert shown.count('aria-pressed="true"') == 1
    assert "<b>" not in shown
    assert str(len(paths)) in shown
    for sent in (*NONSENSE, {"name": "26"}):
        with pytest.raises(AppError):
            start.select_photo(current, gr.EventData(None, sent))
    start.select_photo(current, gr.EventData(None, {"name": "25"}))
    assert current.selection.photos is not None
    assert current.selection.photos.photo.path == paths[25]
    assert start.select_photo(CurrentSelection(), gr.EventData(None, {"name": "0"})) == gr.skip()
    two = PhotoSelection((ReceivedPhoto("big.jpg", None), photo_selection.photo))
    with speaking("zh-CN"):
        shown = start.draw_strip(CurrentSelection(Selection(photos=two)))
    assert shown["value"].count("<img") == 1
    assert text("look.strip", "zh-CN", photos=2, shown=several_photos.MOST) in shown["value"]
