"""The webcam step of the Fine-tune tab: record frames of each class, train, and see the webcam named, on one screen."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from resnet_demo import catalogue
from resnet_demo.data.file_names import display_name
from resnet_demo.data.photo_import import from_contents
from resnet_demo.data.recording_split import FEWEST_FRAMES
from resnet_demo.data.upload_quota import remove
from resnet_demo.jobs import queue, worker
from resnet_demo.models import pretrained
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.ui.components.camera_frames import LEAST_SIDE
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.errors import VisitorError, visitor_errors
from resnet_demo.ui.events import EACH_CLICK, Events
from resnet_demo.ui.security.retention import within_storage_limit
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import NavigationRequest, Session
from resnet_demo.ui.static_files import static
from resnet_demo.ui.tabs.finetune import recorded_frames
from resnet_demo.ui.tabs.finetune.recorded_frames import RecordedFrame, Recorder, Recorders
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, current_visitor, say, speaking

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = "webcam_frame"
DEEPER = "balanced"
"""The preset of a training that goes on with the same photos."""
MOST_NAME = 60

# What static/webcam.js says; of the camera itself what Look inside says, too.
SENTENCES = (
    *("title", "hold", "holding", "class", "count", "add", "remove", "clear", "frames", "remove_frame", "train"),
    *("again", "training", "need", "sending", "live", "result", "changed", "deepen", "classify", "inspect"),
    *("photos", "full", "ready"),
)
CAMERA_SENTENCES = ("start", "stop", "ask", "loading", "insecure", "refused", "none", "taken", "gone", "lost", "rate")


def build(translations: Translations, services: Services, session: Session, steps: Any) -> None:
    """Lay out the step inside the one that is open; `steps` are the tabs, to go on to the next."""
    WebcamStep(translations, services, session, steps)


class WebcamStep:
    """The step's components and what their events do."""

    def __init__(self, translations: Translations, services: Services, session: Session, steps: Any) -> None:
        self.services, self.settings, self.session = services, services.settings, session
        self.recorders = Recorders(services)
        self._answers = itertools.count(1)
        self.ticket = gr.State(None, time_to_live=self.settings.keep_seconds, delete_callback=self.recorders.forget)
        about = "public" if self.settings.public else "local"
        self.screen: Any = translations.create(
            gr.HTML,
            {"texts": lambda: _texts(about)},
            value=None,
            answer=None,
            limits={
                "fewest": FEWEST_FRAMES,
                "most": recorded_frames.MOST_FRAMES,
                "letters": recorded_frames.MOST_LETTERS,
                "fewest_classes": recorded_frames.FEWEST_CLASSES,
                "most_classes": recorded_frames.MOST_CLASSES,
            },
            html_template=static("webcam.html"),
            css_template=static("button.css", "strip.css", "class_card.css", "camera_stage.css", "webcam.css"),
            js_on_load=static("capture.js", "strip.js", "webcam.js"),
            apply_default_css=False,
            elem_id="webcam",
        )
        self._wire(Events(translations, session), translations.selector, steps)

    def _wire(self, events: Events, language: Any, steps: Any) -> None:
        session, screen, listener = self.session, self.screen, events.handler
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        working = {**quietly, "concurrency_id": "webcam", "concurrency_limit": AT_A_TIME}
        screen.open(**listener(self.open, self.ticket, [self.ticket, screen], **working))
        screen.submit(**listener(self.train, [self.ticket, screen], [screen, session.run, session.dataset], **working))
        goals = [session.navigation[name] for name in ("classify", "look_inside", "finetune")]
        screen.choose(**listener(self.go_on, self.ticket, [*goals, session.dataset], **quietly, **EACH_CLICK))
        screen.cancel(lambda: gr.Tabs(selected="photos"), None, steps, queue=False, **quietly)
        language.change(**listener(self.note_language, self.ticket, None, queue=False, **quietly))
        # Not through the queue: cameras wait for each other elsewhere.
        gr.api(self.process_frame, api_name=FRAMES, queue=False, api_visibility="private")

    def _answer(self, state: str, **more: object) -> Any:
        """An update that tells static/webcam.js; two that say the same still differ, or it would not be told."""
        return gr.update(answer={"state": state, "number": next(self._answers), **more})

    def open(self, last: str | None) -> dict[Any, Any]:
        """Have the backbone ready before the first frame comes."""
        self.recorders.forget(last)
        model = catalogue.backbone(self.settings)
        try:
            with visitor_errors():
                extractor = self.recorders.extractor(model)
        except VisitorError as error:
            return {self.ticket: None, self.screen: self._answer("failed", said=error.said)}
        ticket = self.recorders.open(Recorder(current_visitor(), model, extractor, current_language()))
        side = max(LEAST_SIDE, extractor.spec.resize_size)
        return {self.ticket: ticket, self.screen: self._answer("opened", ticket=ticket, side=side, network=model)}

    def note_language(self, ticket: object) -> None:
        """Errors are told in the language that was chosen."""
        recorder = self.recorders.find(ticket)
        if recorder is not None:
            recorder.language = current_language()

    async def process_frame(self, ticket: str, task: dict[str, Any], picture: str) -> dict[str, Any]:
        """What became of a frame: recorded, named by the model that was trained last, or dropped; or frames forgotten.

        Args:
            task: `{"act": "record", "class": 1, "recording": 2}`, `{"act": "name"}` or
                `{"act": "forget", "frames": [1, 2]}`.
        """
        recorder = self.recorders.find(ticket)
        if recorder is None:
            return {"state": "void"}
        try:
            with speaking(recorder.language), visitor_errors():
                return await self._processed(ticket, recorder, task, picture)
        except VisitorError as error:
            return {"state": "failed", "said": error.said}

    async def _processed(
        self, ticket: str, recorder: Recorder, task: Mapping[str, Any], picture: str
    ) -> dict[str, Any]:
        match task:
            case {"act": "record"}:
                number = await self.recorders.record(ticket, recorder, task, picture)
                return {"state": "dropped"} if number is None else {"state": "recorded", "frame": number}
            case {"act": "name"}:
                found = await self.recorders.classify(ticket, recorder, picture)
                return {"state": "dropped"} if found is None else {"state": "named", "probabilities": found}
            case {"act": "forget", "frames": numbers}:
                recorder.forget(numbers)
                return {"state": "forgotten"}
        raise AppError("file_access.problem.payload")

    def train(self, ticket: object, sent: object) -> dict[Any, Any]:
        """Make the frames a data set, and train the head on their features: a run like any other."""
        recorder = self.recorders.find(ticket)
        if recorder is None:
            return {self.screen: self._answer("void")}
        try:
            with visitor_errors():
                run = self._trained(recorder, sent)
                labels = self.services.classifier(run.name).model.labels
        except VisitorError as error:
            return {self.screen: self._answer("untrained", said=error.said)}
        # Who comes for the first time may have recorded before the browser had a secret to send.
        recorder.visitor, recorder.run = current_visitor(), run.name
        finished = run.events.newest("finished") or {}
        told = {
            "labels": list(labels),
            "percent": f"{100 * finished.get('test_accuracy', 0.0):.0f}",
            "photos": round(finished.get("test_photos", 0)),
        }
        return {
            self.screen: self._answer("trained", **told),
            self.session.run: run.name,
            self.session.dataset: run.config.data,
        }

    def _trained(self, recorder: Recorder, sent: object) -> Run:
        photos = recorder.photos(sent.get("names") if isinstance(sent, dict) else None)
        self.services.runs.admit()
        settings = within_storage_limit(self.settings)
        classes = dict.fromkeys(name.split("/")[1] for name in photos)
        contents = [(name, frame.content) for name, frame in photos.items()]
        folder = from_contents(contents, settings, ", ".join(classes)[:MOST_NAME]).folder
        try:
            run = queue.create(
                _config(recorder, folder, self.settings),
                self.settings,
                foreground_process=Process.of(os.getpid()),
                owner=current_visitor().token,
            )
        except BaseException:
            remove(folder, self.settings.home)
            raise
        # A matter of seconds, like a look at a photo: it does not wait for the runs in the queue.
        run.launch(Process.of(os.getpid()))
        worker.execute_run(run, self.settings, _features(photos))
        queue.advance(self.settings.home)
        failed = run.events.newest("failed", "finished")
        if failed is not None and failed["kind"] == "failed":
            raise AppError(failed["key"], **failed["fields"])
        return run

    def go_on(self, ticket: object, event: gr.EventData) -> Any:
        """Request another tab with the model that was trained, or Fine-tune's next step with its photos."""
        recorder = self.recorders.find(ticket)
        where = event._data.get("where") if isinstance(event._data, dict) else None
        if recorder is None or recorder.run is None:
            return gr.skip()
        run = self.services.runs.find(recorder.run)
        navigation = self.session.navigation
        if where == "classify":
            return {navigation["classify"]: NavigationRequest(run.name)}
        if where == "look_inside":
            photo = next(iter(sorted(Path(run.config.data).glob("test/*/*.jpg"))), None)
            if photo is None:
                raise AppError("photos.gone")
            shown = ReceivedPhoto(display_name(f"{photo.parent.name}/{photo.name}"), photo)
            return {navigation["look_inside"]: NavigationRequest(run.name, shown)}
        if where == "finetune":
            request = NavigationRequest(recorder.model, preset=DEEPER)
            return {navigation["finetune"]: request, self.session.dataset: run.config.data}
        return gr.skip()


def _config(recorder: Recorder, folder: Path, settings: Settings) -> TrainConfig:
    """The settings of the run: the head alone, fitted once to features at the size that they were made at."""
    published = pretrained.offers(recorder.model, settings)
    return TrainConfig(
        str(folder),
        variant=recorder.model if published else None,
        parent=None if published else recorder.model,
        preset="quick",
        image_size=recorder.extractor.spec.crop_size,
        optimiser="lbfgs",
    )


def _features(photos: Mapping[str, RecordedFrame]) -> dict[bytes, Tensor]:
    """The features of each photo by the hash of its content."""
    return {frame.content_hash: frame.features for frame in photos.values()}


def _texts(about: str) -> dict[str, str]:
    said = {name: say(f"webcam.{name}") for name in SENTENCES}
    said["about"] = say(f"webcam.about.{about}")
    return said | {name: say(f"camera.{name}") for name in CAMERA_SENTENCES}
