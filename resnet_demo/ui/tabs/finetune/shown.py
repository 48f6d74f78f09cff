"""The run that is shown, what can be done to it, and the list of runs.

All of it comes from the runs' folders, looked at when the page's clock ticks, in one event; which buttons there are,
too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.jobs import queue
from resnet_demo.plots.curves import MOST_LINES
from resnet_demo.texts import AppError, text
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import ACTIVE, ENDED, Run, State, Stop
from resnet_demo.ui.errors import discreet, spoken
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import IDLE_SECONDS, TICK_SECONDS, Session
from resnet_demo.ui.tabs.finetune import knobs, live, run_list
from resnet_demo.ui.tabs.finetune.run_list import Row, RunList

MORE_EPOCHS = 3
RUN = "run"
VERSION = "version"
MOST_PICKED = 100
ACTS = ("keep", "now", "resume", "results", "delete")

View = dict[str, Any]


class Shown:
    """The components and what their events do."""

    def __init__(self, words: Words, services: Services, session: Session) -> None:
        self.words, self.session = words, session
        self.settings, self.runs = services.settings, services.runs
        self.list = RunList(self.runs)
        self.parts: dict[str, Any] = {"clock": session.clock}
        # What a page shows, asks and compares is known to itself alone, as text: so an answer that gets lost on its way
        # has changed nothing.
        self.seen, self.doomed, self.picked = (gr.Textbox(visible=False) for _ in range(3))

    def lay_out_run(self) -> None:
        """The run: how it stands, curves, what can be done, and what it said and was asked."""
        make, parts = self.words.make, self.parts
        parts["status"] = gr.HTML(elem_id="train-status")
        parts["plots"] = gr.HTML(elem_id="train-plots")
        small: dict[str, Any] = {"size": "sm", "min_width": 80}
        with gr.Row(elem_classes="train-acts"):
            for name in ACTS:
                said = {"value": f"train.act.{name}"}
                parts[name] = make(gr.Button, said, visible=False, elem_id=f"train-{name}", **small)
        with gr.Row(visible=False, elem_classes="train-acts") as parts["longer"]:
            self.go_longer = make(gr.Button, {"value": "train.act.longer"}, elem_id="train-longer", **small)
            self.more = make(
                gr.Number,
                {"label": "train.act.more_label"},
                value=MORE_EPOCHS,
                precision=0,
                show_label=False,
                container=False,
                min_width=70,
                elem_id="train-more",
            )
        with gr.Column(visible=False) as parts["confirm"]:
            parts["question"] = gr.HTML(elem_id="train-question")
            with gr.Row(elem_classes="train-acts"):
                self.sure = make(gr.Button, {"value": "train.act.sure"}, variant="stop", elem_id="train-sure", **small)
                self.unsure = make(gr.Button, {"value": "train.act.unsure"}, elem_id="train-unsure", **small)
        with make(gr.Accordion, {"label": "train.live.log"}, visible=False) as parts["log_fold"]:
            parts["log"] = gr.HTML(elem_id="train-log")
        with make(gr.Accordion, {"label": "train.live.settings"}, open=False, visible=False) as parts["settings_fold"]:
            parts["settings"] = gr.HTML(elem_id="train-settings")
            parts["command"] = make(
                gr.Textbox,
                {"label": "train.live.command"},
                interactive=False,
                buttons=["copy"],
                visible=False,
                elem_id="train-command",
            )

    def lay_out_list(self) -> None:
        """The list of runs and the comparison of some."""
        self.words.make(gr.HTML, {"value": lambda language: f"<h3>{escape(text('train.list.title', language))}</h3>"})
        self.parts["list"] = gr.HTML(js_on_load=run_list.BEHAVIOUR, apply_default_css=False, elem_id="train-runs")
        self.parts["comparison"] = gr.HTML(visible=False, elem_id="train-comparison")

    @property
    def look_event(self) -> dict[str, Any]:
        """The one event that shows everything."""
        session = self.session
        return {
            "fn": self.look,
            "inputs": [self.seen, session.run, session.visitor, self.words.selector, self.doomed, self.picked],
            "outputs": [self.seen, *self.parts.values()],
            "trigger_mode": "always_last",
            "show_progress": "hidden",
            "api_visibility": "private",
            # Every open page asks now and then: that takes no place from those who wait for an answer.
            "queue": False,
        }

    def wire(self, steps: Any) -> None:
        """Let the components act; to be called when all of them are laid out."""
        session, language, parts = self.session, self.words.selector, self.parts
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        look = self.look_event
        session.at_start(look)
        gr.on([session.clock.tick, session.run.change, language.change], **look)
        known = [self.seen, session.visitor, language]
        acts: tuple[tuple[Any, Callable[..., Any], list[Any], Any], ...] = (
            (parts["keep"].click, self.stop_and_keep, known, None),
            (parts["now"].click, self.stop_now, known, None),
            (parts["resume"].click, self.resume, known, None),
            (self.go_longer.click, self.go_on_longer, [*known, self.more], None),
            (parts["delete"].click, self.ask_to_delete, known, self.doomed),
            (self.unsure.click, lambda: None, [], self.doomed),
            (self.sure.click, self.delete, [self.doomed, *known[1:]], [self.doomed, session.run]),
            (parts["list"].open, self.open_run, [], [session.run, self.doomed]),
            (parts["list"].pick, self.pick, [], self.picked),
        )
        for event, act, inputs, outputs in acts:
            event(act, inputs, outputs, **quietly).then(**look)
        parts["results"].click(lambda: gr.Tabs(selected="results"), None, steps, **quietly)

    # What is shown

    def look(
        self, seen: object, name: object, visitor: object, language: str, doomed: object, picked: object
    ) -> list[Any]:
        """Updates for what has changed since this page was told last."""
        self.runs.move_on()
        run, broken = self._opened(name, visitor)
        known = _read_marks(seen)
        version = self._version(run, broken, visitor, language, doomed, _names(picked))
        if known.get(VERSION) == version:
            return [gr.skip()] * (1 + len(self.parts))
        views, opened = self._opened_views(run, broken, language, doomed)
        views |= self._list_views(opened, visitor, language, _names(picked))
        marks: dict[str, object] = {part: zlib.crc32(repr(views[part]).encode()) for part in self.parts}
        marks |= {RUN: opened, VERSION: version}
        changed = [marks[part] != known.get(part) for part in self.parts]
        updates = [
            gr.update(**views[part]) if new else gr.skip() for part, new in zip(self.parts, changed, strict=True)
        ]
        return [json.dumps(marks), *updates]

    def _opened(self, name: object, visitor: object) -> tuple[Run | None, Unreadable | None]:
        """The run that is open, or what stands in its place if it cannot be read; neither where there is none."""
        broken = self.runs.unreadable(name, visitor)
        return (self.runs.shown(name, visitor) if broken is None else None), broken

    def _version(
        self,
        run: Run | None,
        broken: Unreadable | None,
        visitor: object,
        language: str,
        doomed: object,
        picked: Sequence[str],
    ) -> int:
        """What all that is shown depends on, as a number; cheaper than to make it."""
        rows = [(row.name, row.state, row.figures) if isinstance(row, Row) else row for row in self.list.rows(visitor)]
        queued = run is not None and any(isinstance(row, tuple) and row[:2] == (run.name, "queued") for row in rows)
        before = self.runs.before(run) if run is not None and queued else 0
        read = [self.runs.version(one) for one in self._read(run, visitor, picked)]
        return zlib.crc32(repr((language, doomed, picked, rows, broken, before, read)).encode())

    def _read(self, run: Run | None, visitor: object, picked: Sequence[str]) -> list[Run]:
        """The runs whose courses are shown."""
        others = [other for other in self.runs.listed(visitor) if other.name in picked]
        return others if run is None else [run, *others]

    def _opened_views(
        self, run: Run | None, broken: Unreadable | None, language: str, doomed: object
    ) -> tuple[dict[str, View], str | None]:
        """What is shown of the run that is open, and its name."""
        if run is not None:
            try:
                return self._run_views(run, language, doomed), run.name
            except AppError as error:  # it could be read a moment ago
                broken = Unreadable(run.name, error.message)
        hidden: dict[str, View] = {part: {"visible": False} for part in self.parts}
        if broken is None:
            said, acts = f'<p class="empty">{escape(text("train.live.empty", language))}</p>', {}
        else:
            said, acts = discreet(live.unreadable(broken, language)), _acts(broken.name, "lost", language, doomed)
            acts["resume"] = {"visible": False}
        shown: dict[str, View] = {**hidden, "status": {"value": said}, "plots": {"value": ""}, **acts}
        return shown, None if broken is None else broken.name

    def _run_views(self, run: Run, language: str, doomed: object) -> dict[str, View]:
        state = self.runs.state(run)
        before = self.runs.before(run) if state == "queued" else 0
        local = self.settings.local_paths_allowed
        with self.runs.course(run) as course:
            said: dict[str, View] = {
                "status": {"value": discreet(live.status(run, state, before, course, language))},
                "plots": {"value": live.plots(course, language)},
                "log": {"value": discreet(live.log(run, state, course, language, local=local)), "visible": True},
                "settings": {"value": live.resolved(run, course, language), "visible": True},
                "command": {
                    "value": queue.repeat_command(run, self.settings, course.started) if local else "",
                    "visible": local,
                },
            }
        folds: dict[str, View] = {"log_fold": {"visible": True}, "settings_fold": {"visible": True}}
        return {**said, **folds, **_acts(run.name, state, language, doomed)}

    def _list_views(self, opened: str | None, visitor: object, language: str, picked: Sequence[str]) -> dict[str, View]:
        rows = self.list.rows(visitor)
        readable = [row for row in rows if isinstance(row, Row)]
        picked = [row.name for row in readable if row.name in picked][:MOST_LINES]
        listed = run_list.as_html(rows, opened, picked, language)
        named = []
        for name in picked:
            # One that could be read a moment ago is left out.
            with suppress(AppError), self.runs.course(self.runs.find(name, visitor)) as course:
                named.append((name, list(course.epochs)))
        compared = {"value": run_list.comparison(named, language), "visible": True} if named else {"visible": False}
        watched = any(row.state not in ENDED for row in readable)
        return {
            "list": {"value": listed, "visible": True},
            "comparison": compared,
            "clock": {"value": TICK_SECONDS if watched else IDLE_SECONDS},
        }

    def open_run(self, event: gr.EventData) -> tuple[Any, None]:
        """Show the run that was clicked."""
        return event._data.get("name"), None

    def pick(self, event: gr.EventData) -> str:
        """The runs whose boxes are ticked."""
        return json.dumps(event._data.get("names"))

    # What is done to the run that a page shows, whichever would be shown by now

    def stop_and_keep(self, seen: object, visitor: object, language: str) -> None:
        """Ask it to stop once it has saved."""
        self._stop(seen, visitor, language, "keep")

    def stop_now(self, seen: object, visitor: object, language: str) -> None:
        """End it, with all its processes."""
        self._stop(seen, visitor, language, "now")

    def _stop(self, seen: object, visitor: object, language: str, how: Stop) -> None:
        with spoken(language):
            queue.stop(self._seen_run(seen, visitor), self.settings.home, how)

    def resume(self, seen: object, visitor: object, language: str) -> None:
        """Put it in line again."""
        with spoken(language):
            run = self._seen_run(seen, visitor)
            self.runs.admit(visitor)
            queue.resume(run, self.settings.home)

    def go_on_longer(self, seen: object, visitor: object, language: str, more: object) -> None:
        """Teach it for some more epochs."""
        with spoken(language):
            epochs = knobs.number("epochs", more, language)
            run = self._seen_run(seen, visitor)
            self.runs.admit(visitor)
            queue.resume(run, self.settings.home, more_epochs=epochs)

    def ask_to_delete(self, seen: object, visitor: object, language: str) -> str:
        """Its name, for `delete` if that is confirmed."""
        with spoken(language):
            return self.runs.deletable(_read_marks(seen).get(RUN), visitor)

    def delete(self, doomed: object, visitor: object, language: str) -> tuple[None, None]:
        """Delete the run that was asked about."""
        with spoken(language):
            queue.delete(self.runs.deletable(doomed, visitor), self.settings.home)
        return None, None

    def _seen_run(self, seen: object, visitor: object) -> Run:
        return self.runs.find(_read_marks(seen).get(RUN), visitor)


def _acts(name: str, state: State, language: str, doomed: object) -> dict[str, View]:
    """What can be done to the run of this name, which stands so."""
    over = state in ENDED
    asked = over and doomed == name
    return {
        "keep": {"visible": state in ACTIVE, "interactive": state != "stopping"},
        "now": {"visible": not over, "value": text(f"train.act.{'leave' if state == 'queued' else 'now'}", language)},
        "resume": {"visible": over and state != "finished"},
        "longer": {"visible": state == "finished"},
        "results": {"visible": state == "finished"},
        "delete": {"visible": over, "interactive": not asked},
        "confirm": {"visible": asked},
        "question": {"value": text("train.act.question", language, name=name), "visible": asked},
    }


def _read_marks(seen: object) -> dict[str, object]:
    """What `look` has told a page, as the page says it: a number for each part, and the run's name."""
    marks = _parsed(seen)
    return marks if isinstance(marks, dict) else {}


def _names(picked: object) -> list[str]:
    """The names that `pick` has told a page, as the page says them."""
    names = _parsed(picked)
    return [name for name in names[:MOST_PICKED] if isinstance(name, str)] if isinstance(names, list) else []


def _parsed(told: object) -> object:
    try:
        return json.loads(str(told))
    except (ValueError, RecursionError):
        return None
