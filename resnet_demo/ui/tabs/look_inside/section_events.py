"""The events of the tab's sections: each is given an inspection and the visitor's selection, and returns updates."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from resnet_demo.texts import AppError
from resnet_demo.ui.components.work_status import StoppedError, Task, Tasks, WorkStatus
from resnet_demo.ui.errors import inform
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE, Events
from resnet_demo.ui.server import time_limit
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Share, SupersededError, Updates, no_updates
from resnet_demo.ui.tabs.look_inside.inspection import Inspector
from resnet_demo.ui.tabs.look_inside.selection import ALWAYS_SHOWN, SECTIONS, CurrentSelection, Selection
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

BUSY: dict[str, Any] = {
    "concurrency_id": "classify",
    "concurrency_limit": AT_A_TIME,
    "api_visibility": "private",
}
LONG: dict[str, Any] = {"concurrency_id": "measure", "concurrency_limit": 1, "api_visibility": "private"}
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **EACH_CLICK}
# Through the queue: of an event that goes past it, Gradio 6.31 does not tell a page which states have changed.
CHANGE: dict[str, Any] = {"concurrency_id": "selection", "concurrency_limit": None, **LAST_CHOICE}

START = "look.work.start"
BUTTONS = (
    *(f"look.saliency.{name}" for name in ("five", "each", "same", "true", "files")),
    "look.ablation_sweep.title",
)
MODEL = "model"
"""What work belongs to that only another model makes useless."""
WORK = (START, *BUTTONS, *(f"look.section.{name}" for name in SECTIONS))
"""Texts that name what may take long; each has a row in the status while it is under way."""

MOST_SECONDS = 180.0
"""What one click of a public visitor may take, while others wait."""

Handler = Callable[..., Updates]
"""(EventContext, values of the section's controls) -> updates of its outputs."""


class SectionEvents:
    """The states of the tab, and the listeners that are given them; a page has one.

    What quick and long events change is kept apart: all selected things are in `current`, which no event holds while
    it works; states of a section's own, such as its last result, are written by that section's events alone.
    Whatever may take long has a row in `work`.
    """

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:
        self.translations, self.services, self.session = translations, services, session
        self.page = Events(translations, session)
        self.inspector = Inspector(services)
        keep = services.settings.keep_seconds
        self.current = gr.State(CurrentSelection(), time_to_live=keep)
        self.work = WorkStatus(translations, self.page, WORK, keep_seconds=keep, elem_id="look-work")
        # By section: a state whose change has the section updated. One for each, so that hidden ones are not asked; the
        # last one's turn comes last, after the section that was clicked in.
        self._stale = {name: gr.State(0.0) for name in sorted(SECTIONS, key=lambda name: name == ALWAYS_SHOWN)}
        self._listeners: dict[str, dict[str, Any]] = {}
        self._empty: Updates = {}

    @property
    def changed(self) -> list[Any]:
        """Outputs of an event that changes the selection, for which `updates` has the values."""
        return [self.current, *self._stale.values()]

    def updates(self, current: CurrentSelection, *sections: str) -> Updates:
        """Updates after which these sections, or else those that are seen, are shown anew; the others cost nothing."""
        now, stale = time.monotonic(), sections or {ALWAYS_SHOWN, current.selection.open_section}
        current.supersede(*stale)
        # The object is the same; Gradio notes that it was used, and keeps it for longer.
        return {self.current: current, **{self._stale[name]: now for name in stale}}

    def emptied(self) -> Updates:
        """Updates after which no section shows anything of the photo or the model before."""
        return {component: gr.update(**update) for component, update in self._empty.items()}

    @property
    def emptied_outputs(self) -> list[Any]:
        """Outputs for which `emptied` has the values."""
        return list(self._empty)

    def change(self, changed: Callable[[Selection, object], Selection]) -> dict[str, Any]:
        """A listener for a quick event: `changed`, a pure function, is given the selection and what was sent."""

        def run(current: CurrentSelection, event: gr.EventData) -> Updates:
            current.change(lambda selection: changed(selection, event._data))
            return self.updates(current)

        return self.page.handler(run, [self.current], self.changed, **{**QUICK, **CHANGE, **EACH_CLICK})

    def refresh(self, *sections: str) -> dict[str, Any]:
        """A listener that has these sections, or else those that are seen, updated."""

        def run(current: CurrentSelection) -> Updates:
            return self.updates(current, *sections)

        return self.page.handler(run, [self.current], self.changed, **{**QUICK, **CHANGE})

    def section(
        self,
        name: str,
        handler: Handler,
        controls: Sequence[Any],
        outputs: Sequence[Any],
        *,
        when: Sequence[Callable[..., Any]] = (),
        empty: Updates | None = None,
    ) -> None:
        """Have `handler` update this section whenever it is stale, and open or always shown.

        Args:
            when: triggers of its controls that make it stale.
            empty: by component, what is updated so that nothing of another photo is seen.
        """

        work = f"look.section.{name}"

        def show(ticket: object, tasks: Tasks, current: CurrentSelection, event: gr.EventData, *values: Any) -> Any:
            selection = current.selection
            if selection.inspected is None or name not in (selection.open_section, ALWAYS_SHOWN):
                return no_updates()
            if not tasks.is_newest(work, ticket):
                return no_updates()
            # A tab that is opened again ends nothing that was asked for in it.
            current.begin(name, (selection.shown(), current_language(), values))
            return self._carry_out(handler, _Asked(ticket, tasks, current, event, name), values)

        self._empty |= empty or {}
        self._listeners[name] = self.page.handler(
            show,
            [*self.work.inputs, self.current, *controls],
            list(outputs),
            js=self.work.begins(work, BUSY["concurrency_id"], later=True),
            show_progress="hidden",
            **BUSY,
            **LAST_CHOICE,
        )
        self.work.ends(self._stale[name].change(**self._listeners[name]), work)
        if when:
            gr.on(list(when), **self.refresh(name))

    def show_when_opened(self, name: str, tab: Any) -> Any:
        """Have a section, which is laid out already, updated whenever its tab is opened; returns the event."""

        def opened(current: CurrentSelection) -> Updates:
            current.change(lambda selection: replace(selection, open_section=name))
            return {self.current: current}

        # Past the queue, so not by a change of `_stale`, of which the page would not be told.
        listener = self.page.handler(opened, [self.current], [self.current], queue=False, **QUICK)
        event = tab.select(**listener)
        self.work.ends(event.then(**self._listeners[name]), f"look.section.{name}")
        return event

    def event(
        self,
        handler: Handler,
        controls: Sequence[Any],
        outputs: Sequence[Any],
        *,
        section: str | None = None,
        clicked: bool = True,
        **options: Any,
    ) -> dict[str, Any]:
        """A listener for an event that is done in a moment.

        Args:
            section: the one that it belongs to; it ends when this is shown anew.
            clicked: it is a visitor's own doing, who is told if the photo is not kept any more.
        """

        def run(current: CurrentSelection, event: gr.EventData, *values: Any) -> Any:
            if clicked:
                _tell_if_gone(current)
            return self._carry_out(handler, _Asked(None, Tasks(), current, event, section), values)

        return self.page.handler(
            run, [self.current, *controls], list(outputs), **{"show_progress": "hidden", **BUSY, **options}
        )

    def long_event(
        self,
        trigger: Callable[..., Any],
        work: str,
        handler: Callable[..., Any],
        controls: Sequence[Any],
        outputs: Sequence[Any],
        *,
        section: str,
        queue: dict[str, Any] = BUSY,
    ) -> None:
        """Have `handler` carried out on a trigger, with a row in the status; what it has not returned stays as it was.

        Args:
            work: one of `WORK`.
            handler: a `Handler`, or a generator of updates, which only reads.
            section: a section, which ends this when it is shown anew; or `MODEL`, where only another model does.
            queue: `LONG` where others may have to wait for it.
        """

        def run(ticket: object, tasks: Tasks, current: CurrentSelection, event: gr.EventData, *values: Any) -> Any:
            _tell_if_gone(current)
            return self._carry_out(handler, _Asked(ticket, tasks, current, event, section), values)

        def generate(
            ticket: object, tasks: Tasks, current: CurrentSelection, event: gr.EventData, *values: Any
        ) -> Iterator[Any]:
            _tell_if_gone(current)
            yield from self._generate(handler, _Asked(ticket, tasks, current, event, section), values)

        listener = self.page.handler(
            generate if inspect.isgeneratorfunction(handler) else run,
            [*self.work.inputs, self.current, *controls],
            list(outputs),
            js=self.work.begins(work, queue["concurrency_id"]),
            **{"show_progress": "hidden", **queue, **EACH_CLICK},
        )
        self.work.ends(trigger(**listener), work)

    def _generate(
        self, handler: Callable[..., Iterator[Updates]], asked: _Asked, values: Sequence[Any]
    ) -> Iterator[Any]:
        """Updates until it is done, or nobody waits any more; there is at least a skip."""
        yield no_updates()
        if asked.current.selection.inspected is None:
            return
        with suppress(SupersededError, StoppedError), asked.tasks.run(asked.ticket) as task:
            yield from handler(self._context(asked, task, limited=False), *values)

    def _carry_out(self, handler: Handler, asked: _Asked, values: Sequence[Any]) -> Any:
        """Updates, or a skip where there is no photo or nobody waits any more."""
        if asked.current.selection.inspected is None:
            return no_updates()
        version = asked.version
        try:
            with asked.tasks.run(asked.ticket) as task:
                found = handler(self._context(asked, task), *values)
        except (SupersededError, StoppedError):
            return no_updates()
        return found if asked.section is None or asked.version == version else no_updates()

    def _context(self, asked: _Asked, task: Task, *, limited: bool = True) -> EventContext:
        selection = asked.current.selection
        assert selection.inspected is not None
        inspection = self.inspector.resume(selection.inspected)
        share = self._cancellable(asked, task, limited)
        section = asked.section if asked.section in SECTIONS else selection.open_section
        return EventContext(
            inspection, selection, asked.current, share, getattr(asked.event, "_data", None), section or SECTIONS[0]
        )

    def _cancellable(self, asked: _Asked, task: Task, limited: bool) -> Share:
        """A `Share` that ends the work once it is stopped or superseded, or takes too long on a public page."""
        limited = limited and not self.services.settings.local_paths_allowed
        started, version = time.monotonic(), asked.version

        def share(done: float) -> None:
            if asked.version != version:
                raise SupersededError
            time_limit.go_on()
            if limited and time.monotonic() - started > MOST_SECONDS:
                raise AppError("look.too_long")
            task.tell(done)

        return share


def _tell_if_gone(current: CurrentSelection) -> None:
    if current.selection.inspected is None:
        inform(say("classify.gone"))


@dataclass(frozen=True, eq=False)
class _Asked:
    """An event as it came: its ticket, whose tasks and selection, what was clicked, and the section it belongs to."""

    ticket: object
    tasks: Tasks
    current: CurrentSelection
    event: gr.EventData
    section: str | None

    @property
    def version(self) -> int:
        """It grows when the work of the section has become useless."""
        return 0 if self.section is None else self.current.version(self.section)
