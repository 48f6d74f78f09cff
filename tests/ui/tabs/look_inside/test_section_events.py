"""Events of the sections: what is stale ends, what overlaps is kept, and hidden sections cost nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client

from resnet_demo.texts import text
from resnet_demo.ui.components.work_status import Tasks
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import ALWAYS_SHOWN, SECTIONS, CurrentSelection, Selection

BROWSER = ("en", None)
"""What Gradio sends before an event's own inputs: language and visitor."""


def carry_out(listener: dict[str, Any], current: CurrentSelection, *work: object) -> Any:
    """What an event gives; `work` is the ticket and the tasks where its listener takes them."""
    return listener["fn"](*BROWSER, *work, current, gr.EventData(None, None))


def section(events: SectionEvents, name: str, handler: Any, output: Any) -> dict[str, Any]:
    """The listener that updates a section."""
    events.section(name, handler, [], [output])
    return events._listeners[name]


def long_event(events: SectionEvents, handler: Any, output: Any) -> dict[str, Any]:
    """The listener of a long event."""
    found: list[dict[str, Any]] = []

    def trigger(**listener: Any) -> Any:
        found.append(listener)
        return gr.Button().click(**listener)

    events.long_event(trigger, "look.saliency.five", handler, [], [output], section="saliency")
    return found[0]


def test_only_what_is_seen_is_shown_anew(events: SectionEvents) -> None:
    seen = set()
    for name in SECTIONS:
        current = CurrentSelection(Selection(open_section=name))
        state, *stale = events.updates(current)
        assert state is events.current
        assert len(stale) == (1 if name == ALWAYS_SHOWN else 2)
        assert all(events.updates(current)[one] > 0 for one in stale)
        seen.update(stale)
    assert len(seen) == len(SECTIONS)
    assert set(events.changed) == {events.current, *seen}
    assert len(events.updates(current, "maps")) == 2


def test_a_quick_event_changes_the_selection(events: SectionEvents) -> None:
    current = CurrentSelection()
    listener = events.change(lambda selection, sent: replace(selection, part=str(sent)))
    shown = listener["fn"](*BROWSER, current, gr.EventData(None, "stem"))
    assert current.selection.part == "stem"
    assert shown.keys() == events.updates(current).keys()
    assert listener.get("queue", True)  # or the page is not told which section is stale
    assert listener["trigger_mode"] == "multiple"  # or the last choice would come with the data of the first


def test_events_without_a_photo_do_nothing_and_clicks_say_why(
    events: SectionEvents, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(context: EventContext) -> Any:
        raise AssertionError(context)

    output = gr.HTML()
    assert carry_out(section(events, "maps", never, output), CurrentSelection(), "1", Tasks()) == gr.skip()
    assert carry_out(events.event(never, [], [output], clicked=False), CurrentSelection()) == gr.skip()
    assert capsys.readouterr().out == ""
    assert carry_out(events.event(never, [], [output]), CurrentSelection()) == gr.skip()

    def never_ending(context: EventContext) -> Iterator[Any]:
        yield never(context)

    long = long_event(events, never_ending, output)
    assert list(carry_out(long, CurrentSelection(), "1", Tasks())) == [gr.skip()]
    assert carry_out(long_event(events, never, output), CurrentSelection(), "1", Tasks()) == gr.skip()
    assert capsys.readouterr().out == 3 * (text("classify.gone") + "\n")


def test_a_section_that_is_not_seen_is_not_shown(events: SectionEvents, context: EventContext) -> None:
    output = gr.HTML()
    shows = section(events, "flow", lambda context: {output: context.selection.part}, output)
    assert carry_out(shows, context.current, "1", Tasks()) == gr.skip()
    context.change(open_section="flow")
    assert carry_out(shows, context.current, "1", Tasks()) == {output: "stage3"}
    always = section(events, ALWAYS_SHOWN, lambda context: {output: context.section}, output)
    assert carry_out(always, context.current, "1", Tasks()) == {output: ALWAYS_SHOWN}


def test_a_section_that_is_opened_again_ends_nothing_that_was_asked_for_in_it(
    events: SectionEvents, context: EventContext
) -> None:
    output, tasks = gr.HTML(), Tasks()
    shows = section(events, ALWAYS_SHOWN, lambda _context: {output: "shown"}, output)

    def handler(context: EventContext) -> Iterator[Any]:
        context.share(0.1)
        yield {output: "begun"}
        context.share(0.9)
        yield {output: "done"}

    def asked(between: Any) -> list[Any]:
        work = carry_out(long_event(events, handler, output), context.current, "1", tasks)
        found = [next(work), next(work)]
        between()
        return [*found, *work]

    tickets = map(str, range(1000, 2000))

    def open_again() -> None:
        for opened in ("maps", ALWAYS_SHOWN):
            context.change(open_section=opened)
            assert carry_out(shows, context.current, next(tickets), tasks) == {output: "shown"}

    open_again()
    assert asked(open_again)[1:] == [{output: "begun"}, {output: "done"}]
    context.change(part="stage1")
    assert asked(open_again)[1:] == [{output: "begun"}]


def test_an_older_event_that_comes_late_does_not_end_the_newer_one(
    events: SectionEvents, context: EventContext
) -> None:
    output, tasks = gr.HTML(), Tasks()
    overtaken: list[Any] = []

    def handler(context: EventContext) -> Any:
        if not overtaken:
            tasks.stop("1a")  # the browser has begun a newer one
            overtaken.append(carry_out(shows, context.current, "1a", tasks))
        return {output: "the newer one"}

    shows = section(events, ALWAYS_SHOWN, handler, output)
    assert carry_out(shows, context.current, "1b", tasks) == {output: "the newer one"}
    assert overtaken == [gr.skip()]
    assert carry_out(shows, context.current, "1c", tasks) == {output: "the newer one"}


def test_as_long_as_nothing_is_selected_each_section_shows_what_can_be_made_out(context: EventContext) -> None:
    context = context.with_selection(part="")
    sides = {name: blocks[-1].side for name, blocks in context.inspection.architecture.stages.items()}
    assert sides == {"stage1": 32, "stage2": 16, "stage3": 8}
    parts = {name: replace(context, section=name).part for name in SECTIONS}
    assert parts == {"saliency": "stage3", "maps": "stage2", "residual": "stage3", "flow": "stage3"}
    assert context.inspection.last_stage(33) == "stage1"
    assert replace(context.with_selection(part="stage1.0"), section="maps").part == "stage1.0"


def test_what_nobody_waits_for_any_more_ends(events: SectionEvents, context: EventContext) -> None:
    told, output = [], gr.HTML()

    def slow(one: EventContext) -> Any:
        one.share(0.1)
        one.current.supersede("saliency")
        told.append("superseded")
        one.share(0.2)
        told.append("went on")

    def late(one: EventContext) -> Any:
        one.current.supersede("saliency")
        return {output: "of what was before"}

    assert carry_out(long_event(events, slow, output), context.current, "1", Tasks()) == gr.skip()
    assert told == ["superseded"]
    assert carry_out(long_event(events, late, output), context.current, "1", Tasks()) == gr.skip()
    # A section that is shown anew ends what was asked in it before, and nothing else.
    context.change(open_section="maps")
    before = {name: context.current.version(name) for name in SECTIONS}
    carry_out(section(events, "maps", lambda _: {output: ""}, output), context.current, "1", Tasks())
    after = {name: context.current.version(name) for name in SECTIONS}
    assert after == before | {"maps": before["maps"] + 1}


def test_what_is_stopped_leaves_what_is_done(events: SectionEvents, context: EventContext) -> None:
    tasks, output = Tasks(), gr.HTML()

    def slow(one: EventContext) -> Any:
        one.share(0.25)
        assert tasks.progress() == {"1a": (0.25, "")}
        tasks.stop("1a")
        one.share(0.5)

    def in_steps(one: EventContext) -> Iterator[Any]:
        yield {output: "first"}
        tasks.stop("2b")
        one.share(0.5)
        yield {output: "second"}

    assert carry_out(long_event(events, slow, output), context.current, "1a", tasks) == gr.skip()
    shown = list(carry_out(long_event(events, in_steps, output), context.current, "2b", tasks))
    assert shown == [gr.skip(), {output: "first"}]
    # One that waits when it is stopped does not begin.
    tasks.stop("3c")
    assert carry_out(long_event(events, in_steps, output), context.current, "3c", tasks).__next__() == gr.skip()
    assert tasks.progress() == {}


def test_what_was_meant_for_another_photo_changes_nothing(events: SectionEvents, context: EventContext) -> None:
    output = gr.HTML()

    def slow(one: EventContext) -> Any:
        another = replace(context.inspected)
        one.current.change(lambda now: replace(now, inspected=another, part="stem"))
        return {output: one.change(removed=("stage1.0",)).selection.part}

    assert carry_out(events.event(slow, [], [output]), context.current) == gr.skip()
    assert (context.current.selection.part, context.current.selection.removed) == ("stem", ())


def test_what_an_event_changes_does_not_undo_a_quicker_one(events: SectionEvents, context: EventContext) -> None:
    quick = events.change(lambda selection, _: replace(selection, open_section="flow"))

    def slow(one: EventContext) -> Any:
        quick["fn"](*BROWSER, one.current, gr.EventData(None, None))
        changed = one.change(part="stem")
        return {output: f"{changed.selection.part} {changed.selection.open_section}"}

    output = gr.HTML()
    assert carry_out(events.event(slow, [], [output]), context.current) == {output: "stem flow"}


@pytest.fixture
def page() -> Iterator[tuple[str, threading.Event]]:
    """A page with a slow and a quick event that change the one state, and one that reads it."""
    from resnet_demo.settings import Settings
    from resnet_demo.ui.services import Services
    from resnet_demo.ui.session import Session
    from resnet_demo.ui.translations import Translations

    begun, go_on = threading.Event(), threading.Event()

    def slow(current: CurrentSelection) -> Any:
        begun.set()
        assert go_on.wait(20)
        current.change(lambda now: replace(now, part="stem"))
        return {events.current: current, output: "slow"}

    def quick(current: CurrentSelection) -> Any:
        assert begun.wait(20)
        current.change(lambda now: replace(now, open_section="flow"))
        return {events.current: current, output: "quick"}

    def read(current: CurrentSelection) -> Any:
        return {output: f"{current.selection.part} {current.selection.open_section}"}

    with gr.Blocks(analytics_enabled=False) as demo:
        translations, session = Translations(), Session()
        translations.create_selector()
        session.lay_out_header(translations)
        events = SectionEvents(translations, Services(Settings()), session)
        output, button = gr.Textbox(), gr.Button()
        for fn in (slow, quick, read):
            button.click(**events.page.handler(fn, [events.current], [events.current, output], api_name=fn.__name__))
        translations.connect(demo)
        session.connect(demo)
    demo.queue(api_open=True)
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True)
    yield address, go_on
    demo.close()


def test_overlapping_events_of_one_visitor_on_a_real_server(page: tuple[str, threading.Event]) -> None:
    address, go_on = page
    client = Client(address, verbose=False)
    slow = client.submit(*BROWSER, api_name="/slow")
    assert client.predict(*BROWSER, api_name="/quick") == "quick"
    go_on.set()
    assert slow.result(timeout=30) == "slow"
    assert client.predict(*BROWSER, api_name="/read") == "stem flow"
    assert Client(address, verbose=False).predict(*BROWSER, api_name="/read") == f" {SECTIONS[0]}"
