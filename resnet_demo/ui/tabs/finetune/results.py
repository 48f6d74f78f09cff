"""The results step of the Fine-tune tab: how right the taught network is on its test photos, and where it errs.

All of it is read from the run's folder; what has not changed is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from resnet_demo import catalogue
from resnet_demo.commands import examination
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.names import shown
from resnet_demo.evaluation import Evaluation, evaluate
from resnet_demo.texts import AppError, text
from resnet_demo.training.run import ENDED, Run, State
from resnet_demo.ui import evaluation_view as view
from resnet_demo.ui.drop import ReceivedPhoto, static
from resnet_demo.ui.errors import spoken
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import Session, Wish

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

LOOK_SECONDS = 2.0

# On a phone the photos stand below the matrix, out of sight.
SHOW_PHOTOS = """() => {
    const photos = document.querySelector("#results-photos");
    if (photos.getBoundingClientRect().top > window.innerHeight * 0.8) photos.scrollIntoView({ behavior: "smooth" });
}"""


def build(words: Words, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    Step(words, services, session, steps)


class Step:
    """The step's components and what their events do."""

    def __init__(self, words: Words, services: Services, session: Session, steps: Any) -> None:
        self.services, self.settings, self.runs = services, services.settings, services.runs
        self.words, self.session, self.steps = words, session, steps
        # What a page shows is known to itself alone: an answer that gets lost on its way has changed nothing.
        self.seen = gr.Textbox(visible=False)
        # Not the page's clock: once a run is over there is nothing to wait for.
        self.timer = gr.Timer(LOOK_SECONDS, active=False)
        self.headline = words.make_first(gr.HTML, {"value": view.nothing}, elem_id="results-headline")
        self.judge = words.make(
            gr.Button, {"value": "results.judge"}, visible=False, variant="primary", elem_id="results-judge"
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self.matrix = gr.HTML(
                    visible=False, js_on_load=static("matrix.js"), apply_default_css=False, elem_id="results-matrix"
                )
            with gr.Column(scale=2, min_width=320):
                self.table = gr.HTML(visible=False, elem_id="results-table")
        self.worst = words.make(
            gr.Button, {"value": "results.photos.all"}, visible=False, size="sm", elem_id="results-worst"
        )
        self.photos = gr.HTML(visible=False, js_on_load=static("parts.js"), elem_id="results-photos")
        self.use = words.make(
            gr.Button, {"value": "results.use"}, visible=False, variant="primary", size="sm", elem_id="results-use"
        )
        self.place = gr.HTML(visible=False, elem_id="results-place")
        self._wire()

    def _wire(self) -> None:
        session, language = self.session, self.words.selector
        quietly: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_id": "results",
            "concurrency_limit": AT_A_TIME,
        }
        look: dict[str, Any] = {
            "fn": self.look,
            "inputs": [self.seen, session.run, session.visitor, language],
            "outputs": [
                *(self.seen, self.timer, self.headline),
                *(self.matrix, self.table, self.place, self.photos, self.worst, self.use),
                self.judge,
            ],
            "trigger_mode": "always_last",
            **quietly,
        }
        gr.on([self.steps.change, self.timer.tick, session.run.change, language.change], **look)
        chosen, photos = [self.seen, session.visitor, language], [self.photos, self.worst]
        self.matrix.choose(self.show_cell, chosen, photos, **quietly).success(None, js=SHOW_PHOTOS)
        self.worst.click(self.show_worst, chosen, photos, **quietly).success(None, js=SHOW_PHOTOS)
        self.photos.choose(self.look_inside, chosen, session.wishes["look_inside"], **quietly)
        judged = self.judge.click(
            self.judge_now,
            [self.seen, session.visitor, language],
            None,
            show_progress_on=[self.headline],
            api_visibility="private",
            concurrency_id="results",
            concurrency_limit=AT_A_TIME,
        )
        judged.then(**look)
        self.use.click(self.use_model, chosen, session.wishes["classify"], **quietly)

    def look(self, seen: object, name: object, visitor: object, language: str) -> list[Any]:
        """Updates for all outputs, if anything has changed since this page was told last."""
        with spoken(language):
            run = self.runs.shown(name, visitor)
            state = None if run is None else self.runs.state(run)
            mark = _mark(run, state, language)
            if mark == seen:
                return [gr.skip()] * 10
            timer = gr.Timer(active=state is not None and state not in ENDED)
            found = None if run is None else _evaluation(run)
            if run is None or state is None or found is None:
                headline = view.not_yet(run, _why(run, state), language, self.settings)
                judge = gr.update(visible=_can_be_judged(run, state))
                return [mark, timer, headline, *[gr.update(visible=False)] * 6, judge]
            return [mark, timer, *self._views(run, found, visitor, language), gr.update(visible=False)]

    def _views(self, run: Run, found: Evaluation, visitor: object, language: str) -> list[Any]:
        outdated = (run.newest("finished", "looked", "started") or {}).get("kind") == "started"
        looks = self.runs.test_looks(run, visitor)
        judged = found.photos > 0
        return [
            view.headline(found, looks, language, outdated=outdated),
            gr.update(value=view.matrix(found, language), visible=judged),
            gr.update(value=view.table(found, language), visible=judged),
            gr.update(value=view.model_place(run, language, self.settings), visible=True),
            gr.update(value=self._worst(run, found, language), visible=judged),
            gr.update(visible=False),
            gr.update(visible=catalogue.of_run(run) is not None),
        ]

    def _worst(self, run: Run, found: Evaluation, language: str) -> str:
        title = text("results.photos.worst" if found.mistakes else "results.photos.no_mistakes", language)
        return view.gallery(title, found.mistakes, run, self.settings.max_pixels, language)

    def judge_now(
        self,
        seen: object,
        visitor: object,
        language: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> None:
        """Look at the test photos of a run that ended before it did so."""

        def watched(predictions: Iterator[Prediction], total: int) -> Iterator[Prediction]:
            for done, prediction in enumerate(predictions):
                progress((done, total), desc=text("results.judging", language), unit="")
                yield prediction

        with spoken(language):
            run = self._run(seen, visitor)
            if run.answers() is not None or not _can_be_judged(run, self.runs.state(run)):
                raise AppError("results.cannot_judge")
            model = self.services.classifier(run.name, None, visitor).model
            dataset = open_dataset(Path(run.config.data), self.settings.home, max_pixels=self.settings.max_pixels)
            asked = examination.examination(model, run, dataset, self.settings.home)
            examination.carry_out(asked, dataset, model, self.settings, watched)

    def show_cell(self, seen: object, visitor: object, language: str, event: gr.EventData) -> tuple[Any, Any]:
        """The photos of the cell of the matrix that was chosen."""
        with spoken(language):
            run, found = self._known(seen, visitor)
            classes = [found.classes[number].name for number in view.matrix_classes(found)]
            place = _place(event._data, len(classes))
            if place is None:
                return gr.skip(), gr.skip()
            true, said = (classes[number] for number in place)
            answers = found.cell(true, said)
            key = "results.photos.right" if true == said else "results.photos.cell"
            title = text(key, language, true=true, said=said, photos=len(answers))
            photos = view.gallery(title, answers, run, self.settings.max_pixels, language)
            return gr.update(value=photos), gr.update(visible=True)

    def show_worst(self, seen: object, visitor: object, language: str) -> tuple[Any, Any]:
        """The worst mistakes again."""
        with spoken(language):
            return gr.update(value=self._worst(*self._known(seen, visitor), language)), gr.update(visible=False)

    def look_inside(self, seen: object, visitor: object, language: str, event: gr.EventData) -> Any:
        """Wish to see where the network looked on one of the photos: for what it said rather than for what is true."""
        with spoken(language):
            run = self._run(seen, visitor)
            answers = run.answers()
            name = event._data.get("name") if isinstance(event._data, dict) else None
            names = [] if answers is None else [shown(file) for file in answers.files]
            if answers is None or name not in names:
                return gr.skip()
            number = names.index(name)
            path = Path(run.config.data, answers.files[number])
            if not path.is_file():
                raise AppError("results.photos.gone")
            said, true = int(answers.said[number]), int(answers.labels[number])
            return Wish(run.name, ReceivedPhoto(name, path), said, None if said == true else true)

    def use_model(self, seen: object, visitor: object, language: str) -> Wish:
        """Wish to classify photos with the model of the run that is shown."""
        with spoken(language):
            return Wish(self._run(seen, visitor).name)

    def _run(self, seen: object, visitor: object) -> Run:
        """The run that the page shows, as the browser tells it."""
        try:
            name = json.loads(str(seen))[0]
        except (ValueError, LookupError, TypeError):
            name = None
        return self.runs.find(name, visitor)

    def _known(self, seen: object, visitor: object) -> tuple[Run, Evaluation]:
        """The same, and what came of it."""
        run = self._run(seen, visitor)
        found = _evaluation(run)
        if found is None:
            raise AppError("runs.problem.none")
        return run, found


def _mark(run: Run | None, state: State | None, language: str) -> str:
    """Another one where something else is to be shown; the run's name comes first."""
    look = run.newest("finished", "looked") if run is not None and state in ENDED else None
    return json.dumps([run and run.name, state, look and look["t"], language])


def _evaluation(run: Run) -> Evaluation | None:
    answers = run.answers()
    return None if answers is None else evaluate(answers)


def _can_be_judged(run: Run | None, state: State | None) -> bool:
    """Whether the run is over and has left a model, and its photos are still there."""
    return run is not None and state in ENDED and catalogue.of_run(run) is not None and Path(run.config.data).is_dir()


def _why(run: Run | None, state: State | None) -> str:
    """The sentence for a run in this state that has no answers, or none that can be read."""
    if run is not None and run.has_answers and state in ENDED:
        return "results.damaged"
    if state == "finished":
        return "results.not_kept"
    return "results.not_looked" if state in ENDED else "results.going_on"


def _place(sent: object, classes: int) -> tuple[int, int] | None:
    """Row and column of a cell, if that is what the browser sent."""
    if not isinstance(sent, dict):
        return None
    row, column = sent.get("row"), sent.get("column")
    if type(row) is int and type(column) is int and 0 <= min(row, column) <= max(row, column) < classes:
        return row, column
    return None
