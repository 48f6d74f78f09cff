"""Accuracy by block removed: the network without each of its blocks, asked about photos whose classes are known."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.utils import get_upload_folder

from resnet_demo.commands.examination import Examination, count_look, examination
from resnet_demo.data.image_folder import Dataset, Photo, open_dataset
from resnet_demo.plots import removals as plot
from resnet_demo.texts import AppError, Message, text
from resnet_demo.ui.drop import ReceivedPhoto, photo_drop, received
from resnet_demo.ui.tabs.look_inside.desk import QUICK, Desk, View, chooser, note
from resnet_demo.ui.tabs.look_inside.picture import Picture

if TYPE_CHECKING:
    from torch import Tensor

    from resnet_demo.explain.switching import Removals
    from resnet_demo.inference import Classifier

COUNTS = (50, 100, 200)
AT_ONCE = 4
"""Photos: without any of fifty blocks, even these few take a slow machine some seconds."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What has been found of a model so far, after `removals.photos` of `photos`, which were drawn from `all_photos`.

    `notes` are what has to be known of these. Once it is `complete`, photos that are missing could not be read.
    """

    model: str
    removals: Removals
    photos: int
    all_photos: int
    notes: tuple[Message, ...]
    complete: bool = False


class Measuring:
    """The components and their events; `found` and `views` join what shows the section."""

    def __init__(self, desk: Desk, picture: Picture) -> None:
        make, settings = desk.words.make, desk.services.settings
        self.desk = desk
        self.found = gr.State(None, time_to_live=settings.keep_seconds)
        self.going = gr.State(None, time_to_live=settings.keep_seconds)  # what to set to end it
        make(gr.HTML, {"value": _heading})
        with gr.Row(elem_classes="controls"):
            self.count = make(
                gr.Radio,
                {"label": "look.removals.count"},
                choices=list(COUNTS),
                value=COUNTS[0],
                elem_id="look-count-of",
            )
        with gr.Row(elem_classes="acts"):
            self.go = make(gr.Button, {"value": "look.removals.go"}, size="sm", elem_id="look-measure")
            self.end = make(gr.Button, {"value": "look.removals.end"}, size="sm", visible=False, elem_id="look-end")
        with make(gr.Accordion, {"label": "look.removals.drop"}, open=False, elem_id="look-measure-other"):
            self.drop = photo_drop(desk.words, settings, elem_id="look-measure-drop")
        self.said = gr.HTML(elem_id="look-removals-said")
        self.drawn = chooser("parts.js", visible=False, elem_id="look-removals", elem_classes="parts")
        picture.join(self.drawn)
        self.views = [self.said, self.drawn]
        self._wire()

    def _wire(self) -> None:
        desk, outputs = self.desk, [self.going, self.found, *self.views, self.end]
        context = [self.count, desk.session.visitor]
        in_hand = desk.growing(self.measure_in_hand, [desk.session.dataset, *context], outputs)
        dropped = desk.growing(self.measure_dropped, [self.drop, *context], outputs)
        shown: dict[str, Any] = {"show_progress_on": [self.said]}
        events = [self.go.click(**in_hand, **shown), self.drop.upload(**dropped, **shown)]
        for event in events:
            event.then(_quit, self.going, self.end, **QUICK)  # also where it failed
        # Not Gradio's `cancels`: it answers with an error where the work ends at the same moment.
        desk.quit = {"fn": _quit, "inputs": self.going, "outputs": self.end, "queue": False, **QUICK}
        self.end.click(**desk.quit)

    def measure_in_hand(self, view: View, folder: str | None, count: int, visitor: object) -> Iterator[list[Any]]:
        """With the photos that were chosen in Fine-tune."""
        if folder is None or not Path(folder).is_dir():  # on a public page they are cleared away one day
            said = note(escape(text("look.removals.none", view.language)))
            yield [None, None, said, gr.update(visible=False), gr.skip()]
            return
        settings = self.desk.services.settings
        dataset = open_dataset(Path(folder), settings.home, max_pixels=settings.max_pixels)
        yield from self._measure(view, dataset, count, visitor)

    def measure_dropped(self, view: View, payload: object, count: int, visitor: object) -> Iterator[list[Any]]:
        """With photos dropped here, each in a folder of its class's name."""
        yield from self._measure(view, _as_dataset(received(payload, self.desk.services.settings)), count, visitor)

    def _measure(self, view: View, dataset: Dataset, count: int, visitor: object) -> Iterator[list[Any]]:
        """Updates of all outputs after every few photos."""
        from resnet_demo.explain import switching

        look, name = view.look, view.subject.model
        asked = self._chosen(view, dataset, visitor)
        photos = random.Random(0).sample(asked.photos, min(count, len(asked.photos)))  # noqa: S311  the same every time
        labels = {label: index for index, label in enumerate(look.model.labels)}
        classes = [labels[dataset.classes[photo.label]] for photo in photos]
        batches = _batches(look.classifier, [dataset.root / photo.path for photo in photos], classes)
        ended = Event()
        view.share(0.0)
        yield [ended, *[gr.skip()] * 3, gr.update(visible=True)]
        found = None
        for so_far in switching.accuracy_without_each(look.network, batches):
            view.share(so_far.photos / len(photos))
            found = Measured(name, so_far, len(photos), len(asked.photos), asked.notes)
            if ended.is_set():
                return
            yield [ended, found, *shown(view, found), gr.update(visible=True)]
        if found is None:
            raise AppError("look.removals.none_read")
        found = replace(found, complete=True)
        yield [None, found, *shown(view, found), gr.update(visible=False)]

    def _chosen(self, view: View, dataset: Dataset, visitor: object) -> Examination:
        """The photos to measure with; where they are a run's test photos, the look at them is counted.

        Raises:
            AppError: the model knows none of their classes.
        """
        try:
            run = self.desk.services.runs.find(view.subject.model, visitor)
        except AppError:
            run = None
        asked = examination(view.look.model, run, dataset, self.desk.services.settings.home)
        if asked.test_of is not None:
            count_look(asked.test_of)
        return asked


def shown(view: View, found: Measured | None) -> list[Any]:
    """Updates of the words and the plot: nothing of another model than the one that is looked into."""
    if found is None or found.model != view.subject.model:
        return ["", gr.update(value="", visible=False)]
    language, removals = view.language, found.removals
    drawn = plot.removals(
        list(view.look.network.blocks()),
        removals.without,
        removals.whole,
        language,
        selected=view.look.block(view.part),
        width=560,
        height=210,
    )
    return [_said(found, language), gr.update(value=drawn, visible=True)]


def _said(found: Measured, language: str) -> str:
    """How many photos, how right the whole network is, and which photos they are, as HTML."""
    done, percent = found.removals.photos, f"{100 * found.removals.whole:.1f}"
    key = "look.removals.said" if found.complete else "look.removals.so_far"
    notes = [text(key, language, done=done, photos=found.photos, percent=percent)]
    if found.complete and done < found.photos:
        notes.append(text("look.removals.unread", language, photos=found.photos - done))
    if found.photos < found.all_photos:
        notes.append(text("look.removals.drawn", language, photos=found.all_photos))
    notes += [message.say(language) for message in found.notes]
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
        Photo(path.relative_to(root).as_posix(), classes.index(folder), (0, 0))
        for path, folders in placed
        for folder in folders
    )
    return Dataset(root, text("look.removals.dropped"), tuple(classes), known, (), 0, "", len(placed) - len(known))


def _heading(language: str) -> str:
    title, about = (escape(text(f"look.removals.{key}", language)) for key in ("title", "about"))
    return f"<h3>{title}</h3>{note(about)}"


def _quit(going: Event | None) -> Any:
    if going is not None:
        going.set()
    return gr.update(visible=False)
