"""Ablation sweep: the accuracy on labelled photos without each of the network's blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from gradio.utils import get_upload_folder

from resnet_demo.data.image_folder import Dataset, Photo, open_dataset
from resnet_demo.data.images import content_of
from resnet_demo.evaluation_set import EvaluationSet, choose_photos, record_test_set_use
from resnet_demo.plots import ablation_sweep as plot
from resnet_demo.texts import AppError, Message, text
from resnet_demo.ui.components.chooser import chooser
from resnet_demo.ui.components.drop_zone import ReceivedPhoto, photo_drop, received
from resnet_demo.ui.components.term import term
from resnet_demo.ui.session import ChosenReading, reading_for
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.section_events import LONG, MODEL, SectionEvents
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.explain.ablation import AblationSweep
    from resnet_demo.inference import Classifier

COUNTS = (50, 100, 200)
AT_ONCE = 4
"""Photos: without any of fifty blocks, even these few take a slow machine some seconds."""


@dataclass(frozen=True, eq=False)
class SweepProgress:
    """A model's sweep so far, after `sweep.photos` of `photos`, which were drawn from `all_photos`.

    `notes` are what has to be known of these. Once it is `complete`, photos that are missing could not be read.
    """

    model: str
    sweep: AblationSweep
    photos: int
    all_photos: int
    notes: tuple[Message, ...]
    complete: bool = False


class SweepPanel:
    """The components and their events; `found` and `views` join what shows the section."""

    def __init__(self, events: SectionEvents, diagram: NetworkDiagram) -> None:
        create, settings = events.translations.create, events.services.settings
        self._services = events.services
        self.found = gr.State(None, time_to_live=settings.keep_seconds)  # written by the sweep alone
        create(gr.HTML, {"value": _heading})
        with gr.Row(elem_classes="controls"):
            self.count = create(
                gr.Radio,
                {"label": "look.ablation_sweep.count"},
                choices=list(COUNTS),
                value=COUNTS[0],
                elem_id="look-count-of",
            )
        with gr.Row(elem_classes="actions"):
            self.start_button = create(
                gr.Button, {"value": "look.ablation_sweep.go"}, size="sm", elem_id="look-measure"
            )
        with create(gr.Accordion, {"label": "look.ablation_sweep.drop"}, open=False, elem_id="look-measure-other"):
            self.drop = photo_drop(events.translations, settings, elem_id="look-measure-drop")
        self.said = gr.HTML(elem_id="look-ablation-sweep-said")
        self.plot = chooser("parts.js", visible=False, elem_id="look-ablation-sweep", elem_classes="parts")
        self.plot.choose(**diagram.selects_part)
        self.views = [self.said, self.plot]
        outputs = [self.found, *self.views]
        for trigger, handler, photos in (
            (self.start_button.click, self.measure_in_hand, [events.session.dataset, events.session.reading]),
            (self.drop.upload, self.measure_dropped, [self.drop]),
        ):
            events.long_event(
                trigger,
                "look.ablation_sweep.title",
                handler,
                [*photos, self.count],
                outputs,
                section=MODEL,
                queue=LONG,
            )

    def measure_in_hand(
        self, context: EventContext, folder: str | None, chosen: ChosenReading | None, count: int
    ) -> Iterator[Updates]:
        """With the photos that were chosen in Fine-tune."""
        if folder is None or not Path(folder).is_dir():  # on a public page they are cleared away one day
            yield {
                self.found: None,
                self.said: note(escape(say("look.ablation_sweep.none"))),
                self.plot: gr.update(visible=False),
            }
            return
        settings, reading = self._services.settings, reading_for(chosen, folder)
        dataset = open_dataset(Path(folder), settings.home, max_pixels=settings.max_pixels, reading=reading)
        yield from self._measure(context, dataset, count)

    def measure_dropped(self, context: EventContext, payload: object, count: int) -> Iterator[Updates]:
        """With photos dropped here, each in a folder of its class's name."""
        yield from self._measure(context, _as_dataset(received(payload, self._services.settings)), count)

    def _measure(self, context: EventContext, dataset: Dataset, count: int) -> Iterator[Updates]:
        """Updates after every few photos."""
        from resnet_demo.explain import ablation

        inspection, name = context.inspection, context.inspected.model
        chosen = self._chosen(context, dataset)
        labelled = list(chosen.labelled_photos)
        photos = random.Random(0).sample(labelled, min(count, len(labelled)))  # noqa: S311  the same every time
        paths, labels = [dataset.root / photo.path for photo, _ in photos], [label for _, label in photos]
        batches = _batches(inspection.classifier, paths, labels)
        context.share(0.0)
        found = None
        for so_far in ablation.ablation_sweep(inspection.network, batches):
            found = SweepProgress(name, so_far, len(photos), len(chosen.photos), chosen.notes)
            yield {self.found: found, **self.show(context, found)}
            context.share(so_far.photos / len(photos))
        if found is None:
            raise AppError("look.ablation_sweep.none_read")
        found = replace(found, complete=True)
        yield {self.found: found, **self.show(context, found)}

    def _chosen(self, context: EventContext, dataset: Dataset) -> EvaluationSet:
        """The photos to measure with; where they are a run's test photos, their use is counted.

        Raises:
            AppError: the model knows none of their classes, or has seen all of them in training.
        """
        try:
            run = self._services.runs.find(context.inspected.model)
        except AppError:
            run = None
        chosen = choose_photos(context.inspection.model, run, dataset, self._services.settings).require_photos()
        if chosen.test_of is not None:
            record_test_set_use(chosen.test_of)
        return chosen

    def show(self, context: EventContext, found: SweepProgress | None) -> Updates:
        """The text and the plot; empty where the sweep is of another model than the inspected one."""
        if found is None or found.model != context.inspected.model:
            return {self.said: "", self.plot: gr.update(value="", visible=False)}
        sweep = found.sweep
        drawn = plot.ablation_sweep(
            list(context.inspection.network.blocks()),
            sweep.without,
            sweep.whole,
            current_language(),
            selected=context.inspection.block(context.part),
            width=560,
            height=210,
        )
        return {self.said: _said(found), self.plot: gr.update(value=drawn, visible=True)}


def _said(found: SweepProgress) -> str:
    """How many photos, the whole network's accuracy, and which photos they are, as HTML."""
    done, percent = found.sweep.photos, f"{100 * found.sweep.whole:.1f}"
    key = "look.ablation_sweep.said" if found.complete else "look.ablation_sweep.so_far"
    notes = [say(key, done=done, photos=found.photos, percent=percent)]
    if found.complete and done < found.photos:
        notes.append(say("look.ablation_sweep.unread", photos=found.photos - done))
    if found.photos < found.all_photos:
        notes.append(say("look.ablation_sweep.drawn", photos=found.all_photos))
    notes += [message.say(current_language()) for message in found.notes]
    return "".join(note(escape(said)) for said in notes)


def _batches(classifier: Classifier, paths: Sequence[Path], classes: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Photos made ready, few at a time, with their classes; those that cannot be read are passed over."""
    import torch

    from resnet_demo.inference import Prepared

    wanted = iter(classes)
    for batch in classifier.batches(paths):
        ready = [(item, label) for item, label in zip(batch, wanted) if isinstance(item, Prepared)]  # noqa: B905
        for first in range(0, len(ready), AT_ONCE):
            items, labels = zip(*ready[first : first + AT_ONCE], strict=True)
            yield classifier.normalised(items), torch.tensor(labels, device=classifier.device)


def _as_dataset(photos: Sequence[ReceivedPhoto]) -> Dataset:
    """Dropped photos, each of the class that its folder names."""
    root = Path(get_upload_folder()).resolve()
    placed = [(photo.path, photo.name.split("/")[-2:-1]) for photo in photos if photo.path]
    classes = sorted({folder for _, folders in placed for folder in folders})
    known = tuple(
        Photo(path.relative_to(root).as_posix(), classes.index(folder), (0, 0), content=content_of(path))
        for path, folders in placed
        for folder in folders
    )
    return Dataset(
        root, text("look.ablation_sweep.dropped"), tuple(classes), known, (), 0, "", len(placed) - len(known)
    )


def _heading() -> str:
    title = term("ablation", say("look.ablation_sweep.title"))
    return f"<h3>{title}</h3>{note(escape(say('look.ablation_sweep.about')))}"
