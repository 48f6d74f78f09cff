"""The run panel: the run that is shown, its buttons, and the list of runs.

All of it is read from the runs' folders when the page's clock ticks, in one event; which buttons there are, too.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.jobs import queue
from resnet_demo.plots.curves import MOST_LINES
from resnet_demo.texts import AppError
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ACTIVE, ENDED, State
from resnet_demo.training.worker_state import Stop
from resnet_demo.ui.address import address_value
from resnet_demo.ui.errors import redact_paths
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE, Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import IDLE_SECONDS, TICK_SECONDS, Session
from resnet_demo.ui.tabs.finetune import run_badge, run_list, run_progress, setting_controls
from resnet_demo.ui.tabs.finetune.run_badge import Badge
from resnet_demo.ui.tabs.finetune.run_list import Row, RunList
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

MORE_EPOCHS = 3
RUN = "run"
VERSION = "version"
MOST_COMPARED = 100
ACTIONS = ("keep", "now", "resume", "results", "delete")

Props = dict[str, Any]


class RunPanel:
    """The components and what their events do."""

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:
        self.translations, self.session, self.events = translations, session, Events(translations, session)
        self.settings, self.runs = services.settings, services.runs
        self.list = RunList(self.runs)
        self.parts: dict[str, Any] = {"clock": session.clock, "address": session.address, "badge": session.badge}
        # What a page shows, asks and compares is known to the page alone, as text: a response that gets lost changes
        # nothing.
        self.last_render, self.pending_delete, self.compared = (gr.Textbox(visible=False) for _ in range(3))

    def lay_out_run(self) -> None:
        """The run: status, curves, buttons, log and settings."""
        create, parts = self.translations.create, self.parts
        parts["status"] = gr.HTML(elem_id="train-status")
        parts["plots"] = gr.HTML(elem_id="train-plots")
        small: dict[str, Any] = {"size": "sm", "min_width": 80}
        with gr.Row(elem_classes="train-actions"):
            for name in ACTIONS:
                said = {"value": f"train.action.{name}"}
                parts[name] = create(gr.Button, said, visible=False, elem_id=f"train-{name}", **small)
        with gr.Row(visible=False, elem_classes="train-actions") as parts["longer"]:
            self.go_longer = create(gr.Button, {"value": "train.action.longer"}, elem_id="train-longer", **small)
            self.more = create(
                gr.Number,
                {"label": "train.action.more_label"},
                value=MORE_EPOCHS,
                precision=0,
                show_label=False,
                container=False,
                min_width=70,
                elem_id="train-more",
            )
        with gr.Column(visible=False) as parts["confirm"]:
            parts["question"] = gr.HTML(elem_id="train-question")
            with gr.Row(elem_classes="train-actions"):
                self.sure = create(
                    gr.Button, {"value": "train.action.sure"}, variant="stop", elem_id="train-sure", **small
                )
                self.unsure = create(gr.Button, {"value": "train.action.unsure"}, elem_id="train-unsure", **small)
        with create(gr.Accordion, {"label": "train.progress.log"}, visible=False) as parts["log_fold"]:
            parts["log"] = gr.HTML(elem_id="train-log")
        with create(gr.Accordion, {"label": "train.progress.settings"}, open=False, visible=False) as parts[
            "settings_fold"
        ]:
            parts["settings"] = gr.HTML(elem_id="train-settings")
            parts["command"] = create(
                gr.Textbox,
                {"label": "train.progress.command"},
                interactive=False,
                buttons=["copy"],
                visible=False,
                elem_id="train-command",
            )

    def lay_out_list(self) -> None:
        """The list of runs and the comparison of some."""
        self.translations.create(gr.HTML, {"value": lambda: f"<h3>{escape(say('train.list.title'))}</h3>"})
        self.parts["list"] = gr.HTML(js_on_load=run_list.BEHAVIOUR, apply_default_css=False, elem_id="train-runs")
        self.parts["comparison"] = gr.HTML(visible=False, elem_id="train-comparison")

    @property
    def refresh_event(self) -> dict[str, Any]:
        """The one event that updates everything."""
        return self.events.handler(
            self.refresh,
            [self.last_render, self.session.run, self.pending_delete, self.compared, self.session.looked],
            [self.last_render, *self.parts.values()],
            **LAST_CHOICE,
            show_progress="hidden",
            api_visibility="private",
            # Every open page asks now and then: that takes no place from those who wait for an answer.
            queue=False,
        )

    def wire(self, steps: Any) -> None:
        """Let the components act; to be called when all of them are laid out."""
        session, parts = self.session, self.parts
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        refresh = self.refresh_event
        session.on_load(refresh)
        gr.on([session.clock.tick, session.run.change, self.translations.selector.change], **refresh)
        opened = [session.run, self.pending_delete]
        actions: tuple[tuple[Any, Callable[..., Any], list[Any], Any], ...] = (
            (parts["keep"].click, self.stop_and_keep, [self.last_render], None),
            (parts["now"].click, self.stop_now, [self.last_render], None),
            (parts["resume"].click, self.resume, [self.last_render], None),
            (self.go_longer.click, self.go_on_longer, [self.last_render, self.more], None),
            (parts["delete"].click, self.ask_to_delete, [self.last_render], self.pending_delete),
            (self.unsure.click, lambda: None, [], self.pending_delete),
            (self.sure.click, self.delete, [self.pending_delete], opened),
            (session.badge.look, self.look, [], session.looked),
        )
        for event, action, inputs, outputs in actions:
            event(**self.events.handler(action, inputs, outputs, **quietly)).then(**refresh)
        of_rows = ((parts["list"].open, self.open_run, opened), (parts["list"].compare, self.compare, self.compared))
        for clicked, sent, changed in of_rows:
            clicked(**self.events.handler(sent, [], changed, **quietly, **EACH_CLICK)).then(**refresh)
        parts["results"].click(lambda: gr.Tabs(selected="results"), None, steps, **quietly)

    # What is shown

    def refresh(
        self,
        last_render: object,
        name: object,
        pending_delete: object,
        compared: object,
        looked: object,
    ) -> Any:
        """Updates of what has changed since this page was rendered last."""
        self.runs.advance()
        run, broken = self._opened(name)
        rendered = _read_render(last_render)
        badge = run_badge.newest_badge(self.list.rows(), self.runs, looked)
        version = self._version(run, broken, pending_delete, _names(compared), badge, address_value(None, name))
        if rendered.get(VERSION) == version:
            return gr.skip()
        props, opened = self._opened_props(run, broken, pending_delete)
        props |= self._list_props(opened, _names(compared))
        props["address"] = {"value": address_value(opened, name)}
        props["badge"] = {"value": run_badge.as_html(badge, self.runs)}
        checksums: dict[str, object] = {part: zlib.crc32(repr(props[part]).encode()) for part in self.parts}
        checksums |= {RUN: opened, VERSION: version}
        changed = [part for part in self.parts if checksums[part] != rendered.get(part)]
        return {
            self.last_render: json.dumps(checksums),
            **{self.parts[part]: gr.update(**props[part]) for part in changed},
        }

    def _opened(self, name: object) -> tuple[Run | None, Unreadable | None]:
        """The run that is open, or why it cannot be read; neither where there is none."""
        broken = self.runs.unreadable(name)
        return (self.runs.current(name) if broken is None else None), broken

    def _version(
        self,
        run: Run | None,
        broken: Unreadable | None,
        pending_delete: object,
        compared: Sequence[str],
        badge: Badge | None,
        *more: object,
    ) -> int:
        """A checksum of all that the rendering depends on; cheaper than rendering."""
        rows = [
            (row.name, row.state, row.title, row.figures) if isinstance(row, Row) else row for row in self.list.rows()
        ]
        queued = run is not None and any(isinstance(row, tuple) and row[:2] == (run.name, "queued") for row in rows)
        before = self.runs.before(run) if run is not None and queued else 0
        read = [self.runs.version(one) for one in [*self._read(run, compared), *([badge.run] if badge else [])]]
        about = current_language(), pending_delete, compared, rows, broken, before, read, more
        return zlib.crc32(repr((*about, badge)).encode())

    def _read(self, run: Run | None, compared: Sequence[str]) -> list[Run]:
        """The runs whose histories are shown."""
        others = [other for other in self.runs.listed() if other.name in compared]
        return others if run is None else [run, *others]

    def _opened_props(
        self, run: Run | None, broken: Unreadable | None, pending_delete: object
    ) -> tuple[dict[str, Props], str | None]:
        """Properties of the components for the run that is open, and its name."""
        if run is not None:
            try:
                return self._run_props(run, pending_delete), run.name
            except AppError as error:  # it could be read a moment ago
                broken = Unreadable(run.name, error.message)
        hidden: dict[str, Props] = {part: {"visible": False} for part in self.parts}
        if broken is None:
            said, actions = f'<p class="empty">{escape(say("train.progress.empty"))}</p>', {}
        else:
            said, actions = (
                redact_paths(run_progress.unreadable(broken)),
                _actions(broken.name, "lost", pending_delete),
            )
            actions["resume"] = {"visible": False}
        props: dict[str, Props] = {**hidden, "status": {"value": said}, "plots": {"value": ""}, **actions}
        return props, None if broken is None else broken.name

    def _run_props(self, run: Run, pending_delete: object) -> dict[str, Props]:
        state = self.runs.state(run)
        before = self.runs.before(run) if state == "queued" else 0
        local = self.settings.local_paths_allowed
        with self.runs.history(run) as history:
            said: dict[str, Props] = {
                "status": {"value": redact_paths(run_progress.status(run, state, before, history))},
                "plots": {"value": run_progress.plots(history)},
                "log": {
                    "value": redact_paths(run_progress.log(run, state, history, local=local)),
                    "visible": True,
                },
                "settings": {"value": run_progress.resolved(run, history), "visible": True},
                "command": {
                    "value": queue.repeat_command(run, self.settings, history.started) if local else "",
                    "visible": local,
                },
            }
        folds: dict[str, Props] = {"log_fold": {"visible": True}, "settings_fold": {"visible": True}}
        return {**said, **folds, **_actions(run.name, state, pending_delete, run.title)}

    def _list_props(self, opened: str | None, compared: Sequence[str]) -> dict[str, Props]:
        rows = self.list.rows()
        readable = [row for row in rows if isinstance(row, Row)]
        compared = [row.name for row in readable if row.name in compared][:MOST_LINES]
        listed = run_list.as_html(rows, opened, compared)
        titles = {row.name: row.title or row.name for row in readable}
        named = []
        for name in compared:
            # One that could be read a moment ago is left out.
            with suppress(AppError), self.runs.history(self.runs.find(name)) as history:
                named.append((titles[name], list(history.epochs)))
        comparison = {"value": run_list.comparison(named), "visible": True} if named else {"visible": False}
        watched = any(row.state not in ENDED for row in readable)
        return {
            "list": {"value": listed, "visible": True},
            "comparison": comparison,
            "clock": {"value": TICK_SECONDS if watched else IDLE_SECONDS},
        }

    def open_run(self, event: gr.EventData) -> dict[Any, Any]:
        """Show the run that was clicked."""
        return {self.session.run: event._data.get("name"), self.pending_delete: None}

    def look(self) -> float:
        """The visitor knows of all that has ended by now."""
        return time.time()

    def compare(self, event: gr.EventData) -> str:
        """The runs whose checkboxes are ticked."""
        return json.dumps(event._data.get("names"))

    # What is done to the run that a page shows, whichever would be shown by now

    def stop_and_keep(self, last_render: object) -> None:
        """Ask it to stop once it has saved."""
        self._stop(last_render, "keep")

    def stop_now(self, last_render: object) -> None:
        """End it, with all its processes."""
        self._stop(last_render, "now")

    def _stop(self, last_render: object, how: Stop) -> None:
        queue.stop(self._rendered_run(last_render), self.settings.home, how)

    def resume(self, last_render: object) -> None:
        """Queue it again."""
        run = self._rendered_run(last_render)
        self.runs.admit()
        queue.resume(run, self.settings.home)

    def go_on_longer(self, last_render: object, more: object) -> None:
        """Train it for some more epochs."""
        epochs = setting_controls.number("epochs", more)
        run = self._rendered_run(last_render)
        self.runs.admit()
        queue.resume(run, self.settings.home, more_epochs=epochs)

    def ask_to_delete(self, last_render: object) -> str:
        """Its name, for `delete` if that is confirmed."""
        return self.runs.deletable(_read_render(last_render).get(RUN))

    def delete(self, pending_delete: object) -> dict[Any, Any]:
        """Delete the run that was asked about."""
        queue.delete(self.runs.deletable(pending_delete), self.settings.home)
        return {self.session.run: None, self.pending_delete: None}

    def _rendered_run(self, last_render: object) -> Run:
        return self.runs.find(_read_render(last_render).get(RUN))


def _actions(name: str, state: State, pending_delete: object, title: str | None = None) -> dict[str, Props]:
    """Properties of the buttons, for the run of this name in this state."""
    over = state in ENDED
    asked = over and pending_delete == name
    return {
        "keep": {"visible": state in ACTIVE, "interactive": state != "stopping"},
        "now": {
            "visible": not over,
            "value": say(f"train.action.{'leave' if state == 'queued' else 'now'}"),
        },
        "resume": {"visible": over and state != "finished"},
        "longer": {"visible": state == "finished"},
        "results": {"visible": state == "finished"},
        "delete": {"visible": over, "interactive": not asked},
        "confirm": {"visible": asked},
        "question": {"value": say("train.action.question", name=title or name), "visible": asked},
    }


def _read_render(last_render: object) -> dict[str, object]:
    """What `refresh` returned to a page last, as the page sends it: a checksum for each part, and the run's name."""
    checksums = _parsed(last_render)
    return checksums if isinstance(checksums, dict) else {}


def _names(compared: object) -> list[str]:
    """The names that `compare` returned to a page, as the page sends them."""
    names = _parsed(compared)
    return [name for name in names[:MOST_COMPARED] if isinstance(name, str)] if isinstance(names, list) else []


def _parsed(told: object) -> object:
    try:
        return json.loads(str(told))
    except (ValueError, RecursionError):
        return None
