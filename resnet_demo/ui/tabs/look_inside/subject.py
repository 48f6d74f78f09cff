"""Above the sections: the photo, the model, what it answers, and the class that is asked about."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from resnet_demo.texts import DEFAULT_LANGUAGE, text
from resnet_demo.ui.bars import bars
from resnet_demo.ui.drop import photo_drop, received
from resnet_demo.ui.errors import spoken
from resnet_demo.ui.examples import chosen, examples
from resnet_demo.ui.looking import Given, Look, Subject
from resnet_demo.ui.model_choice import ModelChoice, telling_download
from resnet_demo.ui.session import Wish
from resnet_demo.ui.tabs.look_inside.desk import BUSY, NOBODY, QUICK, Desk, chooser
from resnet_demo.ui.tabs.look_inside.picture import Picture, drawn
from resnet_demo.ui.tabs.look_inside.several import pick, strip

# On a phone what comes next stands below, out of sight.
SHOW_PHOTO = """() => {
    const photo = document.querySelector("#look-answer");
    if (photo.getBoundingClientRect().top > window.innerHeight) photo.scrollIntoView({ behavior: "smooth" });
}"""

# What stands above is laid out anew at this very moment, so that its height is known only a little later.
SHOW_SECTIONS = """() => setTimeout(
    () => document.querySelector("#look-sections")?.scrollIntoView({ behavior: "smooth" }), 300)"""


class Top:
    """The components, and what begins a look."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        words, settings = desk.words, desk.services.settings
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                self.drop = photo_drop(words, settings, elem_id="look-drop")
                self.examples = examples(words, "look-examples")
                self.choice = ModelChoice(words, desk.services, desk.session, elem_id="look-model")
                self.model = self.choice.dropdown
            with gr.Column(scale=3, min_width=300):
                self._lay_out_answer()

    def _lay_out_answer(self) -> None:
        self.strip = chooser("parts.js", visible=False, elem_id="look-strip")
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

    def wire(self, picture: Picture, inside: gr.Row, sections: gr.Tabs) -> list[Any]:
        """Connect it; what comes back are the events after which there is something new to look at."""
        desk, language = self.desk, self.desk.words.selector
        begin: dict[str, Any] = {
            "fn": self.begin,
            "inputs": [desk.given, self.model, desk.subject, desk.part, desk.off, desk.session.visitor, language],
            "outputs": [
                *(desk.subject, desk.part, desk.off, self.photo, self.bars, self.status, self.answer),
                *(desk.asked, desk.wanted, desk.rival, picture.network, inside),
            ],
            "show_progress_on": [self.status],
            **BUSY,
        }
        wish, given = desk.session.wishes["look_inside"], [desk.given, self.strip]
        taken = [
            self.drop.upload(self.take_drop, [self.drop, language], given, **QUICK),
            self.examples.select(_take_example, None, given, **QUICK),
            self.strip.choose(self.take_pick, [desk.given, language], desk.given, **QUICK),
        ]
        begun = [event.success(**begin) for event in taken]
        for event in begun:
            event.success(None, js=SHOW_PHOTO)
        wished = wish.change(
            self.take_wish,
            [wish, language, desk.session.visitor],
            [*given, self.model, desk.opened, sections, self.status, self.answer, inside],
            **QUICK,
        ).success(**begin)
        wished.success(None, js=SHOW_SECTIONS)
        for another_model in (self.model.input, wish.change):
            another_model(**desk.quit)
        language.change(self.strip_again, [desk.given, language], self.strip, **{**BUSY, "show_progress": "hidden"})
        return [*begun, wished, self.model.input(**begin)]

    def take_drop(self, payload: object, language: str) -> tuple[Given | None, Any]:
        """The photos that were dropped, chosen or pasted, the first to be looked into; and the strip of all."""
        with spoken(language):
            photos = received(payload, self.desk.services.settings)
            given = Given(tuple(photos)) if photos else None
            return given, self.strip_again(given, language)

    def take_pick(self, given: Given | None, language: str, event: gr.EventData) -> Any:
        """Another of the photos."""
        with spoken(language):
            return gr.skip() if given is None else pick(given, event._data)

    def take_wish(self, wish: Wish, language: str, visitor: object) -> list[Any]:
        """The photo and the model that another tab wishes for, and the section that shows where it looked."""
        assert wish.photo is not None
        given = Given((wish.photo,), wish=wish)
        return [
            *(given, self.strip_again(given, language), self.choice.choose(wish.model, language, visitor)),
            *("where", gr.Tabs(selected="where")),
            *(gr.update(visible=True), gr.update(visible=False), gr.update(visible=False)),  # none of another photo
        ]

    def strip_again(self, given: Given | None, language: str) -> Any:
        """An update of the strip."""
        return strip(given, self.desk.services.settings.max_pixels, language)

    def begin(
        self,
        given: Given | None,
        model: str,
        last: Subject | None,
        part: str,
        off: tuple[str, ...],
        visitor: object,
        language: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> Any:
        """Ask the model about the photo; what was chosen and switched off in the same network before stays so."""
        if given is None:
            return [gr.skip()] * 12

        self.desk.supersede(last)
        with spoken(language):
            subject, look = self.desk.looking.begin(given.photo, model, visitor, telling_download(progress, language))
            parts = look.parts()
            part = part if part in parts else list(look.network.stages())[-1]
            off = off if last is not None and last.model == model and set(off) <= set(parts) else ()
            return [
                *(subject, part, off),
                gr.update(value=look.photo_with_box(), label=given.photo.name),
                bars(subject.guesses),
                gr.update(visible=False),
                gr.update(visible=True),
                *_asked(look, subject, given.wish_for(model), language),
                drawn(look, part, off, language),
                gr.update(visible=True),
            ]


def _asked(look: Look, subject: Subject, wish: Wish | None, language: str) -> tuple[int, Any, Any]:
    """The class in question; updates of its choice and of that of a rival: as a wish has them, else the best alone."""
    asked = wish.asked if wish is not None and look.knows(wish.asked) else subject.guesses[0].index
    rivals = [(text("look.where.nobody", language), NOBODY)]
    if wish is not None and look.knows(wish.rival):
        rivals.append((look.model.labels[wish.rival], wish.rival))
    return (
        asked,
        gr.update(choices=_classes(look, subject.guesses), value=asked),
        gr.update(choices=rivals, value=rivals[-1][1]),
    )


def _classes(look: Look, guesses: Any) -> list[tuple[str, int]]:
    """Every class with its number, the best ones first."""
    first = [(f"{guess.label} · {100 * guess.probability:.1f} %", guess.index) for guess in guesses]
    known = {number for _, number in first}
    others = [(label, number) for number, label in enumerate(look.model.labels) if number not in known]
    return [*first, *sorted(others)]


def _empty(language: str = DEFAULT_LANGUAGE) -> str:
    return f"<p>{escape(text('look.empty', language))}</p>"


def _take_example(event: gr.SelectData) -> tuple[Given, Any]:
    return Given((chosen(event),)), gr.update(visible=False)
