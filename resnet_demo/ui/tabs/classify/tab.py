"""The Classify tab: its components and events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo import tables
from resnet_demo.data.preprocessing import CropMode
from resnet_demo.texts import AppError
from resnet_demo.ui.components.drop_zone import ReceivedPhoto, photo_drop, received
from resnet_demo.ui.components.examples import Examples
from resnet_demo.ui.components.model_choice import MOST_COMPARED, ModelChoice
from resnet_demo.ui.errors import inform, plain_text_errors, redact_paths, visitor_errors, warn
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE, Events
from resnet_demo.ui.server.time_limit import NobodyWaitsError, TooLongError
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import NavigationRequest, Session
from resnet_demo.ui.static_files import reveal, static
from resnet_demo.ui.tabs.classify import answered_example, next_steps, results_view
from resnet_demo.ui.tabs.classify.choices import VIEWS, Choices
from resnet_demo.ui.tabs.classify.classification import Classification, State
from resnet_demo.ui.tabs.classify.kept_results import KeptResults
from resnet_demo.ui.tabs.classify.photo_panel import PhotoPanel, request_look_inside
from resnet_demo.ui.tabs.classify.results import Results
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, current_visitor, say

# On a phone the prediction stands below the inputs and above the list, out of sight.
SHOW_STATUS, SHOW_PHOTO = reveal("#classify-status"), reveal("#classify-photo")
TOP = 5


def build(translations: Translations, services: Services, session: Session) -> None:
    """Lay out the tab inside the one that is open."""
    Tab(translations, services, session)


class Tab:
    """The tab's components and what their events do."""

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:
        self.translations = translations
        self.session = session
        self.events = Events(translations, session)
        self.settings = services.settings
        self.services = services
        self.classification = Classification(services)
        self.kept = KeptResults(services.settings)
        self.photos = gr.State([], time_to_live=self.settings.keep_seconds)
        self.results = gr.State(None, time_to_live=self.settings.keep_seconds, delete_callback=_discard)
        next_steps.lay_out(self.translations)
        with gr.Row(equal_height=False, elem_id="classify-layout"):
            with gr.Column(min_width=0, elem_id="classify-inputs"):
                self._lay_out_inputs()
            with gr.Column(min_width=0, elem_id="classify-answer"):
                self._lay_out_answer()
            with gr.Column(min_width=0, elem_id="classify-many"):
                self._lay_out_many()
        # What the last answers were asked of, so that a choice is answered once, however often the page tells of it.
        self.asked = gr.State(Choices(self.model.value).asked())
        self._wire()

    def _lay_out_inputs(self) -> None:
        create = self.translations.create
        self.drop = photo_drop(self.translations, self.settings, elem_id="classify-photos")
        self.choice = ModelChoice(self.translations, self.services, self.session, elem_id="classify-model")
        self.model = self.choice.dropdown
        self.view = create(
            gr.Radio,
            {"label": "classify.view", "info": _view_hint, "choices": _view_choices},
            value=VIEWS[0],
            elem_id="classify-view",
        )
        self.choice.make_note()
        with create(gr.Accordion, {"label": "classify.compare"}, open=False, elem_id="classify-compare"):
            self.others = self.choice.make_compared("classify-compared")
        with create(gr.Accordion, {"label": "classify.webcam"}, open=False):
            create(
                gr.HTML,
                {"sentence": lambda: say("camera.none")},
                html_template="<p role='status'></p>",
                js_on_load=static("missing_camera.js"),
                apply_default_css=False,
                elem_id="classify-webcam-problem",
            )
            self.webcam = create(
                gr.Image,
                {"label": "classify.webcam"},
                sources=["webcam"],
                type="filepath",
                image_mode=None,  # or else Gradio would decode whatever is sent, of any size
                show_label=False,
                elem_id="classify-webcam",
            )
        self.examples = Examples(self.translations, self.services, self.events, self.model, elem_id="classify-examples")

    def _lay_out_answer(self) -> None:
        self.status = self.translations.create_initial(
            gr.HTML, {"value": results_view.empty}, js_on_load=static("parts.js"), elem_id="classify-status"
        )
        answered_example.lay_out(self.translations)
        self.panel = PhotoPanel(self.translations, self.services)

    def _lay_out_many(self) -> None:
        create = self.translations.create
        self.list: Any = create(
            gr.HTML,
            {"texts": results_view.list_texts},
            value="",
            html_template=static("photo_list.html"),
            css_template=static("photo_list.css"),
            js_on_load=static("photo_list.js"),
            apply_default_css=False,
            elem_id="classify-list",
        )
        self.download = create(
            gr.DownloadButton, {"label": "classify.download"}, visible=False, size="sm", elem_id="classify-download"
        )

    def _wire(self) -> None:
        listener, panel = self.events.handler, self.panel
        quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **EACH_CLICK}
        choices = [self.model, self.view, self.others]
        inputs = [self.photos, *choices, panel.heat, self.results, self.status]
        answered = [*panel.outputs, self.status, self.list, self.download, self.results, self.asked]
        work: dict[str, Any] = {
            "show_progress": "hidden",
            "concurrency_id": "classify",
            "concurrency_limit": AT_A_TIME,
            "trigger_mode": "multiple",
            "api_visibility": "private",
        }
        run = listener(self.run, inputs, answered, **work)
        picture = listener(panel.show_picture, [self.results, panel.selected_row, panel.heat], panel.photo, **quick)
        for event, take, given in (
            (self.drop.upload, self.take_drop, self.drop),
            (self.webcam.input, take_webcam, self.webcam),
            (self.examples.gallery.select, self.take_example, self.model),
        ):
            taken = event(**listener(take, given, self.photos, **quick))
            taken.success(None, js=SHOW_STATUS)
            taken.success(**run).success(**picture)
        for choice in choices:
            choice.input(**listener(_asked, choices, self.asked, **{**quick, **LAST_CHOICE}))
        self.asked.change(**listener(self.run, inputs, answered, **work)).success(**picture)
        requested = self.session.navigation["classify"]
        follow = listener(self.follow_request, [requested, self.view, self.others], [self.model, self.asked], **quick)
        requested.change(**follow)
        self.status.choose(**listener(self.stop, None, None, **quick, queue=False))
        self._wire_photos(quick, answered)
        said = [self.status, self.list, panel.bars]
        self.translations.selector.change(
            **listener(self.translate_results, [self.results, self.status, panel.selected_row], said, **quick)
        )
        gr.api(self.classify_for_programs, api_name="classify", concurrency_id="classify")

    def _wire_photos(self, quick: dict[str, Any], answered: list[Any]) -> None:
        """Events of the photo that is shown, and of what is remembered."""
        listener, panel = self.events.handler, self.panel
        picture = listener(panel.show_picture, [self.results, panel.selected_row, panel.heat], panel.photo, **quick)
        chosen_row = self.list.choose(**listener(self.show_row, [self.results, panel.heat], panel.outputs, **quick))
        chosen_row.success(None, js=SHOW_PHOTO)
        chosen_row.success(**picture)
        shown = {**picture, **LAST_CHOICE, "show_progress": "full", "show_progress_on": [panel.photo]}
        panel.heat.input(**shown)
        look_inside = listener(
            request_look_inside,
            [self.results, panel.selected_row],
            self.session.navigation["look_inside"],
            **quick,
        )
        panel.look_inside_button.click(**look_inside)
        remembered = [self.model, self.view, panel.heat]
        remember = listener(_remember, remembered, self.session.classify_choices, **{**quick, **LAST_CHOICE})
        gr.on([one.input for one in remembered], **remember)
        restore = listener(
            self.restore,
            [self.session.classify_choices],
            [self.photos, self.model, self.view, self.others, panel.heat, *answered],
            **quick,
        )
        self.session.on_load(restore)

    def take_drop(self, payload: object) -> list[ReceivedPhoto]:
        """The photos that were dropped, chosen or pasted."""
        return received(payload, self.settings)

    def take_example(self, model: str, event: gr.SelectData) -> list[ReceivedPhoto]:
        """The example that was clicked."""
        return [self.examples.chosen(model, event)]

    def follow_request(self, request: NavigationRequest, view: CropMode, others: list[str]) -> dict[Any, Any]:
        """Choose the model that another tab requests."""
        return {self.model: self.choice.choose(request.model), self.asked: Choices(request.model, view).asked(others)}

    def stop(self, request: gr.Request) -> None:
        """Answer no more photos; those that were answered stay."""
        self.classification.requests.stop(str(request.session_hash))

    def run(
        self,
        photos: list[ReceivedPhoto],
        model: str,
        view: CropMode,
        others: list[str],
        heat: bool,
        last: Results | None,
        status: str,
        request: gr.Request,
    ) -> Iterator[Any]:
        """Classify all photos of the session, showing the results so far now and then.

        What was answered already, the same photos by the same model, is taken from the last results.
        """
        if not photos:
            if not results_view.is_empty(status):
                inform(say("classify.gone"))
            yield gr.skip()
            return
        models = [model, *others[:MOST_COMPARED]]
        asked = {self.asked: Choices(model, view).asked(models[1:])}
        yield {self.status: results_view.progress(State(len(photos), model)), **asked}
        shown = Shown(self, heat)
        started = time.monotonic()
        try:
            for state in self.classification.run(photos, models, view, TOP, str(request.session_hash), last):
                yield shown.updates(state, photos)
        except TooLongError:
            if shown.results is None:
                raise
            done, of = len(shown.results.rows), len(photos)
            shown.results.truncate(time.monotonic() - started)
            warn(say("limits.cut_short", done=done, photos=of))
            yield shown.updates(State(of, model, results=shown.results, ended=True), photos)
        except NobodyWaitsError:
            raise
        except AppError as error:
            yield self._failed(error.say(current_language()))
        except Exception:
            yield self._failed(say("classify.failed"))
            raise
        finally:
            if last is not None and shown.results is not None and shown.results is not last:
                shown.results.replace_last(last)

    def _failed(self, sentence: str) -> dict[Any, Any]:
        """Why there is no answer: that of another model must not stand under this one's name."""
        return {
            **self.panel.clear(),
            self.status: results_view.failed(redact_paths(sentence)),
            self.list: results_view.no_rows(),
            self.download: gr.update(value=None, visible=False),
            self.results: None,
        }

    def show_results(self, results: Results, number: int | None, heat: bool) -> dict[Any, Any]:
        """Updates after which the page shows complete results, and the photo of the row `number`."""
        return {
            **self.panel.show(results, number, heat),
            self.status: results_view.status(results),
            self.list: results_view.rows(results),
            self.download: gr.update(value=str(results.write_csv()), visible=True),
            self.results: results,
        }

    def show_row(self, results: Results | None, heat: bool, event: gr.EventData) -> Any:
        """The photo of a row of the list."""
        if results is None:
            inform(say("classify.gone"))
            return gr.skip()
        return self.panel.show(results, event._data.get("number"), heat)

    def restore(self, remembered: object) -> dict[Any, Any]:
        """The visitor's last choices and, where they are still kept, the last results, as the page is opened again."""
        offered = [entry.name for entry in self.services.models()]
        choices = Choices.from_browser(remembered, offered, self.model.value)
        kept = self.kept.find(current_visitor().token)
        if kept is None:
            if choices == Choices(self.model.value):  # as the page is made: the visitor may be at work by now
                return {}
            return {
                self.model: self.choice.choose(choices.model),
                self.view: choices.view,
                self.panel.heat: choices.heat,
                self.asked: choices.asked(),
            }
        results = kept.results
        if not results.complete:  # the page was closed while it was at work
            results.truncate(results.seconds)
        model = results.model.name
        first = next((number for number, _ in results.named()), None)
        return {
            self.photos: list(kept.photos),
            self.model: self.choice.choose(model),
            self.view: results.view,
            self.others: gr.update(choices=self.choice.names(), value=list(results.compared)),
            self.panel.heat: choices.heat,
            self.asked: Choices(model, results.view).asked(list(results.compared)),
            **self.show_results(results, first, choices.heat),
        }

    def translate_results(self, results: Results | None, status: str, number: object) -> dict[Any, Any]:
        """What is said, in another language; it stays where its results are no longer kept."""
        if results is None:
            return {self.status: results_view.empty()} if results_view.is_empty(status) else {}
        if not results.complete:
            return {}
        return {
            self.status: results_view.status(results),
            self.list: results_view.rows(results),
            **self.panel.translated(results, number),
        }

    def classify_for_programs(
        self, photos: list[gr.FileData], model: str, top: int = TOP, view: CropMode = "crop"
    ) -> list[dict[str, Any]]:
        """For programs: the classes of uploaded photos, as `python -m resnet_demo classify --json` prints them."""
        with plain_text_errors(), visitor_errors():
            given = received(_as_dropped(photos), self.settings)
            _check_arguments(view, top)
            classifier = self.services.classifier(model)
            return [
                dict(tables.as_dict(replace(prediction, file=photo.name), current_language()))
                for photo, prediction in self.classification.predictions(given, classifier, view, top)
            ]


class Shown:
    """What a page has been sent of one request's results: only what is new goes there as they come."""

    def __init__(self, tab: Tab, heat: bool) -> None:
        self._tab, self._heat = tab, heat
        self.results: Results | None = None
        self._rows = 0
        self._photo: int | None = None

    def updates(self, state: State, photos: list[ReceivedPhoto]) -> dict[Any, Any]:
        """Updates of the page to this state."""
        tab, results = self._tab, state.results
        changed: dict[Any, Any] = {}
        if results is not None and self.results is None:
            self.results = changed[tab.results] = results
            tab.kept.keep(current_visitor().token, photos, results)
            if not results.rows:  # none of the last ones under the new model's name
                changed |= {**tab.panel.clear(), tab.download: gr.update(value=None, visible=False)}
        if results is not None and self._photo is None and (first := _first(results)) is not None:
            self._photo = first
            changed |= tab.panel.show(results, first, self._heat)
        if results is not None and state.ended:
            tab.kept.keep(current_visitor().token, photos, results)
            return changed | tab.show_results(results, self._photo, self._heat)
        if results is not None and len(results.rows) >= self._rows:
            changed[tab.list] = results_view.rows(results, self._rows)
            self._rows = len(results.rows)
        return changed | {tab.status: results_view.progress(state)}


def _first(results: Results) -> int | None:
    return next((number for number, _ in results.named()), None)


def _view_hint() -> str:
    return " ".join((say("term.centre_crop"), say("term.whole_picture")))


def _view_choices() -> list[tuple[str, str]]:
    return [(say(f"classify.view.{view}"), view) for view in VIEWS]


def _asked(model: str, view: str, others: list[str]) -> list[str]:
    """What the photos are to be answered by, after a choice."""
    return Choices(model, view).asked(others)


def _remember(model: str, view: str, heat: bool) -> dict[str, Any]:
    return Choices(model, view, heat).for_browser()


def _as_dropped(photos: Any) -> Any:
    """Photos of a program, which may send anything, in the shape of a drop zone's payload."""
    if not isinstance(photos, list):
        return photos
    return [{"rel": photo.get("orig_name") if isinstance(photo, dict) else None, "file": photo} for photo in photos]


def _check_arguments(view: object, top: object) -> None:
    if view not in VIEWS:
        raise AppError("classify.problem.view", view=str(view), views=", ".join(VIEWS))
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise AppError("classify.problem.top", top=str(top))


def take_webcam(path: str | None) -> list[ReceivedPhoto]:
    return [ReceivedPhoto(Path(path).name, Path(path))] if path else []


def _discard(results: Results | None) -> None:
    if results:
        results.discard()
