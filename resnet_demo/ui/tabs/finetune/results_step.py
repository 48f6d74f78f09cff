"""The results step of the Fine-tune tab: the evaluation of the trained network on its test photos.

All of it is read from the run's folder; what has not changed is not made again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from resnet_demo import catalogue, evaluation_set
from resnet_demo.data.file_names import display_name
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.evaluation import Evaluation, evaluate
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.texts import AppError
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ENDED, State
from resnet_demo.training.run_title import MOST_CHARACTERS
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE, Events
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import NavigationRequest, Session
from resnet_demo.ui.static_files import reveal, static
from resnet_demo.ui.tabs.finetune import evaluation_view as view
from resnet_demo.ui.tabs.finetune.model_download import ModelDownloads
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

REFRESH_SECONDS = 2.0

# What other tabs tell of runs is told anew.
TICK_NOW = """() => document.dispatchEvent(new Event("tick-now"))"""
# On a phone the photos stand below the matrix, out of sight.
SHOW_PHOTOS = reveal("#results-photos", 0.8)


def build(translations: Translations, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    Step(translations, services, session, steps)


class Step:
    """The step's components and what their events do."""

    def __init__(self, translations: Translations, services: Services, session: Session, steps: Any) -> None:
        self.services, self.settings, self.runs = services, services.settings, services.runs
        self.translations, self.session, self.steps = translations, session, steps
        self.events, self.downloads = Events(translations, session), ModelDownloads()
        # What a page shows is known to the page alone: a response that gets lost changes nothing.
        self.last_render = gr.Textbox(visible=False)
        # Not the page's clock: once a run is over there is nothing to wait for.
        self.timer = gr.Timer(REFRESH_SECONDS, active=False)
        self._lay_out_name()
        self.headline = translations.create_initial(gr.HTML, {"value": view.nothing}, elem_id="results-headline")
        self.evaluate_button = translations.create(
            gr.Button, {"value": "results.evaluate"}, visible=False, variant="primary", elem_id="results-evaluate"
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self.matrix = gr.HTML(
                    visible=False, js_on_load=static("matrix.js"), apply_default_css=False, elem_id="results-matrix"
                )
            with gr.Column(scale=2, min_width=320):
                self.table = gr.HTML(visible=False, elem_id="results-table")
        self.worst = translations.create(
            gr.Button, {"value": "results.photos.all"}, visible=False, size="sm", elem_id="results-worst"
        )
        self.photos = gr.HTML(visible=False, js_on_load=static("parts.js"), elem_id="results-photos")
        self.use = translations.create(
            gr.Button, {"value": "results.use"}, visible=False, variant="primary", size="sm", elem_id="results-use"
        )
        self.place = gr.HTML(visible=False, elem_id="results-place")
        self.of_run = [self.heading, self.rename_button, self.export_button]
        self.of_evaluation = [self.matrix, self.table, self.place, self.photos, self.worst, self.use]
        self._wire()

    def _lay_out_name(self) -> None:
        """The name of the run, its buttons, and a form to give it another."""
        create = self.translations.create
        small: dict[str, Any] = {"size": "sm", "min_width": 80}
        with gr.Row(elem_id="results-top"):
            self.heading = gr.HTML(visible=False, elem_id="results-name")
            self.rename_button = create(
                gr.Button, {"value": "results.rename"}, visible=False, elem_id="results-rename", **small
            )
            self.export_button = create(
                gr.Button, {"value": "results.export"}, visible=False, elem_id="results-export", **small
            )
        with gr.Row(visible=False, elem_id="results-renaming") as self.renaming:
            self.title = create(
                gr.Textbox,
                {"label": "results.rename.label", "info": "results.rename.hint"},
                max_lines=1,
                max_length=MOST_CHARACTERS,
                interactive=True,
                elem_id="results-title",
            )
            self.save_title = create(
                gr.Button, {"value": "results.rename.save"}, variant="primary", elem_id="results-save-title", **small
            )
            self.keep_title = create(
                gr.Button, {"value": "results.rename.cancel"}, elem_id="results-keep-title", **small
            )
        self.download = gr.HTML(
            html_template="", js_on_load=static("download.js"), apply_default_css=False, elem_id="results-download"
        )

    def _wire(self) -> None:
        session, listener = self.session, self.events.handler
        quietly: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_id": "results",
            "concurrency_limit": AT_A_TIME,
        }
        refresh = listener(
            self.refresh,
            [self.last_render, session.run],
            [self.last_render, self.timer, self.headline, *self.of_run, *self.of_evaluation, self.evaluate_button],
            **LAST_CHOICE,
            **quietly,
        )
        changed = [self.steps.change, self.timer.tick, session.run.change, self.translations.selector.change]
        gr.on(changed, **refresh)
        chosen, photos, open_tab = self.last_render, [self.photos, self.worst], session.navigation
        show_cell = listener(self.show_cell, chosen, photos, **quietly, **EACH_CLICK)
        self.matrix.choose(**show_cell).success(None, js=SHOW_PHOTOS)
        self.worst.click(**listener(self.show_worst, chosen, photos, **quietly)).success(None, js=SHOW_PHOTOS)
        self.photos.choose(
            **listener(self.request_look_inside, chosen, open_tab["look_inside"], **quietly, **EACH_CLICK)
        )
        shown = {**quietly, "show_progress": "full", "show_progress_on": [self.headline]}
        self.evaluate_button.click(**listener(self.evaluate_now, chosen, **shown)).then(**refresh)
        self.use.click(**listener(self.use_model, chosen, open_tab["classify"], **quietly))
        renaming = [self.renaming, self.title]
        self.rename_button.click(**listener(self.ask_for_title, chosen, renaming, **quietly))
        self.keep_title.click(**listener(lambda: gr.update(visible=False), None, self.renaming, **quietly))
        rename = listener(self.rename, [chosen, self.title], self.renaming, **quietly)
        for saved in (self.save_title.click, self.title.submit):
            saved(**rename).then(**refresh).then(None, js=TICK_NOW)
        exported = {**quietly, "show_progress": "full", "show_progress_on": [self.heading]}
        self.export_button.click(**listener(self.export, chosen, self.download, **exported))

    def refresh(self, last_render: object, name: object) -> Any:
        """Updates of all outputs, if anything has changed since this page was rendered last."""
        run = self.runs.current(name)
        state = None if run is None else self.runs.state(run)
        render_key = _render_key(run, state)
        if render_key == last_render:
            return gr.skip()
        rendered = {
            **self._run_updates(run),
            self.last_render: render_key,
            self.timer: gr.Timer(active=state is not None and state not in ENDED),
        }
        found = None if run is None else _evaluation(run)
        if run is None or state is None or found is None:
            return {
                **rendered,
                self.headline: view.not_yet(run, _why(run, state), self.settings),
                **{part: gr.update(visible=False) for part in self.of_evaluation},
                self.evaluate_button: gr.update(visible=_can_be_evaluated(run, state)),
            }
        return {**rendered, **self._updates(run, found), self.evaluate_button: gr.update(visible=False)}

    def _run_updates(self, run: Run | None) -> dict[Any, Any]:
        if run is None:
            return {part: gr.update(visible=False) for part in self.of_run}
        return {
            self.heading: gr.update(value=view.heading(run), visible=True),
            self.rename_button: gr.update(visible=True),
            self.export_button: gr.update(visible=catalogue.of_run(run) is not None),
        }

    def _updates(self, run: Run, found: Evaluation) -> dict[Any, Any]:
        outdated = (run.events.newest("finished", "looked", "started") or {}).get("kind") == "started"
        uses = self.runs.test_set_uses(run)
        evaluated = found.photos > 0
        return {
            self.headline: view.headline(found, uses, outdated=outdated),
            self.matrix: gr.update(value=view.matrix(found), visible=evaluated),
            self.table: gr.update(value=view.table(found), visible=evaluated),
            self.place: gr.update(value=view.model_place(run, self.settings), visible=True),
            self.photos: gr.update(value=self._worst(run, found), visible=evaluated),
            self.worst: gr.update(visible=False),
            self.use: gr.update(visible=catalogue.of_run(run) is not None),
        }

    def _worst(self, run: Run, found: Evaluation) -> str:
        title = say("results.photos.worst" if found.mistakes else "results.photos.no_mistakes")
        return view.gallery(title, found.mistakes, run, self.settings.max_pixels, _names(found))

    def evaluate_now(
        self,
        last_render: object,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> None:
        """Evaluate a run on its test photos that ended before it did so itself."""

        def watched(predictions: Iterator[Prediction], total: int) -> Iterator[Prediction]:
            for done, prediction in enumerate(predictions):
                progress((done, total), desc=say("results.evaluating"), unit="")
                yield prediction

        run = self._run(last_render)
        if run.artefacts.test_predictions() is not None or not _can_be_evaluated(run, self.runs.state(run)):
            raise AppError("results.cannot_evaluate")
        model = self.services.classifier(run.name).model
        limit, reading = self.settings.max_pixels, run.config.reading
        dataset = open_dataset(Path(run.config.data), self.settings.home, max_pixels=limit, reading=reading)
        chosen = evaluation_set.choose_photos(model, run, dataset, self.settings).require_photos()
        evaluation_set.run_evaluation(chosen, dataset, model, self.settings, watched)

    def show_cell(self, last_render: object, event: gr.EventData) -> Any:
        """The photos of the cell of the matrix that was chosen."""
        run, found = self._known(last_render)
        classes = [found.classes[number].name for number in view.matrix_classes(found)]
        place = _place(event._data, len(classes))
        if place is None:
            return gr.skip()
        true, said = (classes[number] for number in place)
        results = found.cell(true, said)
        key = "results.photos.right" if true == said else "results.photos.cell"
        names = _names(found)
        title = say(key, true=names.full(true), said=names.full(said), photos=len(results))
        photos = view.gallery(title, results, run, self.settings.max_pixels, names)
        return {self.photos: photos, self.worst: gr.update(visible=True)}

    def show_worst(self, last_render: object) -> dict[Any, Any]:
        """The worst mistakes again."""
        return {self.photos: self._worst(*self._known(last_render)), self.worst: gr.update(visible=False)}

    def request_look_inside(self, last_render: object, event: gr.EventData) -> Any:
        """Request Look inside for one of the photos: the predicted class, compared with the true one."""
        run = self._run(last_render)
        predictions = run.artefacts.test_predictions()
        name = event._data.get("name") if isinstance(event._data, dict) else None
        names = [] if predictions is None else [display_name(file) for file in predictions.files]
        if predictions is None or name not in names:
            return gr.skip()
        number = names.index(name)
        path = Path(run.config.data, predictions.files[number])
        if not path.is_file():
            raise AppError("results.photos.gone")
        said, true = int(predictions.predicted[number]), int(predictions.labels[number])
        return NavigationRequest(run.name, ReceivedPhoto(name, path), said, None if said == true else true)

    def use_model(self, last_render: object) -> NavigationRequest:
        """Request the Classify tab with the model of the run that is shown."""
        return NavigationRequest(self._run(last_render).name)

    def ask_for_title(self, last_render: object) -> dict[Any, Any]:
        """A form with the name of the run that is shown."""
        return {self.renaming: gr.update(visible=True), self.title: self._run(last_render).title or ""}

    def rename(self, last_render: object, title: object) -> Any:
        """Give the run that is shown another name."""
        self._run(last_render).rename(title if isinstance(title, str) else "")
        return gr.update(visible=False)

    def export(self, last_render: object) -> dict[str, object]:
        """The model of the run that is shown, as a file to download; another value each time."""
        return {"path": self.downloads.file_of(self._run(last_render)).as_posix(), "asked": time.monotonic()}

    def _run(self, last_render: object) -> Run:
        """The run that the page shows, as the browser sends it."""
        try:
            name = json.loads(str(last_render))[0]
        except (ValueError, LookupError, TypeError):
            name = None
        return self.runs.find(name)

    def _known(self, last_render: object) -> tuple[Run, Evaluation]:
        """The same, and its evaluation."""
        run = self._run(last_render)
        found = _evaluation(run)
        if found is None:
            raise AppError("runs.problem.none")
        return run, found


def _render_key(run: Run | None, state: State | None) -> str:
    """A string that changes whenever something else is to be shown; the run's name comes first."""
    evaluated = run.events.newest("finished", "looked") if run is not None and state in ENDED else None
    return json.dumps([run and run.name, state, evaluated and evaluated["t"], run and run.title, current_language()])


def _evaluation(run: Run) -> Evaluation | None:
    predictions = run.artefacts.test_predictions()
    return None if predictions is None else evaluate(predictions)


def _names(found: Evaluation) -> ClassNames:
    return class_names(found.labels, current_language())


def _can_be_evaluated(run: Run | None, state: State | None) -> bool:
    """Whether the run is over and has left a model, and its photos are still there."""
    return run is not None and state in ENDED and catalogue.of_run(run) is not None and Path(run.config.data).is_dir()


def _why(run: Run | None, state: State | None) -> str:
    """The sentence for a run in this state that has no predictions, or none that can be read."""
    if run is not None and run.artefacts.has_test_predictions and state in ENDED:
        return "results.damaged"
    if state == "finished":
        return "results.not_kept"
    return "results.not_evaluated" if state in ENDED else "results.going_on"


def _place(sent: object, classes: int) -> tuple[int, int] | None:
    """Row and column of a cell, if that is what the browser sent."""
    if not isinstance(sent, dict):
        return None
    row, column = sent.get("row"), sent.get("column")
    if type(row) is int and type(column) is int and 0 <= min(row, column) <= max(row, column) < classes:
        return row, column
    return None
