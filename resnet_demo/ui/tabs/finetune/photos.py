"""The photos step of the Fine-tune tab: ways in for photos, what there is to know of them, and samples."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.data.intake import Arrival
from resnet_demo.data.staging import kept_in
from resnet_demo.data.stored import BROUGHT, remove
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, AppError, Message, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.presets import FINE_TUNING, FROM_SCRATCH
from resnet_demo.ui import boxes, report_view, sheet, ways_in
from resnet_demo.ui.boxes import Box, boxes_input
from resnet_demo.ui.drop import photo_drop
from resnet_demo.ui.errors import inform, spoken
from resnet_demo.ui.findings import Findings, look_through
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.sheet import Sheet
from resnet_demo.ui.tabs.finetune import knobs
from resnet_demo.ui.ways_in import Tell

WAYS = ("drop", "boxes", "folder", "hub", "flowers")
OUTPUTS = 9
"""Of a way in."""
IN_BYTES = {"unpacking", "downloading"}

# On a phone what was found stands below the ways in, out of sight.
SHOW_FOUND = """() => {
    const found = document.querySelector("#photos-status");
    if (found.getBoundingClientRect().top > window.innerHeight * 0.6) found.scrollIntoView({ behavior: "smooth" });
}"""


def build(words: Words, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    Step(words, services, session, steps)


class Step:
    """The step's components and what their events do."""

    def __init__(self, words: Words, services: Services, session: Session, steps: Any) -> None:
        self.words, self.services, self.session = words, services, session
        self.settings = services.settings
        kept = {"time_to_live": self.settings.keep_seconds}
        self.findings, self.sheet, self.boxes = gr.State(None, **kept), gr.State(None, **kept), gr.State((), **kept)
        self._lay_out_ways()
        self._lay_out_found()
        self._wire(steps)

    def _lay_out_ways(self) -> None:
        make = self.words.make
        ways = [way for way in WAYS if way != "folder" or self.settings.local_paths_allowed]
        make(
            gr.Radio,
            {"label": "photos.way", "choices": lambda language: [(text(f"photos.way.{w}", language), w) for w in ways]},
            value=ways[0],
            show_label=False,
            container=False,
            interactive=True,
            elem_id="photos-way",
        )
        with gr.Column(elem_id="photos-panels"):
            for way in ways:
                # Which of them is seen is a rule of page.css: Gradio takes apart what it is told to hide.
                with gr.Column(elem_id=f"photos-by-{way}"):
                    getattr(self, f"_lay_out_{way}")()

    def _lay_out_drop(self) -> None:
        self.drop = photo_drop(self.words, self.settings, archives=True, elem_id="photos-drop")

    def _lay_out_boxes(self) -> None:
        self.sorted = boxes_input(self.words, self.settings, elem_id="photos-boxes")

    def _lay_out_folder(self) -> None:
        self.folder = self.words.make(
            gr.Dropdown,
            {"label": "photos.folder", "info": "photos.folder.hint"},
            allow_custom_value=True,
            value=None,
            choices=[],
            elem_id="photos-folder",
        )
        self.open_folder = self._button("photos.folder.open", "photos-open")

    def _lay_out_hub(self) -> None:
        self.hub = self.words.make(
            gr.Textbox,
            {"label": "photos.hub", "info": "photos.hub.hint", "placeholder": "photos.hub.example"},
            max_lines=1,
            elem_id="photos-hub",
        )
        self.fetch = self._button("photos.hub.fetch", "photos-fetch")

    def _lay_out_flowers(self) -> None:
        self._say("photos.flowers.about")
        self.flowers = self._button("photos.flowers.use", "photos-flowers")

    def _lay_out_found(self) -> None:
        make = self.words.make
        with gr.Row(equal_height=False, elem_id="photos-head"):
            self.status = self.words.make_first(gr.HTML, {"value": _empty}, elem_id="photos-status")
            self.go = make(
                gr.Button, {"value": "photos.go"}, variant="primary", visible=False, min_width=200, elem_id="photos-go"
            )
        self.report = gr.HTML(visible=False, elem_id="photos-report")
        with gr.Column(visible=False, elem_id="photos-sheet") as self.sheet_panel:
            self._say("photos.sheet.about")
            with gr.Row(equal_height=False):
                self.strength = make(
                    gr.Slider,
                    {"label": "photos.sheet.strength"},
                    minimum=0,
                    maximum=1,
                    step=0.1,
                    interactive=True,
                    min_width=260,
                    elem_id="photos-strength",
                )
                self.again = make(gr.Button, {"value": "photos.sheet.again"}, size="sm", elem_id="photos-again")
            self.samples = gr.HTML(elem_id="photos-samples")

    def _say(self, key: str) -> None:
        self.words.make(gr.HTML, {"value": lambda language: f"<p>{escape(text(key, language))}</p>"})

    def _button(self, key: str, name: str) -> Any:
        return self.words.make(gr.Button, {"value": key}, variant="primary", elem_id=name, elem_classes="photos-button")

    def _wire(self, steps: Any) -> None:
        language = self.words.selector
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        sorting: dict[str, Any] = {
            "fn": self.sort,
            "inputs": [self.boxes, self.sorted, language],
            "outputs": [self.boxes, self.sorted],
            "show_progress": "hidden",
            "api_visibility": "private",
            "trigger_mode": "multiple",
            # One after the other, in their order: each goes on from what the one before it has left.
            "concurrency_id": "boxes",
            "concurrency_limit": 1,
        }
        self.sorted.input(**sorting)
        self._take("drop", self.drop.upload, ways_in.from_drop, self.drop)
        self._take("boxes", self.sorted.submit(**sorting).success, ways_in.from_sorted, self.boxes)
        self._take("hub", partial(gr.on, [self.hub.submit, self.fetch.click]), ways_in.from_hub_id, self.hub)
        self._take("flowers", self.flowers.click, ways_in.from_sample)
        if self.settings.local_paths_allowed:
            self.folder.focus(self.list_folders, None, self.folder, **quick)
            self._take("folder", self.open_folder.click, ways_in.from_path, self.folder)
        drawing: dict[str, Any] = {**self._drawing(), "show_progress_on": [self.samples]}
        gr.on([self.again.click, self.strength.release], **drawing)
        said = [self.status, self.report, self.samples]
        language.change(_say_again, [self.findings, self.sheet, self.status, language], said, **quick)
        self.go.click(lambda: gr.Tabs(selected="train"), None, steps, **quick)

    def _take(self, way: str, event: Any, arrive: Callable[..., Arrival], *inputs: Any) -> None:
        """Wire a way in: bring the photos, show the report, then the samples."""
        context = [self.session.knobs, self.session.visitor, self.words.selector]
        taken = event(
            self.bringing(arrive),
            [*context, *inputs],
            [
                *(self.session.dataset, self.findings, self.status, self.report, self.go),
                *(self.sheet_panel, self.strength, self.sheet, self.samples),
            ],
            show_progress_on=[self.status],
            concurrency_id="photos",
            concurrency_limit=AT_A_TIME,
            api_name=f"photos_{way}",
            api_visibility="private",
        )
        taken.success(None, js=SHOW_FOUND)
        taken.success(**self._drawing(), show_progress_on=[self.samples])

    def _drawing(self) -> dict[str, Any]:
        return {
            "fn": self.draw,
            "inputs": [self.findings, self.strength, self.session.knobs, self.session.visitor, self.words.selector],
            "outputs": [self.sheet, self.samples],
            "concurrency_id": "photos-sheet",
            "concurrency_limit": AT_A_TIME,
            "api_visibility": "private",
        }

    # The ways in

    def sort(self, held: tuple[Box, ...], act: object, language: str) -> tuple[tuple[Box, ...], Any]:
        """The boxes after something was done to them."""
        with spoken(language):
            left = boxes.done(held or boxes.FIRST, act, self.settings)
        return left, gr.update(boxes=[box.shown() for box in left])

    def list_folders(self) -> Any:
        """The folders that were brought here earlier; only ever on a page of one's own."""
        return gr.update(choices=[str(folder) for folder in ways_in.brought_before(self.settings.home)])

    def bringing(self, arrive: Callable[..., Arrival]) -> Callable[..., Iterator[list[Any]]]:
        """The handler of a way in: let photos arrive, look through them, and show what was found.

        Where that fails or nobody waits for it any more, the photos are not kept, unless others work with them too.
        """

        def bring(
            kept: object,
            visitor: object,
            language: str,
            *given: Any,
            progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
        ) -> Iterator[list[Any]]:
            tell = _teller(progress, language)
            with spoken(language):
                arrival = arrive(self.settings, tell, *given)
                config = self._config(kept, visitor, str(arrival.folder))
                try:
                    for found in look_through(arrival, config, self.settings, tell):
                        yield [gr.skip()] * OUTPUTS if found is None else self._show(found, config, language)
                except BaseException:  # GeneratorExit too
                    if arrival.own:
                        remove(arrival.folder, self.settings.home)
                    raise

        return bring

    def _config(self, kept: object, visitor: object, folder: str) -> TrainConfig:
        """The settings that the browser has kept for the next training, as far as they make sense."""
        try:
            return knobs.read(knobs.restored(kept), folder, self.services.models(visitor), DEFAULT_LANGUAGE)
        except AppError:
            return TrainConfig(data=folder)

    # What was found

    def _show(self, found: Findings, config: TrainConfig, language: str) -> list[Any]:
        """Updates for the outputs of a way in."""
        _, strength = _seen_as(config)
        folder = found.dataset.root
        if folder.parent in {kept_in(self.settings, place) for place in BROUGHT}:
            os.utime(folder)  # on a public page it is kept from now on
        return [
            str(folder),
            found,
            report_view.heading(found, language),
            gr.update(value=report_view.as_html(found, language), visible=True),
            gr.update(visible=True, interactive=not isinstance(found.split, Message)),
            gr.update(visible=True),
            strength,
            None,
            "",
        ]

    def draw(
        self, found: Findings | None, strength: float, kept: object, visitor: object, language: str
    ) -> tuple[Any, Any]:
        """Samples of the photos in hand, other ones each time."""
        if found is None:
            inform(text("photos.gone", language))
            return gr.skip(), gr.skip()
        with spoken(language):
            size, _ = _seen_as(self._config(kept, visitor, str(found.dataset.root)))
            drawn = sheet.draw(found.dataset, size, strength, secrets.randbelow(2**31), self.settings.max_pixels)
        return drawn, sheet.as_html(drawn, language)


def _say_again(found: Findings | None, drawn: Sheet | None, status: str, language: str) -> list[Any]:
    """What stands on the page in another language; what is no longer kept stays as it is."""
    if found is None:
        nothing_yet = status in map(_empty, LANGUAGES)
        return [_empty(language) if nothing_yet else gr.skip(), gr.skip(), gr.skip()]
    samples = gr.skip() if drawn is None else sheet.as_html(drawn, language)
    return [report_view.heading(found, language), report_view.as_html(found, language), samples]


def _seen_as(config: TrainConfig) -> tuple[int, float]:
    """Pixels a side and strength of the variations that these settings come to."""
    preset = (FROM_SCRATCH if config.scratch else FINE_TUNING)[config.preset]
    return config.image_size or preset.image_size, preset.augment if config.augment is None else config.augment


def _teller(progress: gr.Progress, language: str) -> Tell:
    """The page's bar for each stage of the work."""

    def tell(stage: str) -> Progress:
        scale, unit = (MEGABYTE, "MB") if stage in IN_BYTES else (1, "")

        def told(done: int, total: int | None) -> None:
            so_far = (done // scale, total and total // scale)
            progress(so_far, desc=text(f"photos.stage.{stage}", language), unit=unit)

        told(0, None)
        return told

    return tell


def _empty(language: str) -> str:
    """What stands where the report will be, as HTML."""
    return f"<p>{escape(text('photos.empty', language))}</p>"
