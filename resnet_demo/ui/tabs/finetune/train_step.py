"""The train step of the Fine-tune tab: the settings of the next training, their forecast, and its start."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.jobs import queue
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run_folder import ENDED
from resnet_demo.training.training_forecast import Forecast, time_presets
from resnet_demo.ui.errors import inform
from resnet_demo.ui.events import LAST_CHOICE, Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import ChosenReading, NavigationRequest, Session, reading_for
from resnet_demo.ui.static_files import reveal
from resnet_demo.ui.tabs.finetune import setting_controls
from resnet_demo.ui.tabs.finetune.forecast import as_html, forecast, photos_of
from resnet_demo.ui.tabs.finetune.run_panel import RunPanel
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, current_visitor, say

# On a phone the run stands below the settings, out of sight.
SHOW_RUN = reveal("#train-status", 0.8)


def build(translations: Translations, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    panel = RunPanel(translations, services, session)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            form = Form(translations, services, session)
        with gr.Column(scale=3, min_width=320):
            panel.lay_out_run()
    panel.lay_out_list()
    panel.wire(steps)
    form.wire(steps, panel)


class Form:
    """The components of the settings and what their events do."""

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:
        self.translations, self.services, self.session = translations, services, session
        self.settings, self.events = services.settings, Events(translations, session)
        self.controls: dict[str, Any] = {}
        create = translations.create
        with gr.Column() as self.no_photos:
            create(gr.HTML, {"value": lambda: f"<p>{escape(say('train.form.no_photos'))}</p>"})
            self.to_photos = create(gr.Button, {"value": "train.form.to_photos"}, size="sm", elem_id="train-to-photos")
        self.controls[setting_controls.NETWORK] = create(
            gr.Dropdown,
            {"label": "train.setting.variant", "info": "train.form.network_hint"},
            choices=setting_controls.networks(services.models()),
            value=setting_controls.DEFAULT_NETWORK,
            allow_custom_value=True,  # checked here, with a sentence of ours
            interactive=True,
            elem_id="train-network",
        )
        said = {"choices": lambda: setting_controls.networks(services.models())}
        translations.set_initial(self.controls[setting_controls.NETWORK], said)
        for name in setting_controls.FIRST:
            self.controls[name] = setting_controls.create(translations, name)
        with create(gr.Accordion, {"label": "train.form.all"}, open=False, elem_id="train-all"):
            for name in setting_controls.REST:
                self.controls[name] = setting_controls.create(translations, name)
        self.forecast = gr.HTML(elem_id="train-forecast")
        self.start = create(gr.Button, {"value": "train.form.start"}, variant="primary", elem_id="train-start")

    def wire(self, steps: Any, panel: RunPanel) -> None:
        """Let the components act; to be called when all of the step is laid out."""
        session, listener, self.steps = self.session, self.events.handler, steps
        parts = list(self.controls.values())
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
        at_once: dict[str, Any] = {"queue": False, **quietly}  # when a page is opened, which many may be at a time
        consider = listener(
            self.consider,
            [session.dataset, session.reading, session.settings_form, *parts],
            [session.settings_form, self.no_photos, self.forecast, *parts],
            **LAST_CHOICE,
            **at_once,
        )
        timed = listener(self.time_presets, [session.dataset, session.reading, *parts], None, **LAST_CHOICE, **quietly)
        restore = listener(self.restore_settings, session.settings_form, parts, **at_once)
        in_hand = [session.dataset, session.reading]
        recall = listener(self.recall_photos, [session.dataset, session.run], in_hand, **at_once)
        session.on_load(recall, restore, consider, timed, consider)
        # A line of text has no `input` where something is pasted into it or rubbed out.
        touched = [part.change if isinstance(part, gr.Textbox) else part.input for part in parts]
        considered = gr.on(
            [*touched, session.dataset.change, session.reading.change, self.translations.selector.change], **consider
        )
        # The steps are timed in an event of its own: what is shown meanwhile does not wait for it.
        considered.then(**timed).then(**consider)
        network = self.controls[setting_controls.NETWORK]
        network.focus(**listener(self.list_networks, None, network, **quietly))
        request = session.navigation["finetune"]
        follow = listener(self.follow_request, request, [steps, *parts], **quietly)
        request.change(**follow).success(**consider)
        self.to_photos.click(lambda: gr.Tabs(selected="photos"), None, steps, **quietly)
        started = self.start.click(
            **listener(
                self.begin,
                [session.dataset, session.reading, *parts],
                session.run,
                show_progress_on=[self.forecast],
                api_visibility="private",
            )
        )
        started.success(**panel.refresh_event).then(None, js=SHOW_RUN)

    def recall_photos(self, dataset: str | None, name: object) -> Any:
        """After a reload the photos of the run that is shown are in hand again, as long as they are there."""
        run = self.services.runs.current(name) if dataset is None else None
        if run is None or not Path(run.config.data).is_dir():
            return gr.skip()
        return run.config.data, ChosenReading(run.config.data, run.config.reading)

    def restore_settings(self, kept: object) -> dict[Any, Any]:
        """What a browser has kept of the settings; what it has not is left alone, somebody may be at it already."""
        values = setting_controls.restored(kept).items()
        return {self.controls[name]: value for name, value in values if value != setting_controls.initial(name)}

    def follow_request(self, request: NavigationRequest | None) -> Any:
        """The settings for a training that starts from the model that was requested; all else is left to the preset."""
        if request is None or request.preset is None:
            return gr.skip()
        values = {name: setting_controls.initial(name) for name in self.controls}
        values |= {setting_controls.NETWORK: request.model, "preset": request.preset}
        return {self.steps: gr.Tabs(selected="train"), **{self.controls[name]: values[name] for name in self.controls}}

    def consider(
        self, dataset: str | None, reading: ChosenReading | None, kept: object, *held: object
    ) -> dict[Any, Any]:
        """Store the settings in the browser, and update the forecast and the suggested preset."""
        values = dict(zip(self.controls, held, strict=True))
        suggested = setting_controls.suggested(kept)
        entries = self.services.models()
        views: dict[str, dict[str, Any]] = {name: {} for name in self.controls}
        views[setting_controls.NETWORK]["choices"] = setting_controls.networks(entries)
        views["scratch"]["visible"] = (
            setting_controls.starting_point(str(values[setting_controls.NETWORK]), entries) == "published"
        )
        told = ""
        if dataset is not None:
            try:
                found = self._forecast(values, dataset, reading)
                if found.suggested not in (None, values["preset"]) and values["preset"] == suggested:
                    values["preset"] = suggested = found.suggested
                    views["preset"]["value"] = suggested
                    found = self._forecast(values, dataset, reading)
            except AppError as error:
                told = f'<p class="problem">{escape(error.say(current_language()))}</p>'
            else:
                told = as_html(found)
                for name in self.controls:
                    views[name] |= setting_controls.hinted(name, found.resolved)
                views["preset"]["choices"] = setting_controls.timed_presets(found)
        return {
            self.session.settings_form: {**values, setting_controls.SUGGESTED: suggested},
            self.no_photos: gr.update(visible=dataset is None),
            self.forecast: told,
            **{self.controls[name]: gr.update(**view) for name, view in views.items()},
        }

    def _forecast(self, values: setting_controls.Values, dataset: str, reading: ChosenReading | None) -> Forecast:
        return forecast(self._config(values, dataset, reading), self.settings, idle=self.services.runs.idle())

    def time_presets(self, dataset: str | None, reading: ChosenReading | None, *held: object) -> None:
        """Time the steps of each preset here, those of which nothing is known: not while a training goes on."""
        if dataset is None or not self.services.runs.idle():
            return
        with suppress(AppError):  # the forecast says what is wrong
            config = self._config(dict(zip(self.controls, held, strict=True)), dataset, reading)
            time_presets(config, photos_of(config, self.settings), self.settings)

    def _config(self, values: setting_controls.Values, dataset: str, reading: ChosenReading | None) -> TrainConfig:
        entries = self.services.models()
        config = setting_controls.read(values, dataset, entries)
        config = replace(config, **asdict(reading_for(reading, dataset)))
        listed = {entry.name for entry in entries}
        if config.parent and config.parent not in listed and not self.settings.local_paths_allowed:
            raise AppError("services.unlisted_model")
        return config

    def list_networks(self) -> Any:
        """The models that there are now: those of runs come and go."""
        return gr.update(choices=setting_controls.networks(self.services.models()))

    def begin(
        self,
        dataset: str | None,
        reading: ChosenReading | None,
        *held: object,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
    ) -> str:
        """Queue a run, and show it."""

        said = say("train.form.scanning")

        def report_progress(done: int, total: int | None) -> None:
            progress((done, total), desc=said, unit="")

        if dataset is None:
            raise AppError("train.form.no_photos")
        config = self._config(dict(zip(self.controls, held, strict=True)), dataset, reading)
        config = queue.with_absolute_paths(config, self.settings)
        for run in self.services.runs.listed():
            if self.services.runs.state(run) not in ENDED and run.config == config:
                inform(say("train.form.same"))  # clicked twice: nobody needs the very same twice
                return run.name
        self.services.runs.admit()
        return queue.submit(config, self.settings, report_progress, owner=current_visitor().token).name
