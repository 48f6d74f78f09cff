"""Live: what a camera sees, what the network takes it for, and where it looks, as the picture moves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from resnet_demo.plots import colours
from resnet_demo.texts import DEFAULT_LANGUAGE, text
from resnet_demo.ui.bars import bars
from resnet_demo.ui.camera import Camera, Cameras
from resnet_demo.ui.drop import static
from resnet_demo.ui.errors import SpokenError, spoken
from resnet_demo.ui.language import Words
from resnet_demo.ui.model_choice import ModelChoice, telling_download
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside.desk import BUSY, QUICK

if TYPE_CHECKING:
    from resnet_demo.inference import Classifier

FRAMES = "camera_frame"
BEST = -1
LEAST_SIDE = 256
"""Pixels a side of a frame that is sent, also to networks that see fewer: those are made here, as in training."""

# What static/live.js says.
SENTENCES = (
    *("start", "stop", "ask", "loading", "rate", "busy"),
    *("insecure", "refused", "none", "taken", "gone", "lost"),
)


def build(words: Words, services: Services, session: Session) -> None:
    """Lay out the camera's part inside the tab that is open."""
    _Live(words, services, session)


class _Live:
    """The components and their events."""

    def __init__(self, words: Words, services: Services, session: Session) -> None:
        self.services = services
        self.cameras = Cameras(services)
        self.ticket = gr.State(None, time_to_live=services.settings.keep_seconds)
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                self.screen = _make_screen(words)
            with gr.Column(min_width=300):
                # Filled by static/live.js: through the page, a frame would cost it more time than the network takes.
                gr.HTML(
                    html_template='<div class="bars"></div>',
                    css_template="h2 { display: none; }",
                    elem_id="live-bars",
                    elem_classes="answer",
                )
                self.model = ModelChoice(words, services, session, elem_id="live-model").dropdown
                self.wanted = words.make(
                    gr.Dropdown,
                    {"label": "look.class"},
                    choices=_choices((), DEFAULT_LANGUAGE),
                    value=BEST,
                    interactive=True,
                    elem_id="live-class",
                )
                words.tell_first(self.wanted, {"choices": lambda language: _choices((), language)})
                about = "live.about.public" if services.settings.public else "live.about.local"
                words.make(gr.HTML, {"value": lambda language: escape(text(about, language))}, elem_classes="note")
        self._wire(session.visitor, words.selector)

    def _wire(self, visitor: Any, language: Any) -> None:
        at_once: dict[str, Any] = {"queue": False, **QUICK}
        opened = self.screen.open(
            self.open,
            [self.ticket, self.model, self.wanted, visitor, language],
            [self.ticket, self.wanted, self.screen],
            show_progress_on=[self.screen],
            **BUSY,
        )
        # A camera that is on finds its ticket void and asks for the other model.
        for listen in (self.model.input, opened.then):
            listen(self.check, [self.ticket, self.model], None, **at_once)
        self.wanted.input(self.ask, [self.ticket, self.wanted], None, **at_once)
        language.change(self.name, [self.ticket, language], self.wanted, **at_once)
        # Not through the queue: cameras wait for each other elsewhere, and drop frames rather than keep them.
        gr.api(self.look, api_name=FRAMES, queue=False, api_visibility="private")

    def open(
        self,
        last: str | None,
        model: str,
        wanted: int,
        visitor: object,
        language: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> tuple[Any, Any, Any]:
        """Have a model ready, downloaded if need be, before the first frame comes."""

        before = self.cameras.find(last)
        self.cameras.forget(last)
        try:
            with spoken(language):
                classifier = self.services.classifier(model, telling_download(progress, language), visitor)
                classifier.engines.folded()
        except SpokenError as error:
            # Two that say the same still differ: static/live.js is told of a value only if it is another.
            return None, gr.skip(), {"state": "failed", "said": error.said, "moment": time.monotonic()}
        camera = Camera(visitor, model, tuple(classifier.model.labels), language)
        if before is not None and before.model == model:
            camera.ask(wanted)
        ticket = self.cameras.open(camera)
        return ticket, _choice(camera), _opened(ticket, classifier)

    def check(self, ticket: object, model: str) -> None:
        """Take no more frames if another model has been chosen than the one they are shown to."""
        camera = self.cameras.find(ticket)
        if camera is not None and camera.model != model:
            self.cameras.forget(ticket)

    def ask(self, ticket: object, wanted: object) -> None:
        """From now on, frames are asked about this class."""
        camera = self.cameras.find(ticket)
        if camera is not None:
            camera.ask(wanted)

    def name(self, ticket: object, language: str) -> Any:
        """The classes to choose from, in a language."""
        camera = self.cameras.find(ticket)
        if camera is None:
            return gr.update(choices=_choices((), language), value=BEST)
        camera.language = language
        return _choice(camera)

    async def look(self, ticket: str, picture: str) -> dict[str, Any]:
        """What the newest frame of a camera shows, unless it is dropped."""
        camera = self.cameras.find(ticket)
        if camera is None:
            return {"state": "void"}
        try:
            with spoken(camera.language):
                found = await self.cameras.look(ticket, camera, picture)
        except SpokenError as error:
            return {"state": "failed", "said": error.said}
        if found is None:
            return {"state": "dropped"}
        return {
            "state": "seen",
            "label": found.asked.label,
            "percent": f"{100 * found.asked.probability:.0f} %",
            "bars": bars(found.guesses),
            "map": (255 * found.values).round().astype(int).tolist(),
        }


def _make_screen(words: Words) -> Any:
    return words.make(
        gr.HTML,
        {"words": lambda language: {name: text(f"live.{name}", language) for name in SENTENCES}},
        value=None,
        html_template=static("live.html"),
        css_template=static("button.css", "live.css"),
        js_on_load=static("live.js"),
        apply_default_css=False,
        elem_id="live",
    )


def _opened(ticket: str, classifier: Classifier) -> dict[str, object]:
    spec = classifier.model.spec
    return {
        "state": "opened",
        "ticket": ticket,
        "side": max(LEAST_SIDE, spec.resize_size),
        "zoom": spec.resize_size / spec.crop_size,
        "colours": colours.amounts(np.arange(256.0), 255).flatten().tolist(),
    }


def _choice(camera: Camera) -> Any:
    value = BEST if camera.wanted is None else camera.wanted
    return gr.update(choices=_choices(camera.labels, camera.language), value=value)


def _choices(labels: Sequence[str], language: str) -> list[tuple[str, int]]:
    named = sorted((label, number) for number, label in enumerate(labels))
    return [(text("live.best", language), BEST), *named]
