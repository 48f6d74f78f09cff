"""Status of long work: what is under way for a visitor, how far it is, and a button that stops each.

The page shows a row as soon as the visitor has asked, before anything is sent; each row has a ticket, which goes along
with the event. Under this ticket the event tells how far it is, and learns that it was stopped, even while it waits.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gradio as gr

from resnet_demo.settings import MEGABYTE
from resnet_demo.ui.events import EACH_CLICK, Events
from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import say

MOST_STOPPED = 64
"""Tickets that are remembered as stopped before their event begins."""
BEGINS = """(language, visitor, line, ...others) => {
    const detail = %s;
    document.dispatchEvent(new CustomEvent("work-begins", { detail }));
    return [language, visitor, detail.ticket, ...others];
}"""
ENDS = """() => {
    document.dispatchEvent(new CustomEvent("work-ends", { detail: %s }));
    return [];
}"""
_TICKET = re.compile("[0-9a-z]{1,32}")
_SENTENCES = ("stop", "starting", "turn", "after", "seconds", "stopped", "done")
_AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


class StoppedError(Exception):
    """The visitor has stopped this work."""


class Task:
    """One long action, from its beginning to its end; `share` is how much is done, 0 to 1, or None where unknown."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.share: float | None = None
        self.said = ""

    def tell(self, share: float | None, said: str = "") -> None:
        """Set how far it is, to be called between steps; `said` is shown beside it.

        Raises:
            StoppedError: it is to end.
        """
        if self.stopped.is_set():
            raise StoppedError
        self.share, self.said = share, said

    def tell_download(self, done: int, total: int | None) -> None:
        """The same for bytes of a model; a `download.Progress`."""
        said = say("work.downloading", done=done // MEGABYTE, total=total // MEGABYTE if total else "?")
        self.tell(min(1.0, done / total) if total else None, said)


class Tasks:
    """One visitor's tasks; events overlap, so each is given this same object, which is safe in any thread.

    Tickets of a page rise in the order in which their work was begun.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Task] = {}
        self._newest: dict[str, str] = {}
        self._stopped: OrderedDict[str, None] = OrderedDict()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tasks:
        """Another one; Gradio makes each visitor's in this way."""
        return Tasks()

    @contextmanager
    def run(self, ticket: object) -> Iterator[Task]:
        """Inside, a task runs under a ticket, which is as the browser sent it.

        Raises:
            StoppedError: it was stopped while it waited.
        """
        task, known = Task(), _known(ticket)
        with self._lock:
            if known is not None:
                if known in self._stopped:
                    raise StoppedError
                self._running[known] = task
        try:
            yield task
        finally:
            with self._lock:
                if known is not None and self._running.get(known) is task:
                    del self._running[known]

    def is_newest(self, name: str, ticket: object) -> bool:
        """Whether work of this name comes in the order in which it was begun in the browser: no newer one has come.

        Events may overtake each other on their way. The browser stops the older of two, so that it must not end the
        newer one; without a ticket it is not known.
        """
        known = _known(ticket)
        if known is None:
            return True
        with self._lock:
            self._newest[name] = max(known, self._newest.get(name, ""))
            return self._newest[name] == known

    def stop(self, ticket: object) -> None:
        """Have a task end after its next step, or not begin at all."""
        known = _known(ticket)
        if known is None:
            return
        with self._lock:
            if known in self._running:
                self._running[known].stopped.set()
            self._stopped[known] = None
            while len(self._stopped) > MOST_STOPPED:
                self._stopped.popitem(last=False)

    def progress(self) -> dict[str, tuple[float | None, str]]:
        """What has begun and not ended: share and sentence, by ticket."""
        with self._lock:
            return {ticket: (task.share, task.said) for ticket, task in self._running.items()}


def _known(ticket: object) -> str | None:
    return ticket if isinstance(ticket, str) and _TICKET.fullmatch(ticket) else None


class WorkStatus:
    """The rows, laid out where this is made, and what events need to be among them.

    A listener of such an event takes `line` and `tasks` as its first inputs, and `begins` as its `js`; what it returns
    goes to `ends`: `work.ends(button.click(**events.handler(fn, [*work.inputs, ...], ..., js=work.begins(name))))`.
    """

    def __init__(
        self,
        translations: Translations,
        events: Events,
        names: Sequence[str],
        *,
        keep_seconds: float | None,
        elem_id: str,
    ) -> None:
        """Args:
        names: keys of texts, what the visitor knows each kind of work by.
        keep_seconds: how long after its last event a visitor's tasks are kept.
        """
        self._names = frozenset(names)

        def texts() -> dict[str, str]:
            return {name: say(f"work.{name}") for name in _SENTENCES} | {name: say(name) for name in names}

        self.tasks = gr.State(Tasks(), time_to_live=keep_seconds)
        self.line: Any = translations.create(
            gr.HTML,
            {"texts": texts},
            value=None,
            html_template=static("work_status.html"),
            css_template=static("button.css", "work_status.css"),
            js_on_load=static("work_status.js"),
            apply_default_css=False,
            elem_id=elem_id,
            elem_classes="work-status",
        )
        self.inputs = [self.line, self.tasks]
        self.line.poll(**events.handler(_poll, [self.tasks], [self.line], **_AT_ONCE))
        self.line.stop(**events.handler(_stop, [self.tasks], None, **_AT_ONCE, **EACH_CLICK))

    def begins(self, name: str, queue: str, *, later: bool = False) -> str:
        """The script of a listener's event: shows the row and gives its ticket to the event.

        Args:
            name: one of the names.
            queue: the event's `concurrency_id`.
            later: the work is mostly done in a moment: its row is seen only if it is not.
        """
        assert name in self._names, name
        return BEGINS % json.dumps({"name": name, "later": later, "queue": queue, "ticket": None})

    def ends(self, event: Any, name: str) -> Any:
        """Have the row go once the event has ended in whatever way; returns the event."""
        script = ENDS % json.dumps({"name": name})
        # Of an event that failed, Gradio 6.31 runs what comes by `failure`, not by `then`.
        for follow in (event.then, event.failure):
            follow(None, None, None, js=script)
        return event


def _poll(tasks: Tasks) -> dict[str, tuple[float | None, str]]:
    return tasks.progress()


def _stop(tasks: Tasks, event: gr.EventData) -> None:
    sent = getattr(event, "_data", None)
    tasks.stop(sent.get("ticket") if isinstance(sent, dict) else None)
