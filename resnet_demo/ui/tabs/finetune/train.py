"""The train step of the Fine-tune tab: the settings of the next training, what they come to, and its start."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.jobs import queue
from resnet_demo.texts import DEFAULT_LANGUAGE, AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import ENDED
from resnet_demo.ui.errors import inform, spoken
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.finetune import knobs
from resnet_demo.ui.tabs.finetune.forecast import as_html, forecast
from resnet_demo.ui.tabs.finetune.shown import Shown

# On a phone the run stands below the settings, out of sight.
SHOW_RUN = """() => {
    const run = document.querySelector("#train-status");
    if (run.getBoundingClientRect().top > window.innerHeight * 0.8) run.scrollIntoView({ behavior: "smooth" });
}"""


def build(words: Words, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    shown = Shown(words, services, session)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            form = Form(words, services, session)
        with gr.Column(scale=3, min_width=320):
            shown.lay_out_run()
    shown.lay_out_list()
    shown.wire(steps)
    form.wire(steps, shown)


class Form:
    """The components of the settings and what their events do."""

    def __init__(self, words: Words, services: Services, session: Session) -> None:
        self.words, self.services, self.session = words, services, session
        self.settings = services.settings
        self.knobs: dict[str, Any] = {}
        make = words.make
        with gr.Column() as self.no_photos:
            make(gr.HTML, {"value": lambda language: f"<p>{escape(text('train.form.no_photos', language))}</p>"})
            self.to_photos = make(gr.Button, {"value": "train.form.to_photos"}, size="sm", elem_id="train-to-photos")
        self.knobs[knobs.NETWORK] = make(
            gr.Dropdown,
            {"label": "train.knob.variant", "info": "train.form.network_hint"},
            choices=knobs.networks(services.models(), DEFAULT_LANGUAGE),
            value=knobs.USUAL_NETWORK,
            allow_custom_value=True,  # checked here, with a sentence of ours
            interactive=True,
            elem_id="train-network",
        )
        said = {"choices": lambda language: knobs.networks(services.models(), language)}
        words.tell_first(self.knobs[knobs.NETWORK], said)
        for name in knobs.FIRST:
            self.knobs[name] = knobs.make(words, name)
        with make(gr.Accordion, {"label": "train.form.all"}, open=False, elem_id="train-all"):
            for name in knobs.REST:
                self.knobs[name] = knobs.make(words, name)
        self.forecast = gr.HTML(elem_id="train-forecast")
        self.start = make(gr.Button, {"value": "train.form.start"}, variant="primary", elem_id="train-start")

    def wire(self, steps: Any, shown: Shown) -> None:
        """Let the components act; to be called when all of the step is laid out."""
        session, language = self.session, self.words.selector
        parts, context = list(self.knobs.values()), [session.dataset, language, session.visitor]
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        consider: dict[str, Any] = {
            "fn": self.consider,
            "inputs": [*context, *parts],
            "outputs": [session.knobs, self.no_photos, self.forecast, *parts],
            "trigger_mode": "always_last",
            "queue": False,  # as all that a page does when it is opened: many may be, at once
            **quietly,
        }
        restore = {"fn": restore_knobs, "inputs": [session.knobs], "outputs": parts, "queue": False}
        recall = {
            "fn": self.recall_photos,
            "inputs": [session.dataset, session.run, session.visitor],
            "outputs": session.dataset,
            "queue": False,
        }
        session.at_start(recall, restore, consider)
        # A line of text has no `input` where something is pasted into it or rubbed out.
        touched = [part.change if isinstance(part, gr.Textbox) else part.input for part in parts]
        gr.on([*touched, session.dataset.change, language.change], **consider)
        network = self.knobs[knobs.NETWORK]
        network.focus(self.list_networks, [language, session.visitor], network, **quietly)
        self.to_photos.click(lambda: gr.Tabs(selected="photos"), None, steps, **quietly)
        started = self.start.click(
            self.begin,
            [*context, *parts],
            session.run,
            show_progress_on=[self.forecast],
            api_visibility="private",
        )
        started.success(**shown.look_event).then(None, js=SHOW_RUN)

    def recall_photos(self, dataset: str | None, name: object, visitor: object) -> Any:
        """After a reload the photos of the run that is shown are in hand again, as long as they are there."""
        run = self.services.runs.shown(name, visitor) if dataset is None else None
        return run.config.data if run is not None and Path(run.config.data).is_dir() else gr.skip()

    def consider(self, dataset: str | None, language: str, visitor: object, *held: object) -> list[Any]:
        """Keep the settings in the browser, and say what they come to."""
        values = dict(zip(knobs.NAMES, held, strict=True))
        entries = self.services.models(visitor)
        views: dict[str, dict[str, Any]] = {name: {} for name in knobs.NAMES}
        views[knobs.NETWORK]["choices"] = knobs.networks(entries, language)
        views["scratch"]["visible"] = knobs.beginning(str(values[knobs.NETWORK]), entries) == "published"
        told = ""
        if dataset is not None:
            try:
                config = self._config(values, dataset, visitor, language)
                found = forecast(config, self.settings, idle=self.services.runs.idle())
            except AppError as error:
                told = f'<p class="problem">{escape(error.say(language))}</p>'
            else:
                told = as_html(found, language)
                for name in knobs.NAMES:
                    views[name] |= knobs.hinted(name, found.settled, language)
        no_photos = gr.update(visible=dataset is None)
        return [values, no_photos, told, *(gr.update(**view) for view in views.values())]

    def _config(self, values: knobs.Values, dataset: str, visitor: object, language: str) -> TrainConfig:
        entries = self.services.models(visitor)
        config = knobs.read(values, dataset, entries, language)
        listed = {entry.name for entry in entries}
        if config.parent and config.parent not in listed and not self.settings.local_paths_allowed:
            raise AppError("services.unlisted_model")
        return config

    def list_networks(self, language: str, visitor: object) -> Any:
        """The models that there are now: those of runs come and go."""
        return gr.update(choices=knobs.networks(self.services.models(visitor), language))

    def begin(
        self,
        dataset: str | None,
        language: str,
        visitor: object,
        *held: object,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> str:
        """Put a run in line, and show it."""

        def looking(done: int, total: int | None) -> None:
            progress((done, total), desc=text("train.form.looking", language), unit="")

        with spoken(language):
            if dataset is None:
                raise AppError("train.form.no_photos")
            config = self._config(dict(zip(knobs.NAMES, held, strict=True)), dataset, visitor, language)
            config = queue.located(config, self.settings)
            for run in self.services.runs.listed(visitor):
                if self.services.runs.state(run) not in ENDED and run.config == config:
                    inform(text("train.form.same", language))  # clicked twice: nobody needs the very same twice
                    return run.name
            self.services.runs.admit(visitor)
            owner = visitor if isinstance(visitor, str) else None
            return queue.submit(config, self.settings, looking, owner=owner).name


def restore_knobs(kept: object) -> list[Any]:
    """What a browser has kept of the settings; what it has not is left alone, somebody may be at it already."""
    values = knobs.restored(kept)
    return [gr.update(value=value) if value != knobs.usual(name) else gr.skip() for name, value in values.items()]
