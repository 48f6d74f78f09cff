"""The panel above the sections: photo, model, prediction, and the class to explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from resnet_demo.ui.components import class_picker
from resnet_demo.ui.components.bars import bars
from resnet_demo.ui.components.chooser import chooser
from resnet_demo.ui.components.drop_zone import photo_drop, received
from resnet_demo.ui.components.examples import Examples
from resnet_demo.ui.components.model_choice import ModelChoice
from resnet_demo.ui.components.work_status import StoppedError, Tasks
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE
from resnet_demo.ui.server import time_limit
from resnet_demo.ui.session import NavigationRequest
from resnet_demo.ui.static_files import reveal
from resnet_demo.ui.tabs.look_inside.event_context import SupersededError, Updates, no_updates
from resnet_demo.ui.tabs.look_inside.inspection import InspectedPhoto, Inspection, PhotoSelection
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram, drawn
from resnet_demo.ui.tabs.look_inside.section_events import BUSY, MODEL, QUICK, START, SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import SECTIONS, CurrentSelection, Selection
from resnet_demo.ui.tabs.look_inside.several_photos import select, strip
from resnet_demo.ui.tabs.look_inside.view import content, empty_state, invitation
from resnet_demo.ui.visitor_context import say

REQUESTED = "saliency"
"""The section that is open after a request of another tab."""


class PhotoPanel:
    """The components above the sections: what is looked into, its map, and the answer.

    `start_row` and `answer_row` are laid out one above the other by `tab.py`, which has the diagram between them.
    """

    def __init__(self, events: SectionEvents) -> None:
        self._events = events
        translations, settings = events.translations, events.services.settings
        with gr.Row(equal_height=False, elem_id="look-start"):
            with gr.Column(scale=5, min_width=260):
                self.drop = photo_drop(translations, settings, elem_id="look-drop")
            with gr.Column(scale=4, min_width=240) as middle:
                pass  # the examples, which follow the model
            with gr.Column(scale=4, min_width=240):
                self.choice = ModelChoice(translations, events.services, events.session, elem_id="look-model")
                self.model = self.choice.dropdown
            with middle:
                self.examples = Examples(translations, events.services, events.page, self.model, "look-examples")

    def lay_out_answer(self) -> None:
        """The strip of photos; the photo, its map and the answer side by side. To be called where they belong."""
        create = self._events.translations.create
        self.strip = chooser("parts.js", visible=False, elem_id="look-strip")
        with gr.Row(equal_height=False, elem_id="look-prediction"):
            pictures: dict[str, Any] = {"interactive": False, "height": None, "buttons": ["fullscreen"]}
            self.photo = create(gr.Image, {"label": "look.photo"}, elem_id="look-photo", **pictures)
            self.map = create(gr.Image, {"label": "look.section.saliency"}, elem_id="look-map", **pictures)
            with gr.Column(min_width=160, elem_id="look-answer"):
                with empty_state():
                    translations = self._events.translations
                    self.example_buttons = [invitation(translations, lambda: say("look.empty"), "look-example")]
                with content():
                    self.bars = gr.HTML(elem_id="look-bars", elem_classes="prediction")
                    self.target_choice = class_picker.class_picker(translations, "look.class", elem_id="look-class")


class InspectionStart:
    """The events of the panel: what starts an inspection, and what comes of it in the panel and the diagram.

    An inspection may take as long as a download. It reads the photo when it begins, and what the visitor has selected
    when it ends; as long as it has not succeeded, all stays as it was.
    """

    def __init__(
        self,
        events: SectionEvents,
        panel: PhotoPanel,
        diagram: NetworkDiagram,
        sections: gr.Tabs,
        example_buttons: Sequence[gr.Button] = (),
    ) -> None:
        self._events, self._panel, self._diagram, self._sections = events, panel, diagram, sections
        self._wire([*panel.example_buttons, *example_buttons])

    def _wire(self, example_buttons: Sequence[gr.Button]) -> None:
        events, panel = self._events, self._panel
        listener, language = events.page.handler, events.translations.selector
        request = events.session.navigation["look_inside"]
        photos = [events.current, panel.strip]
        taken = [
            panel.drop.upload(**listener(self.take_drop, [events.current, panel.drop], photos, **QUICK)),
            panel.examples.gallery.select(
                **listener(self.take_example, [events.current, panel.model], photos, **QUICK)
            ),
            panel.strip.choose(**listener(self.select_photo, [events.current], [events.current], **QUICK)),
        ]
        if example_buttons:
            clicks = [button.click for button in example_buttons]
            taken.append(
                gr.on(clicks, **listener(self.take_first_example, [events.current, panel.model], photos, **QUICK))
            )
        for event in taken:
            self._begin(event.success, LAST_CHOICE).success(None, js=reveal("#look-prediction"))
        follow = listener(
            self.follow_request, [events.current, request], [*photos, panel.model, self._sections], **QUICK
        )
        followed = request.change(**follow)
        # What stands above is laid out anew at this very moment.
        self._begin(followed.success, LAST_CHOICE).success(None, js=reveal("#look-prediction", 0.4, 300))
        self._begin(panel.model.input, EACH_CLICK)
        panel.target_choice.choose(**events.change(_targeted))
        said = [panel.strip, panel.bars, panel.target_choice]
        language.change(**listener(self.translate, [events.current], said, **{**BUSY, "show_progress": "hidden"}))

    def _begin(self, trigger: Callable[..., Any], mode: dict[str, Any]) -> Any:
        """Start an inspection on a trigger; where it fails, what is shown is what is selected again."""
        events, panel = self._events, self._panel
        start = events.page.handler(
            self.start,
            [*events.work.inputs, events.current, panel.model],
            [
                *events.changed,
                *(panel.photo, panel.bars, panel.target_choice, panel.model, self._diagram.picture),
                *events.emptied_outputs,
            ],
            js=events.work.begins(START, BUSY["concurrency_id"]),
            show_progress="hidden",
            **BUSY,
            **mode,
        )
        event = events.work.ends(trigger(**start), START)
        event.failure(
            **events.page.handler(self.show_model, [events.current], [panel.model], **{**QUICK, "queue": False})
        )
        return event

    def take_drop(self, current: CurrentSelection, payload: object) -> Updates:
        """The photos that were dropped, chosen or pasted, the first to be looked into; and the strip of all."""
        photos = received(payload, self._events.services.settings)
        return self._take(current, PhotoSelection(tuple(photos)) if photos else None)

    def take_example(self, current: CurrentSelection, model: str, event: gr.SelectData) -> Updates:
        """The example photo that was clicked."""
        return self._take(current, PhotoSelection((self._panel.examples.chosen(model, event),)))

    def take_first_example(self, current: CurrentSelection, model: str) -> Updates:
        """An example photo, for those who have none at hand."""
        return self._take(current, PhotoSelection((self._panel.examples.photo(model, 0),)))

    def select_photo(self, current: CurrentSelection, event: gr.EventData) -> Updates:
        """Another of the photos.

        Raises:
            AppError: the browser names none of them.
        """
        if current.selection.photos is None:
            return no_updates()
        photos = select(current.selection.photos, event._data)
        current.change(lambda selection: replace(selection, photos=photos))
        current.supersede(START)
        return {self._events.current: current}

    def follow_request(self, current: CurrentSelection, request: NavigationRequest) -> Updates:
        """The photo and the model that another tab requests, and the section that shows where it looked."""
        assert request.photo is not None
        photos = PhotoSelection((request.photo,), request=request)
        return {
            **self._take(current, photos, open_section=REQUESTED),
            self._panel.model: self._panel.choice.choose(request.model),
            self._sections: gr.Tabs(selected=REQUESTED),
        }

    def _take(self, current: CurrentSelection, photos: PhotoSelection | None, **fields: Any) -> Updates:
        current.change(lambda selection: replace(selection, photos=photos, **fields))
        current.supersede(START)
        return {self._events.current: current, self._panel.strip: self.draw_strip(current)}

    def draw_strip(self, current: CurrentSelection) -> Any:
        """An update of the strip."""
        return strip(current.selection.photos, self._events.services.settings.max_pixels)

    def translate(self, current: CurrentSelection) -> Updates:
        """What is said of the photos and the prediction, in the current language."""
        inspected, panel = current.selection.inspected, self._panel
        updates: Updates = {panel.strip: self.draw_strip(current)}
        if inspected is None:
            return updates
        inspection = self._events.inspector.resume(inspected)
        return {
            **updates,
            panel.bars: bars(inspected.guesses, inspection.names),
            panel.target_choice: class_picker.update(
                _classes(inspection, inspected.guesses), current.selection.target_class
            ),
        }

    def start(self, ticket: object, tasks: Tasks, current: CurrentSelection, model: str) -> Updates:
        """Ask the model about the photo; what was chosen and removed in the same network before stays so.

        Raises:
            AppError: no such model, or a photo that cannot be read.
        """
        photos, version = current.selection.photos, current.version(START)
        if photos is None:
            return no_updates()
        try:
            with tasks.run(ticket) as task:

                def progress(done: int, total: int | None) -> None:
                    if current.version(START) != version:
                        raise SupersededError
                    time_limit.go_on()
                    task.tell_download(done, total)

                inspected, inspection = self._events.inspector.start(photos.photo, model, progress)
                request, shown = photos.request_for(model), inspection.photo_with_box()
                task.tell(1.0)
        except StoppedError:
            return self.show_model(current)
        except SupersededError:
            return no_updates()
        if current.version(START) != version:
            return no_updates()  # a newer one is on its way
        return self._show(current, inspected, inspection, request, shown)

    def _show(
        self,
        current: CurrentSelection,
        inspected: InspectedPhoto,
        inspection: Inspection,
        request: NavigationRequest | None,
        shown: Any,
    ) -> Updates:
        """All that is known of another photo or model, and nothing of the one before."""
        events, panel, last = self._events, self._panel, current.selection.inspected
        selection = current.change(lambda now: _inspecting(now, inspected, inspection, request))
        current.supersede(*SECTIONS, *([MODEL] if last is None or last.model != inspected.model else []))
        return {
            **events.emptied(),
            **events.updates(current),
            panel.photo: gr.update(value=shown, label=inspected.photo.name),
            panel.bars: bars(inspected.guesses, inspection.names),
            panel.target_choice: class_picker.update(_classes(inspection, inspected.guesses), selection.target_class),
            self._diagram.picture: drawn(inspection, selection),
        }

    def show_model(self, current: CurrentSelection) -> Updates:
        """The list with the model chosen that is shown, where another could not be."""
        inspected = current.selection.inspected
        return no_updates() if inspected is None else {self._panel.model: self._panel.choice.choose(inspected.model)}


def _targeted(selection: Selection, sent: object) -> Selection:
    """The selection with another class to explain, which is not compared with itself."""
    target_class = class_picker.number_sent(sent)
    contrast_class = None if selection.contrast_class == target_class else selection.contrast_class
    return replace(selection, target_class=target_class, contrast_class=contrast_class)


def _inspecting(
    now: Selection, inspected: InspectedPhoto, inspection: Inspection, request: NavigationRequest | None
) -> Selection:
    """The selection once this photo is inspected.

    Its classes are the requested ones, or else the most probable one alone. The part stays where this network has one
    of the name, and blocks stay removed in the network in which they were.
    """
    parts, last = inspection.parts(), now.inspected
    same = last is not None and last.model == inspected.model
    target_class, contrast_class = (request.target_class, request.contrast_class) if request else (None, None)
    return replace(
        now,
        inspected=inspected,
        part=now.part if now.part in parts else "",
        removed=now.removed if same and set(now.removed) <= set(parts) else (),
        target_class=target_class if inspection.knows(target_class) else inspected.guesses[0].index,
        contrast_class=contrast_class if inspection.knows(contrast_class) else None,
    )


def _classes(inspection: Inspection, guesses: Any) -> list[tuple[str, int]]:
    """Every class with its number, the best ones first."""
    names, labels = inspection.names, inspection.model.labels
    first = [(f"{names.full(guess.label)} · {100 * guess.probability:.1f} %", guess.index) for guess in guesses]
    known = {number for _, number in first}
    others = sorted(set(range(len(labels))) - known, key=labels.__getitem__)
    return [*first, *((names.full(labels[number]), number) for number in others)]
