"""The photos step of the Fine-tune tab: sources of photos, the report on them, and the augmentation preview."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.data.dataset_storage import storage_folder
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.data.upload_quota import UPLOADED, remove
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError, Message
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.presets import PRESETS
from resnet_demo.ui.errors import inform
from resnet_demo.ui.events import Events
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import ChosenReading, Session
from resnet_demo.ui.static_files import reveal
from resnet_demo.ui.tabs.finetune import (
    augmentation_preview,
    dataset_report_view,
    photo_sources,
    reading_controls,
    setting_controls,
)
from resnet_demo.ui.tabs.finetune.augmentation_preview import AugmentationPreview
from resnet_demo.ui.tabs.finetune.dataset_report import DatasetReport, create_report
from resnet_demo.ui.tabs.finetune.photo_sources import SourcePanel
from resnet_demo.ui.tabs.finetune.uploads import StageProgress
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import in_each_language, say

IN_BYTES = {"unpacking", "downloading"}

# On a phone the report stands below the sources, out of sight.
SHOW_REPORT = reveal("#photos-status", 0.6)


def build(translations: Translations, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    Step(translations, services, session, steps)


class Step:
    """The step's components and what their events do."""

    def __init__(self, translations: Translations, services: Services, session: Session, steps: Any) -> None:
        self.translations, self.services, self.session = translations, services, session
        self.settings, self.events = services.settings, Events(translations, session)
        kept = {"time_to_live": self.settings.keep_seconds}
        self.dataset_report, self.preview = gr.State(None, **kept), gr.State(None, **kept)
        self._lay_out_sources()
        self._lay_out_report()
        self._wire(steps)

    def _lay_out_sources(self) -> None:
        create = self.translations.create
        sources = photo_sources.sources_for(self.settings)
        create(
            gr.Radio,
            {
                "label": "photos.source",
                "choices": lambda: [(say(f"photos.source.{name}"), name) for name in sources],
            },
            value=next(iter(sources)),
            show_label=False,
            container=False,
            interactive=True,
            elem_id="photos-source",
        )
        gr.HTML(photo_sources.style_of_panels(sources), elem_id="photos-style")
        self.panels: dict[str, SourcePanel] = {}
        with gr.Column(elem_id="photos-panels"):
            for name, source in sources.items():
                with gr.Column(elem_id=f"photos-by-{name}"):
                    self.panels[name] = source.lay_out(self.translations, self.events, self.settings)

    def _lay_out_report(self) -> None:
        create = self.translations.create
        with gr.Row(equal_height=False, elem_id="photos-head"):
            self.status = self.translations.create_initial(gr.HTML, {"value": _empty}, elem_id="photos-status")
            self.go = create(
                gr.Button, {"value": "photos.go"}, variant="primary", visible=False, min_width=200, elem_id="photos-go"
            )
        self.report = gr.HTML(visible=False, elem_id="photos-report")
        self.reading_panel = create(
            gr.Accordion, {"label": "photos.reading"}, open=False, visible=False, elem_id="photos-reading"
        )
        with self.reading_panel:
            self.reading = reading_controls.create(self.translations)
            self.read_again = create(gr.Button, {"value": "photos.reading.again"}, elem_id="photos-read-again")
        with gr.Column(visible=False, elem_id="photos-preview") as self.preview_panel:
            photo_sources.paragraph(self.translations, "photos.preview.about")
            with gr.Row(equal_height=False):
                self.strength = create(
                    gr.Slider,
                    {"label": "photos.preview.strength"},
                    minimum=0,
                    maximum=1,
                    step=0.1,
                    interactive=True,
                    min_width=260,
                    elem_id="photos-strength",
                )
                self.again = create(gr.Button, {"value": "photos.preview.again"}, size="sm", elem_id="photos-again")
            self.samples = gr.HTML(elem_id="photos-samples")

    def _wire(self, steps: Any) -> None:
        listener = self.events.handler
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        for name, panel in self.panels.items():
            self._wire_source(name, panel)
        gr.on([self.again.click, self.strength.release], **self._drawing())
        translate = listener(
            self.translate_report,
            [self.dataset_report, self.preview, self.status],
            [self.status, self.report, self.samples],
            **quick,
        )
        self.translations.selector.change(**translate)
        again = self.read_again.click(
            **listener(
                self.reread,
                [self.session.settings_form, self.dataset_report, *self.reading.values()],
                self._outputs(),
                show_progress_on=[self.status],
                concurrency_id="photos",
                concurrency_limit=AT_A_TIME,
                api_visibility="private",
            )
        )
        again.success(**self._drawing())
        self.go.click(lambda: gr.Tabs(selected="train"), None, steps, **quick)

    def _wire_source(self, name: str, panel: SourcePanel) -> None:
        """Connect a source: import the photos, show the report, then the preview."""
        taken = panel.event(
            **self.events.handler(
                self.import_handler(photo_sources.SOURCES[name].importer),
                [self.session.settings_form, *panel.inputs],
                self._outputs(),
                show_progress_on=[self.status],
                concurrency_id="photos",
                concurrency_limit=AT_A_TIME,
                api_name=f"photos_{name}",
                api_visibility="private",
            )
        )
        taken.success(None, js=SHOW_REPORT)
        taken.success(**self._drawing())

    def _outputs(self) -> list[Any]:
        """What a report is shown in."""
        return [
            *(self.session.dataset, self.dataset_report, self.status, self.report, self.go),
            *(self.preview_panel, self.strength, self.preview, self.samples),
            *(self.session.reading, self.reading_panel, *self.reading.values()),
        ]

    def _drawing(self) -> dict[str, Any]:
        return self.events.handler(
            self.draw,
            [self.dataset_report, self.strength, self.session.settings_form],
            [self.preview, self.samples],
            show_progress_on=[self.samples],
            concurrency_id="photos-preview",
            concurrency_limit=AT_A_TIME,
            api_visibility="private",
        )

    # Importing

    def import_handler(self, importer: Callable[..., ImportedFolder]) -> Callable[..., Iterator[Any]]:
        """The handler of a source: import photos, and show the report on them.

        Where that fails or nobody waits for it any more, the photos are not kept, unless others work with them too.
        """

        def import_photos(
            kept: object,
            *given: Any,
            progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio asks for one
        ) -> Iterator[Any]:
            stage_progress = _stage_progress(progress)
            imported = importer(self.settings, stage_progress, *given)
            config = self._config(kept, str(imported.folder))
            try:
                for report in create_report(imported, config, self.settings, stage_progress):
                    yield gr.skip() if report is None else self._show(report, config)
            except BaseException:  # GeneratorExit too
                if imported.own:
                    remove(imported.folder, self.settings.home)
                raise

        return import_photos

    def reread(
        self,
        kept: object,
        shown: DatasetReport | None,
        *held: object,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  as above
    ) -> Iterator[Any]:
        """Read the folder in hand as the person says."""
        if shown is None:
            raise AppError("photos.gone")
        folder = shown.dataset.root
        config = replace(self._config(kept, str(folder)), **asdict(reading_controls.read(held)))
        for report in create_report(ImportedFolder(folder), config, self.settings, _stage_progress(progress)):
            yield gr.skip() if report is None else self._show(report, config)

    def _config(self, kept: object, folder: str) -> TrainConfig:
        """The settings that the browser has kept for the next training, as far as they make sense."""
        try:
            return setting_controls.read(setting_controls.restored(kept), folder, self.services.models())
        except AppError:
            return TrainConfig(data=folder)

    # The report

    def _show(self, report: DatasetReport, config: TrainConfig) -> dict[Any, Any]:
        """Updates of the outputs of a source."""
        _, strength = _network_input(config)
        folder = report.dataset.root
        controls = reading_controls.updates(report.dataset, config.reading)
        if folder.parent in {storage_folder(self.settings, place) for place in UPLOADED}:
            os.utime(folder)  # on a public page it is kept from now on
        return {
            self.session.dataset: str(folder),
            self.dataset_report: report,
            self.status: dataset_report_view.heading(report),
            self.report: gr.update(value=dataset_report_view.as_html(report), visible=True),
            self.go: gr.update(visible=True, interactive=not isinstance(report.split, Message)),
            self.preview_panel: gr.update(visible=True),
            self.strength: strength,
            self.preview: None,
            self.samples: "",
            self.session.reading: ChosenReading(str(folder), config.reading),
            self.reading_panel: gr.update(visible=True),
            **{self.reading[name]: shown for name, shown in controls.items()},
        }

    def draw(self, report: DatasetReport | None, strength: float, kept: object) -> Any:
        """Samples of the chosen photos, other ones each time."""
        if report is None:
            inform(say("photos.gone"))
            return gr.skip()
        config = self._config(kept, str(report.dataset.root))
        size, _ = _network_input(config)
        preview = augmentation_preview.draw(
            report.dataset,
            size,
            strength,
            secrets.randbelow(2**31),
            self.settings.max_pixels,
            mirror=config.mirror,
            crop_mode=config.framing or "crop",
        )
        return {self.preview: preview, self.samples: augmentation_preview.as_html(preview)}

    def translate_report(
        self, report: DatasetReport | None, preview: AugmentationPreview | None, status: str
    ) -> dict[Any, Any]:
        """What stands on the page in another language; what is no longer kept stays as it is."""
        if report is None:
            return {self.status: _empty()} if status in in_each_language(_empty) else {}
        samples = {} if preview is None else {self.samples: augmentation_preview.as_html(preview)}
        return {
            self.status: dataset_report_view.heading(report),
            self.report: dataset_report_view.as_html(report),
            **samples,
        }


def _network_input(config: TrainConfig) -> tuple[int, float]:
    """Pixels a side and augmentation strength that these settings come to."""
    preset = PRESETS[config.preset].values(config.scratch)
    return config.image_size or preset.image_size, preset.augment if config.augment is None else config.augment


def _stage_progress(progress: gr.Progress) -> StageProgress:
    """The page's progress bar for each stage of the work."""

    def stage_progress(stage: str) -> Progress:
        scale, unit = (MEGABYTE, "MB") if stage in IN_BYTES else (1, "")
        said = say(f"photos.stage.{stage}")

        def told(done: int, total: int | None) -> None:
            so_far = (done // scale, total and total // scale)
            progress(so_far, desc=said, unit=unit)

        told(0, None)
        return told

    return stage_progress


def _empty() -> str:
    """What stands where the report will be, as HTML."""
    return f"<p>{escape(say('photos.empty'))}</p>"
