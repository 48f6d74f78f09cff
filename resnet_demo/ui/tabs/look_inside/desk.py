"""What all sections work with: the photo in hand, the part that is chosen, and how an event gets at them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from resnet_demo.texts import AppError, text
from resnet_demo.ui import time_limit
from resnet_demo.ui.drop import static
from resnet_demo.ui.errors import inform, spoken
from resnet_demo.ui.language import Words
from resnet_demo.ui.looking import Look, Looking, Subject
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import Session

FIRST = "maps"
NOBODY = -1
"""In the place of a class to compare with."""
BUSY: dict[str, Any] = {
    "concurrency_id": "classify",
    "concurrency_limit": AT_A_TIME,
    "api_visibility": "private",
}
LONG: dict[str, Any] = {"concurrency_id": "measure", "concurrency_limit": 1, "api_visibility": "private"}
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

MOST_SECONDS = 180.0
"""What one click of a stranger may take, while others wait."""

INPUTS = 7
"""Of every event; the section's controls come behind them."""

Share = Callable[[float], None]
"""Told how much of the work is done, 0 to 1."""


@dataclass(frozen=True, eq=False)
class View:
    """What one event works with.

    `part` and the blocks that are `off` are the network's; `wanted` is the class asked about, as the browser sent it,
    and so is `sent`, what it says was clicked.
    """

    look: Look
    subject: Subject
    part: str
    off: tuple[str, ...]
    wanted: object
    language: str
    share: Share
    sent: object

    def with_off(self, off: tuple[str, ...]) -> View:
        """The same with other blocks switched off."""
        return replace(self, off=off)


Make = Callable[..., Any]
"""(View, values of the section's controls) -> updates of its outputs."""


class SupersededError(Exception):
    """Nobody waits for this any more: something else is looked at by now."""


class Desk:
    """States of one visitor, and how events come by them; a page has one."""

    def __init__(self, words: Words, services: Services, session: Session) -> None:
        keep = services.settings.keep_seconds
        self.words, self.services, self.session = words, services, session
        self.looking = Looking(services)
        self.subject = gr.State(None, time_to_live=keep)
        self.part = gr.State("", time_to_live=keep)
        self.off = gr.State((), time_to_live=keep)
        self.opened = gr.State(FIRST)
        self.given = gr.State(None, time_to_live=keep)
        self.turns: WeakKeyDictionary[Subject, int] = WeakKeyDictionary()
        # What is chosen in `wanted`; a choice among a thousand classes costs the browser its time in every event.
        self.asked = gr.State(None, time_to_live=keep)
        self.wanted: Any = None  # the choice of a class, once it is laid out
        self.rival: Any = None  # and of one to compare it with
        self.due: dict[str, Any] = {}  # by section: a state that changes when it is to be shown anew
        self.quit: dict[str, Any] = {}  # an event that ends what takes long

    def renew(self, opened: str) -> list[Any]:
        """Updates of `due` after which the section that is open is shown anew; the others cost nothing."""
        return [time.monotonic() if name == opened else gr.skip() for name in self.due]

    def supersede(self, subject: Subject | None) -> None:
        """End whatever is still being worked out about a photo."""
        if subject is not None:
            self.turns[subject] = self.turns.get(subject, 0) + 1

    def _heeding(self, subject: Subject, progress: Share) -> Share:
        """The same progress, which ends the work where something newer is asked, or strangers wait for too long."""
        turn, local = self.turns.get(subject, 0), self.services.settings.local_paths_allowed
        started = time.monotonic()

        def share(done: float) -> None:
            if self.turns.get(subject, 0) != turn:
                raise SupersededError
            time_limit.go_on()
            if not local and time.monotonic() - started > MOST_SECONDS:
                raise AppError("look.too_long")
            progress(done)

        return share

    def section(self, name: str, make: Make, controls: Sequence[Any], outputs: Sequence[Any]) -> dict[str, Any]:
        """An event that shows a section anew if it is the one that is open."""
        return self._event(make, controls, outputs, name, clicked=False)

    def event(
        self, make: Make, controls: Sequence[Any], outputs: Sequence[Any], *, clicked: bool = True
    ) -> dict[str, Any]:
        """An event inside of a section; `make` is given the `View` and the controls' values.

        Args:
            clicked: it is a visitor's own doing, who is told if the photo is not kept any more.
        """
        return self._event(make, controls, outputs, None, clicked=clicked)

    def _event(
        self, make: Make, controls: Sequence[Any], outputs: Sequence[Any], section: str | None, *, clicked: bool
    ) -> dict[str, Any]:
        def run(event: gr.EventData, progress: gr.Progress = gr.Progress(), *values: Any) -> Any:  # noqa: B008
            opened, subject, *_, language = values[:INPUTS]
            if subject is None and clicked:
                inform(text("classify.gone", language))
            if subject is None or (section is not None and section != opened):
                return _skipped(outputs)
            if section is not None:
                self.supersede(subject)
            with spoken(language):
                try:
                    share = self._heeding(subject, progress)
                    return make(self._view(event, share, *values[:INPUTS]), *values[INPUTS:])
                except SupersededError:
                    return _skipped(outputs)

        return {"fn": run, "inputs": [*self._inputs(), *controls], "outputs": list(outputs), **BUSY}

    def growing(self, make: Make, controls: Sequence[Any], outputs: Sequence[Any]) -> dict[str, Any]:
        """An event inside of a section that takes its time: `make` yields updates."""

        def run(event: gr.EventData, progress: gr.Progress = gr.Progress(), *values: Any) -> Iterator[Any]:  # noqa: B008
            _, subject, *_, language = values[:INPUTS]
            if subject is None:
                inform(text("classify.gone", language))
                yield _skipped(outputs)
                return
            with spoken(language):
                yield from make(self._view(event, progress, *values[:INPUTS]), *values[INPUTS:])

        return {"fn": run, "inputs": [*self._inputs(), *controls], "outputs": list(outputs), **LONG}

    def _view(
        self,
        event: gr.EventData,
        progress: Share,
        opened: str,  # noqa: ARG002
        subject: Subject,
        part: str,
        off: tuple[str, ...],
        wanted: object,
        visitor: object,
        language: str,
    ) -> View:
        look = self.looking.again(subject, visitor)
        return View(look, subject, part, off, wanted, language, progress, getattr(event, "_data", None))

    def _inputs(self) -> list[Any]:
        return [
            *(self.opened, self.subject, self.part, self.off, self.asked),
            *(self.session.visitor, self.words.selector),
        ]


def _skipped(outputs: Sequence[Any]) -> Any:
    return [gr.skip()] * len(outputs) if len(outputs) != 1 else gr.skip()


def chooser(script: str, **options: Any) -> Any:
    """A picture whose event `choose` tells what was clicked; `script` is a file of `static/`."""
    return gr.HTML(js_on_load=static(script), apply_default_css=False, **options)


def name_sent(sent: object) -> str | None:
    """The `name` of what was clicked, if that is what the browser sent."""
    name = sent.get("name") if isinstance(sent, dict) else None
    return name if isinstance(name, str) else None


def note(said: str) -> str:
    """A quiet sentence; `said` is markup already."""
    return f'<p class="note">{said}</p>'
