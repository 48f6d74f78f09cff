"""The Classify tab: photos in, what they show out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo import tables
from resnet_demo.data.preprocessing import View
from resnet_demo.texts import DEFAULT_LANGUAGE, AppError, text
from resnet_demo.ui.bars import bars
from resnet_demo.ui.drop import ReceivedPhoto, photo_drop, received
from resnet_demo.ui.errors import SpokenError, inform, plain, spoken, warn
from resnet_demo.ui.examples import chosen, examples
from resnet_demo.ui.language import Words
from resnet_demo.ui.model_choice import ModelChoice, telling_download
from resnet_demo.ui.results import Results
from resnet_demo.ui.results_view import empty, is_empty, say, say_again
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import Session, Wish
from resnet_demo.ui.time_limit import TooLongError

# On a phone the answer stands below the inputs, out of sight.
SHOW_ANSWER = """() => {
    const status = document.querySelector("#classify-status");
    if (status.getBoundingClientRect().top > window.innerHeight) status.scrollIntoView({ behavior: "smooth" });
}"""
VIEWS = ("crop", "whole")
TOP = 5


def build(words: Words, services: Services, session: Session) -> None:
    """Lay out the tab inside the one that is open."""
    Tab(words, services, session)


class Tab:
    """The tab's components and what their events do."""

    def __init__(self, words: Words, services: Services, session: Session) -> None:
        self.words = words
        self.session = session
        self.settings = services.settings
        self.services = services
        self.photos = gr.State([], time_to_live=self.settings.keep_seconds)
        self.results = gr.State(None, time_to_live=self.settings.keep_seconds, delete_callback=_discard)
        self.shown = gr.State(None, time_to_live=self.settings.keep_seconds)  # the number of a row of `results`
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                self._lay_out_inputs()
            with gr.Column(scale=3, min_width=300):
                self._lay_out_answer()
        self._lay_out_many()
        self._wire()

    def _lay_out_inputs(self) -> None:
        make = self.words.make
        self.drop = photo_drop(self.words, self.settings, elem_id="classify-photos")
        self.choice = ModelChoice(self.words, self.services, self.session, elem_id="classify-model")
        self.model = self.choice.dropdown
        self.view = make(
            gr.Radio,
            {"label": "classify.view", "choices": _view_choices},
            value=VIEWS[0],
            elem_id="classify-view",
        )
        self.choice.make_note()
        with make(gr.Accordion, {"label": "classify.webcam"}, open=False):
            self.webcam = make(
                gr.Image,
                {"label": "classify.webcam"},
                sources=["webcam"],
                type="filepath",
                image_mode=None,  # or else Gradio would decode whatever is sent, of any size
                show_label=False,
                elem_id="classify-webcam",
            )
        self.examples = examples(self.words, "classify-examples")

    def _lay_out_answer(self) -> None:
        self.status = self.words.make_first(gr.HTML, {"value": empty}, elem_id="classify-status")
        self.photo = gr.Image(  # its label is the photo's name
            interactive=False,
            visible=False,
            height=380,
            buttons=["fullscreen"],
            elem_id="classify-photo",
        )
        self.look = self.words.make(
            gr.Button, {"value": "classify.look"}, visible=False, size="sm", elem_id="classify-look"
        )
        self.bars = gr.HTML(visible=False, elem_id="classify-answer")

    def _lay_out_many(self) -> None:
        make = self.words.make
        with gr.Column(visible=False) as self.many:
            self.gallery = make(
                gr.Gallery,
                {"label": "classify.gallery"},
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="classify-gallery",
            )
            self.table = make(
                gr.Dataframe,
                {"label": "classify.table"},
                datatype=["number", "str", "str", "number", "str", "number"],
                interactive=False,
                max_height=360,
                buttons=["fullscreen"],
                elem_id="classify-table",
            )
        self.problems = make(
            gr.Dataframe,
            {"label": "classify.problems"},
            datatype=["str", "str"],
            interactive=False,
            visible=False,
            wrap=True,
            max_height=240,
            buttons=[],
            elem_id="classify-problems",
        )
        self.download = make(
            gr.DownloadButton, {"label": "classify.download"}, visible=False, size="sm", elem_id="classify-download"
        )

    def _wire(self) -> None:
        language = self.words.selector
        run: dict[str, Any] = {
            "fn": self.run,
            "inputs": [self.photos, self.model, self.view, language, self.session.visitor, self.results, self.status],
            "outputs": [
                *(self.photo, self.bars, self.look, self.shown, self.many, self.gallery, self.status, self.table),
                *(self.problems, self.download, self.results),
            ],
            "show_progress_on": [self.status],
            "concurrency_id": "classify",
            "concurrency_limit": AT_A_TIME,
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        for event, take, inputs in (
            (self.drop.upload, self.take_drop, [self.drop, language]),
            (self.webcam.input, _take_webcam, [self.webcam]),
            (self.examples.select, _take_example, []),
        ):
            event(take, inputs, self.photos, **quick).success(**run).success(None, js=SHOW_ANSWER)
        gr.on([self.model.input, self.view.input], **run)
        wished, context = self.session.wishes["classify"], [language, self.session.visitor]
        wished.change(self.take_wish, [wished, *context], self.model, **quick).success(**run)
        self.look.click(
            _wish_to_look, [self.results, self.shown, language], self.session.wishes["look_inside"], **quick
        )
        shown = [self.photo, self.bars, self.look, self.shown]
        self.table.select(_show_row, [self.results, language], shown, **quick)
        self.gallery.select(_show_thumbnail, [self.results, language], shown, **quick)
        # Sentences and headings that depend on the results: said again in the new language.
        said = [self.status, self.table, self.problems]
        language.change(say_again, [self.results, language, self.status], said, **quick)
        gr.api(self.answer, api_name="classify", concurrency_id="classify")

    def take_drop(self, payload: object, language: str) -> list[ReceivedPhoto]:
        """The photos that were dropped, chosen or pasted."""
        with spoken(language):
            return received(payload, self.settings)

    def take_wish(self, wish: Wish, language: str, visitor: object) -> Any:
        """Choose the model that another tab wishes for."""
        return self.choice.choose(wish.model, language, visitor)

    def run(
        self,
        photos: list[ReceivedPhoto],
        model: str,
        view: View,
        language: str,
        visitor: object,
        last: Results | None,
        status: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> Iterator[Any]:
        """Answer all photos of the session, showing now and then what there is."""
        if not photos:
            if not is_empty(status):
                inform(text("classify.gone", language))
            yield gr.skip()
            return

        progress((0, len(photos)), desc=text("classify.running", language), unit="")
        session, started = str(request.session_hash), time.monotonic()
        given: Results | None = None
        try:
            with spoken(language):
                for results in self.services.classify(
                    photos, model, view, TOP, session, telling_download(progress, language), visitor
                ):
                    progress((len(results.rows), len(photos)), desc=text("classify.running", language), unit="")
                    yield self._show(results, language)
                    given = results
        except SpokenError as error:
            if given is None or not isinstance(error.__cause__, TooLongError):
                raise
            given.cut(time.monotonic() - started)
            warn(text("limits.cut_short", language, done=given.photos, photos=len(photos)))
            yield self._show(given, language)
        finally:
            if last and given:
                last.discard()

    def _show(self, results: Results, language: str) -> list[Any]:
        """Updates for all outputs of `run`, in their order."""
        many = results.photos > 1
        first = next((number for number, _ in results.named()), None)
        done = results.complete
        return [
            *_show_photo(results, first),
            gr.update(visible=many and first is not None),
            results.gallery if many else gr.skip(),
            *say(results, language),
            gr.update(value=str(results.write_csv(language)) if done else None, visible=done),
            results,
        ]

    def answer(
        self, photos: list[gr.FileData], model: str, top: int = TOP, view: View = "crop"
    ) -> list[dict[str, Any]]:
        """For programs: the classes of uploaded photos, as `python -m resnet_demo classify --json` prints them."""
        session, results = secrets.token_hex(), None
        try:
            with plain(), spoken(DEFAULT_LANGUAGE):
                given = received(_as_dropped(photos), self.settings)
                _check_wish(view, top)
                for results in self.services.classify(given, model, view, top, session):  # noqa: B007  the last
                    pass
        finally:
            self.services.forget(session)
            _discard(results)
        return [dict(tables.as_dict(row.prediction, DEFAULT_LANGUAGE)) for row in results.rows] if results else []


def _view_choices(language: str) -> list[tuple[str, str]]:
    return [(text(f"classify.view.{view}", language), view) for view in VIEWS]


def _as_dropped(photos: Any) -> Any:
    """Photos of a program, which may send anything, in the shape of a drop zone's payload."""
    if not isinstance(photos, list):
        return photos
    return [{"rel": photo.get("orig_name") if isinstance(photo, dict) else None, "file": photo} for photo in photos]


def _check_wish(view: object, top: object) -> None:
    if view not in VIEWS:
        raise AppError("classify.problem.view", view=str(view), views=", ".join(VIEWS))
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise AppError("classify.problem.top", top=str(top))


def _show_photo(results: Results, number: int | None) -> list[Any]:
    """Updates of the photo, its bars, the button that looks into it, and its number."""
    if number is None:
        return [*[gr.update(value=None, visible=False)] * 2, gr.update(visible=False), None]
    row = results.rows[number]
    return [
        gr.update(value=results.picture(number), label=row.photo.name, visible=True),
        gr.update(value=bars(row.prediction.guesses), visible=True),
        gr.update(visible=True),
        number,
    ]


def _show_row(results: Results | None, language: str, event: gr.SelectData) -> list[Any]:
    if results is None:
        return _gone(language)
    # The row as it is shown, whose first cell is its number: sorting moves rows about.
    return _show_photo(results, int(event.row_value[0]) - 1)


def _show_thumbnail(results: Results | None, language: str, event: gr.SelectData) -> list[Any]:
    if results is None:
        return _gone(language)
    return _show_photo(results, results.gallery_rows[event.index])


def _gone(language: str) -> list[Any]:
    inform(text("classify.gone", language))
    return [gr.skip()] * 4


def _wish_to_look(results: Results | None, number: int | None, language: str) -> Any:
    """To see where the network looked for the class that it named first."""
    with spoken(language):
        if results is None or number is None:
            raise AppError("classify.gone")
        row = results.rows[number]
        if row.photo.path is None or not row.photo.path.is_file():
            raise AppError("look.gone")
        return Wish(results.model.name, row.photo, asked=row.prediction.guesses[0].index)


def _take_webcam(path: str | None) -> list[ReceivedPhoto]:
    return [ReceivedPhoto(Path(path).name, Path(path))] if path else []


def _take_example(event: gr.SelectData) -> list[ReceivedPhoto]:
    return [chosen(event)]


def _discard(results: Results | None) -> None:
    if results:
        results.discard()
