"""Live camera: its frames classified and explained, as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from resnet_demo.models.class_names import class_names
from resnet_demo.plots import colour_maps
from resnet_demo.ui.components import class_picker
from resnet_demo.ui.components.bars import bars
from resnet_demo.ui.components.camera_frames import LEAST_SIDE
from resnet_demo.ui.components.model_choice import ModelChoice, download_progress
from resnet_demo.ui.errors import VisitorError, visitor_errors
from resnet_demo.ui.events import Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.static_files import static
from resnet_demo.ui.tabs.look_inside.camera_frames import Camera, Cameras
from resnet_demo.ui.tabs.look_inside.section_events import BUSY, QUICK
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, current_visitor, say, speaking

if TYPE_CHECKING:
    from resnet_demo.explain.camera_frame import FrameExplanation
    from resnet_demo.inference import Classifier

FRAMES = "camera_frame"
BEST = -1

# What static/camera.js says.
SENTENCES = (
    *("start", "stop", "ask", "loading", "rate", "busy"),
    *("insecure", "refused", "none", "taken", "gone", "lost"),
)


class LiveCamera:
    """The camera's part, laid out inside the tab that is open, and its events."""

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:
        self.services = services
        self.cameras = Cameras(services)
        self.ticket = gr.State(None, time_to_live=services.settings.keep_seconds)
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                self.screen = _make_screen(translations)
            with gr.Column(min_width=300):
                # Filled by static/camera.js: through the page, a frame would cost it more time than the network takes.
                gr.HTML(
                    html_template='<div class="bars"></div>',
                    css_template="h2 { display: none; }",
                    elem_id="camera-bars",
                    elem_classes="prediction",
                )
                self.model = ModelChoice(translations, services, session, elem_id="camera-model").dropdown
                self.target_choice = class_picker.class_picker(
                    translations, "look.class", value=_unknown(), elem_id="camera-class"
                )
                translations.set_initial(self.target_choice, {"value": _unknown})
                about = "camera.about.public" if services.settings.public else "camera.about.local"
                translations.create(gr.HTML, {"value": lambda: escape(say(about))}, elem_classes="note")
        self._wire(Events(translations, session).handler, translations.selector)

    def _wire(self, listener: Callable[..., dict[str, Any]], language: Any) -> None:
        at_once: dict[str, Any] = {"queue": False, **QUICK}
        opened = self.screen.open(
            **listener(
                self.open,
                [self.ticket, self.model],
                [self.ticket, self.target_choice, self.screen],
                show_progress_on=[self.screen],
                **BUSY,
            )
        )
        # A camera that is on finds its ticket void and asks for the other model.
        for listen in (self.model.input, opened.then):
            listen(self.check, [self.ticket, self.model], None, **at_once)
        self.target_choice.choose(self.set_target_class, [self.ticket], None, **at_once)
        language.change(**listener(self.name_classes, [self.ticket], self.target_choice, **at_once))
        # Not through the queue: cameras wait for each other elsewhere, and drop frames rather than keep them.
        gr.api(self.process_frame, api_name=FRAMES, queue=False, api_visibility="private")

    def open(
        self,
        last: str | None,
        model: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> dict[Any, Any]:
        """Have a model ready, downloaded if need be, before the first frame comes."""
        before = self.cameras.find(last)
        self.cameras.forget(last)
        try:
            with visitor_errors():
                classifier = self.services.classifier(model, download_progress(progress))
                classifier.engines.folded()
        except VisitorError as error:
            # Two that say the same still differ: static/camera.js is told of a value only if it is another.
            failed = {"state": "failed", "said": error.said, "moment": time.monotonic()}
            return {self.ticket: None, self.screen: failed}
        camera = Camera(current_visitor(), model, tuple(classifier.model.labels), current_language())
        if before is not None and before.model == model:
            camera.set_target_class(before.target_class)
        ticket = self.cameras.open(camera)
        return {self.ticket: ticket, self.target_choice: _choice(camera), self.screen: _opened(ticket, classifier)}

    def check(self, ticket: object, model: str) -> None:
        """Take no more frames if another model has been chosen than the one they are shown to."""
        camera = self.cameras.find(ticket)
        if camera is not None and camera.model != model:
            self.cameras.forget(ticket)

    def set_target_class(self, ticket: object, event: gr.EventData) -> None:
        """From now on, explain the class that was chosen in the frames."""
        camera = self.cameras.find(ticket)
        if camera is not None:
            camera.set_target_class(class_picker.number_sent(event._data))

    def name_classes(self, ticket: object) -> Any:
        """The classes to choose from, in the language that was chosen; the camera's errors are told in it, too."""
        camera = self.cameras.find(ticket)
        if camera is None:
            return class_picker.update(_choices(), BEST)
        camera.language = current_language()
        return _choice(camera)

    async def process_frame(self, ticket: str, picture: str) -> dict[str, Any]:
        """What the newest frame of a camera shows, unless it is dropped."""
        camera = self.cameras.find(ticket)
        if camera is None:
            return {"state": "void"}
        try:
            with speaking(camera.language), visitor_errors():
                found = await self.cameras.process_frame(ticket, camera, picture)
                return {"state": "dropped"} if found is None else _answer(camera, found)
        except VisitorError as error:
            return {"state": "failed", "said": error.said}


def _answer(camera: Camera, found: FrameExplanation) -> dict[str, Any]:
    names = class_names(camera.labels, camera.language)
    return {
        "state": "result",
        "label": names.short(found.target.label),
        "percent": f"{100 * found.target.probability:.0f} %",
        "bars": bars(found.guesses, names, changing=True),
        "map": (255 * found.values).round().astype(int).tolist(),
    }


def _make_screen(translations: Translations) -> Any:
    return translations.create(
        gr.HTML,
        {"texts": lambda: {name: say(f"camera.{name}") for name in SENTENCES}},
        value=None,
        html_template=static("camera.html"),
        css_template=static("button.css", "camera_stage.css", "camera.css"),
        js_on_load=static("capture.js", "camera.js"),
        apply_default_css=False,
        elem_id="camera",
    )


def _opened(ticket: str, classifier: Classifier) -> dict[str, object]:
    spec = classifier.model.spec
    return {
        "state": "opened",
        "ticket": ticket,
        "side": max(LEAST_SIDE, spec.resize_size),
        "zoom": spec.resize_size / spec.crop_size,
        "colours": colour_maps.sequential(np.arange(256.0), 255).flatten().tolist(),
    }


def _choice(camera: Camera) -> Any:
    return class_picker.update(_choices(camera.labels), BEST if camera.target_class is None else camera.target_class)


def _unknown() -> str:
    """What there is to choose from before a model is."""
    return class_picker.as_value(_choices(), BEST)


def _choices(labels: Sequence[str] = ()) -> list[tuple[str, int]]:
    names = class_names(labels, current_language())
    named = [(names.full(labels[number]), number) for number in sorted(range(len(labels)), key=labels.__getitem__)]
    return [(say("camera.best"), BEST), *named]
