"""Above the sections: the photo, the model, what it answers, and the class that is asked about."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import DEFAULT_LANGUAGE, text
from resnet_demo.ui.bars import bars
from resnet_demo.ui.drop import ReceivedPhoto, photo_drop, received
from resnet_demo.ui.errors import spoken
from resnet_demo.ui.looking import Look
from resnet_demo.ui.model_choice import ModelChoice
from resnet_demo.ui.tabs.classify import EXAMPLES
from resnet_demo.ui.tabs.look_inside.desk import BUSY, QUICK, Desk
from resnet_demo.ui.tabs.look_inside.picture import Picture, drawn

# On a phone what comes next stands below, out of sight.
SHOW_PHOTO = """() => {
    const photo = document.querySelector("#look-answer");
    if (photo.getBoundingClientRect().top > window.innerHeight) photo.scrollIntoView({ behavior: "smooth" });
}"""


class Top:
    """The components, and what begins a look."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        words, settings = desk.words, desk.services.settings
        self.given = gr.State(None, time_to_live=settings.keep_seconds)
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                self.drop = photo_drop(words, settings, elem_id="look-drop")
                self.examples = words.make(
                    gr.Gallery,
                    {"label": "classify.examples"},
                    value=[str(path) for path in EXAMPLES],
                    columns=len(EXAMPLES) or 1,
                    show_label=False,
                    container=False,
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    elem_id="look-examples",
                    elem_classes="examples",
                )
                self.model = ModelChoice(words, desk.services, desk.session, elem_id="look-model").dropdown
            with gr.Column(scale=3, min_width=300):
                self._lay_out_answer()

    def _lay_out_answer(self) -> None:
        self.status = self.desk.words.make(gr.HTML, {"value": _empty}, elem_id="look-status")
        with gr.Row(equal_height=False, visible=False, elem_id="look-answer") as self.answer:
            with gr.Column(scale=3, min_width=220):
                self.photo = gr.Image(interactive=False, height=380, buttons=["fullscreen"], elem_id="look-photo")
            with gr.Column(scale=2, min_width=180):
                self.bars = gr.HTML(elem_id="look-bars", elem_classes="answer")
                self.desk.wanted = self.desk.words.make(
                    gr.Dropdown,
                    {"label": "look.class"},
                    choices=[],
                    interactive=True,
                    elem_id="look-class",
                )

    def wire(self, picture: Picture, inside: gr.Row) -> list[Any]:
        """Connect it; what comes back are the events after which there is something new to look at."""
        desk, language = self.desk, self.desk.words.selector
        begin: dict[str, Any] = {
            "fn": self.begin,
            "inputs": [self.given, self.model, desk.subject, desk.part, desk.off, desk.session.visitor, language],
            "outputs": [
                *(desk.subject, desk.part, desk.off, self.photo, self.bars, self.status, self.answer),
                *(desk.wanted, picture.network, inside),
            ],
            "show_progress_on": [self.status],
            **BUSY,
        }
        begun = [
            self.drop.upload(self.take_drop, [self.drop, language], self.given, **QUICK).success(**begin),
            self.examples.select(_take_example, None, self.given, **QUICK).success(**begin),
        ]
        for event in begun:
            event.success(None, js=SHOW_PHOTO)
        return [*begun, self.model.input(**begin)]

    def take_drop(self, payload: object, language: str) -> ReceivedPhoto | None:
        """The first of the photos that were dropped, chosen or pasted."""
        with spoken(language):
            photos = received(payload, self.desk.services.settings)
            if len(photos) > 1:
                gr.Info(text("look.first", language, photos=len(photos), name=photos[0].name))
            return next(iter(photos), None)

    def begin(
        self,
        given: ReceivedPhoto | None,
        model: str,
        last: Any,
        part: str,
        off: tuple[str, ...],
        visitor: object,
        language: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> Any:
        """Ask the model about the photo; what was chosen and switched off in the same network before stays so."""
        if given is None:
            return [gr.skip()] * 10

        def downloading(done: int, total: int | None) -> None:
            so_far = (done // MEGABYTE, total and total // MEGABYTE)
            progress(so_far, desc=text("classify.downloading", language), unit="MB")

        with spoken(language):
            subject, look = self.desk.looking.begin(given, model, visitor, downloading)
            parts = look.parts()
            part = part if part in parts else list(look.network.stages())[-1]
            off = off if last is not None and last.model == model and set(off) <= set(parts) else ()
            return [
                *(subject, part, off),
                gr.update(value=look.photo_with_box(), label=given.name),
                bars(subject.guesses),
                gr.update(visible=False),
                gr.update(visible=True),
                gr.update(choices=_classes(look, subject.guesses), value=subject.guesses[0].index),
                drawn(look, part, off, language),
                gr.update(visible=True),
            ]


def _classes(look: Look, guesses: Any) -> list[tuple[str, int]]:
    """Every class with its number, the best ones first."""
    first = [(f"{guess.label} · {100 * guess.probability:.1f} %", guess.index) for guess in guesses]
    known = {number for _, number in first}
    others = [(label, number) for number, label in enumerate(look.model.labels) if number not in known]
    return [*first, *sorted(others)]


def _empty(language: str = DEFAULT_LANGUAGE) -> str:
    return f"<p>{escape(text('look.empty', language))}</p>"


def _take_example(event: gr.SelectData) -> ReceivedPhoto:
    path = Path(EXAMPLES[event.index])
    return ReceivedPhoto(path.name, path)
