"""The Classify tab: photos in, what they show out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo import tables
from resnet_demo.data.preprocessing import View
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import DEFAULT_LANGUAGE, text
from resnet_demo.ui.drop import ReceivedPhoto, photo_drop, received
from resnet_demo.ui.errors import spoken
from resnet_demo.ui.language import Words
from resnet_demo.ui.results import Results
from resnet_demo.ui.services import AT_A_TIME, Services

LABEL = "page.tabs.classify"

# On a phone the answer stands below the inputs, out of sight.
SHOW_ANSWER = """() => {
    const status = document.querySelector("#classify-status");
    if (status.getBoundingClientRect().top > window.innerHeight) status.scrollIntoView({ behavior: "smooth" });
}"""
VIEWS = ("crop", "whole")
TOP = 5
TOP_MOST = 1000
KEPT_SECONDS = 3600

# Pictures that come with the installed gradio, so that none has to be shipped here.
EXAMPLES = tuple(
    path
    for name in ("cheetah1.jpg", "lion.jpg", "tower.jpg", "bus.png")
    if (path := Path(gr.__file__).parent / "media_assets" / "images" / name).is_file()
)


def build(words: Words, services: Services) -> None:
    """Lay out the tab inside the one that is open."""
    Tab(words, services)


class Tab:
    """The tab's components and what their events do."""

    def __init__(self, words: Words, services: Services) -> None:
        self.words = words
        self.settings = services.settings
        self.services = services
        self.photos = gr.State([], time_to_live=KEPT_SECONDS)
        self.results = gr.State(None, time_to_live=KEPT_SECONDS, delete_callback=_discard)
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
        self.model = make(
            gr.Dropdown,
            {"label": "classify.model", "info": self._model_hint, "choices": self._model_choices},
            value=self._first_model(),
            allow_custom_value=self.settings.local_paths_allowed,
            elem_id="classify-model",
        )
        self.view = make(
            gr.Radio,
            {"label": "classify.view", "choices": _view_choices},
            value=VIEWS[0],
            elem_id="classify-view",
        )
        make(gr.HTML, {"value": "classify.about_imagenet"}, elem_classes="note")
        with make(gr.Accordion, {"label": "classify.webcam"}, open=False):
            self.webcam = make(
                gr.Image,
                {"label": "classify.webcam"},
                sources=["webcam"],
                type="filepath",
                show_label=False,
                elem_id="classify-webcam",
            )
        self.examples = make(
            gr.Gallery,
            {"label": "classify.examples"},
            value=[str(path) for path in EXAMPLES],
            columns=len(EXAMPLES) or 1,
            show_label=False,
            container=False,
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="classify-examples",
        )

    def _lay_out_answer(self) -> None:
        make = self.words.make
        self.status = gr.HTML(elem_id="classify-status")
        self.photo = gr.Image(  # its label is the photo's name
            interactive=False,
            visible=False,
            height=380,
            buttons=["fullscreen"],
            elem_id="classify-photo",
        )
        self.bars = make(
            gr.Label,
            {"label": "classify.answer"},
            num_top_classes=TOP,
            visible=False,
            elem_id="classify-answer",
        )

    def _lay_out_many(self) -> None:
        make = self.words.make
        with gr.Column(visible=False) as self.many:
            self.gallery = make(
                gr.Gallery,
                {"label": "classify.gallery"},
                columns=8,
                height=300,
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
            "inputs": [self.photos, self.model, self.view, language, self.results],
            "outputs": [
                *(self.photo, self.bars, self.many, self.gallery, self.status, self.table, self.problems),
                *(self.download, self.results),
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
        shown = [self.photo, self.bars]
        self.table.select(_show_row, [self.results], shown, **quick)
        self.gallery.select(_show_thumbnail, [self.results], shown, **quick)
        # Sentences and headings that depend on the results: said again in the new language.
        language.change(_say, [self.results, language], [self.status, self.table, self.problems], **quick)
        gr.api(self.answer, api_name="classify", concurrency_id="classify")

    def take_drop(self, payload: object, language: str) -> list[ReceivedPhoto]:
        """The photos that were dropped, chosen or pasted."""
        with spoken(language):
            return received(payload, self.settings)

    def run(
        self,
        photos: list[ReceivedPhoto],
        model: str,
        view: View,
        language: str,
        last: Results | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> Iterator[Any]:
        """Answer all photos of the session, showing now and then what there is."""
        if not photos:
            yield gr.skip()
            return

        def downloading(done: int, total: int | None) -> None:
            so_far = (done // MEGABYTE, total and total // MEGABYTE)
            progress(so_far, desc=text("classify.downloading", language), unit="MB")

        progress((0, len(photos)), desc=text("classify.running", language), unit="")
        session = str(request.session_hash)
        with spoken(language):
            for results in self.services.classify(photos, model, view, TOP, session, downloading):
                progress((len(results.rows), len(photos)), desc=text("classify.running", language), unit="")
                yield self._show(results, language)
        if last:
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
            *_say(results, language),
            gr.update(value=str(results.write_csv(language)) if done else None, visible=done),
            results,
        ]

    def answer(
        self, photos: list[gr.FileData], model: str, top: int = TOP, view: View = "crop"
    ) -> list[dict[str, Any]]:
        """For programs: the classes of uploaded photos, as `python -m resnet_demo classify --json` prints them."""
        with spoken(DEFAULT_LANGUAGE):
            given = received([{"rel": photo.get("orig_name"), "file": photo} for photo in photos], self.settings)
            *_, results = self.services.classify(given, model, view, max(1, min(top, TOP_MOST)), secrets.token_hex())
        results.discard()
        return [dict(tables.as_dict(row.prediction, DEFAULT_LANGUAGE)) for row in results.rows]

    def _first_model(self) -> str:
        """The default if it is on this disk, or else what is."""
        here = [name for name, on_disk in self.services.model_names() if on_disk]
        return self.settings.default_model if self.settings.default_model in here or not here else here[0]

    def _model_choices(self, language: str) -> list[tuple[str, str]]:
        return [
            (text("classify.model_here" if here else "classify.model_download", language, name=name), name)
            for name, here in self.services.model_names()
        ]

    def _model_hint(self, language: str) -> str:
        local = self.settings.local_paths_allowed
        return text("classify.model_hint.local" if local else "classify.model_hint.public", language)


def _view_choices(language: str) -> list[tuple[str, str]]:
    return [(text(f"classify.view.{view}", language), view) for view in VIEWS]


def _say(results: Results | None, language: str) -> tuple[Any, Any, Any]:
    """What stands in words: the status, the table and the problems."""
    if results is None:
        return escape(text("classify.empty", language)), gr.skip(), gr.skip()
    problems = results.problems(language)
    return (
        _status(results, language),
        _table(("number", "file", "top1", "p1", "top2", "p2"), results.table(), language),
        gr.update(value=_table(("file", "problem"), problems, language), visible=bool(problems)),
    )


def _table(columns: tuple[str, ...], rows: list[Any], language: str) -> dict[str, Any]:
    return {"headers": [text(f"classify.header.{name}", language) for name in columns], "data": rows}


def _status(results: Results, language: str) -> str:
    """How far it is, or how it went and by whom, as HTML."""
    if not results.complete:
        return escape(text("classify.so_far", language, done=len(results.rows), photos=results.photos))
    model = results.model
    done = text(
        "classify.done" if results.photos > 1 else "classify.done_one",
        language,
        photos=results.photos,
        named=sum(1 for _ in results.named()),
        model=model.name,
        seconds=f"{results.seconds:.2f}",
        rate=f"{results.photos / max(results.seconds, 1e-3):.1f}",
    )
    about = text("classify.weights", language, provenance=model.provenance.say(language))
    if model.top1 is not None:
        about += " " + text("classify.published_top1", language, percent=f"{model.top1:.1f}")
    return f"<p>{escape(done)}</p><p class='about'>{escape(about)}</p>"


def _show_photo(results: Results | None, number: int | None) -> tuple[Any, Any]:
    if results is None or number is None:
        return gr.update(value=None, visible=False), gr.update(value=None, visible=False)
    name = results.rows[number].photo.name
    return (
        gr.update(value=results.picture(number), label=name, visible=True),
        gr.update(value=results.probabilities(number), visible=True),
    )


def _show_row(results: Results | None, event: gr.SelectData) -> tuple[Any, Any]:
    # The row as it is shown, whose first cell is its number: sorting moves rows about.
    return _show_photo(results, int(event.row_value[0]) - 1)


def _show_thumbnail(results: Results | None, event: gr.SelectData) -> tuple[Any, Any]:
    return _show_photo(results, results.gallery_rows[event.index] if results else None)


def _take_webcam(path: str | None) -> list[ReceivedPhoto]:
    return [ReceivedPhoto(Path(path).name, Path(path))] if path else []


def _take_example(event: gr.SelectData) -> list[ReceivedPhoto]:
    path = EXAMPLES[event.index]
    return [ReceivedPhoto(path.name, path)]


def _discard(results: Results | None) -> None:
    if results:
        results.discard()
