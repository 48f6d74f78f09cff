"""Saliency section ("Where it looked"): a class's map over the photo, contrast with another class, files to save."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import gradio as gr
import numpy as np
from gradio.layouts import Form
from PIL import Image

from resnet_demo.data.file_names import one_part
from resnet_demo.explain.methods import DEFAULT_METHOD, METHODS, method_named
from resnet_demo.explain.overlay import OPACITY
from resnet_demo.ui.components import class_picker
from resnet_demo.ui.components.bars import percent
from resnet_demo.ui.components.inline_images import as_uri
from resnet_demo.ui.components.term import term
from resnet_demo.ui.security.served_files import new_served_folder
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates, no_updates
from resnet_demo.ui.tabs.look_inside.faithfulness_view import check_faithfulness
from resnet_demo.ui.tabs.look_inside.inspection import TOP, Inspection
from resnet_demo.ui.tabs.look_inside.section_events import BUSY, LONG, SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import ALWAYS_SHOWN, Selection
from resnet_demo.ui.tabs.look_inside.several_photos import all_this_class, each_its_best
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.explain.explainer import Explanation
    from resnet_demo.explain.targets import Target

NO_CONTRAST = -1
"""In the list, in the place of a class to compare with."""
SMALL = 260
_HIDDEN: dict[str, Any] = {"value": None, "visible": False}


class SaliencySection:
    """The section, laid out inside the tab that is open."""

    def __init__(self, events: SectionEvents, picture: gr.Image) -> None:
        """`picture`, laid out elsewhere, is where the map is shown."""
        create, keep = events.translations.create, events.services.settings.keep_seconds
        # The last map and the last files; only events that make new ones write them.
        self.found = gr.State(None, time_to_live=keep)
        self.folder = gr.State(None, time_to_live=keep, delete_callback=_discard)
        self.map = picture
        with gr.Row(elem_classes="controls"), Form(scale=1, min_width=600):
            self.method = create(
                gr.Dropdown,
                {"label": "look.saliency.method", "choices": _methods},
                value=DEFAULT_METHOD,
                min_width=200,
                elem_id="look-method",
            )
            self.contrast_choice = class_picker.class_picker(
                events.translations, "look.saliency.other", min_width=200, elem_id="look-other"
            )
            self.opacity = create(
                gr.Slider,
                {"label": "look.saliency.opacity"},
                minimum=0,
                maximum=1,
                step=0.05,
                value=OPACITY,
                buttons=[],
                min_width=200,
                elem_id="look-opacity",
            )
        self.about = gr.HTML(elem_id="look-saliency-about")
        self._lay_out_buttons(create)
        # Always there, so that the page reserves their places as soon as something is asked for.
        self.beside = gr.HTML(elem_id="look-beside", elem_classes="result")
        self.faithfulness = gr.HTML(elem_id="look-faithfulness", elem_classes="result")
        self.download = gr.File(
            visible=False, show_label=False, file_count="multiple", interactive=False, elem_id="look-download"
        )
        self._wire(events)

    def _lay_out_buttons(self, create: Callable[..., Any]) -> None:
        with gr.Row(elem_classes="actions"):
            self.five_button = create(gr.Button, {"value": "look.saliency.five"}, size="sm", elem_id="look-five")
            self.check_button = create(gr.Button, {"value": "look.saliency.true"}, size="sm", elem_id="look-true")
            self.files_button = create(gr.Button, {"value": "look.saliency.files"}, size="sm", elem_id="look-files")
        with gr.Row(visible=False, elem_classes="actions") as self.several:
            self.each_button = create(gr.Button, {"value": "look.saliency.each"}, size="sm", elem_id="look-each")
            self.same_button = create(gr.Button, {"value": "look.saliency.same"}, size="sm", elem_id="look-same")

    def _wire(self, events: SectionEvents) -> None:
        results: Updates = {self.beside: {"value": ""}, self.faithfulness: {"value": ""}, self.download: _HIDDEN}
        events.section(
            "saliency",
            self.show,
            [self.method, self.opacity],
            [self.found, self.contrast_choice, self.about, self.map, self.several, *results],
            when=[self.method.input],
            empty={self.map: {"value": None}, self.about: {"value": ""}, **results},
        )
        self.contrast_choice.choose(**events.change(_contrasted))
        blend = events.event(
            self.blend, [self.found, self.opacity], [self.map], section="saliency", trigger_mode="always_last"
        )
        self.opacity.release(**blend)
        for name, button, handler in (
            ("five", self.five_button, self.show_best_classes),
            ("each", self.each_button, self.show_each_photo),
            ("same", self.same_button, self.show_all_photos),
        ):
            self._long(events, name, button, handler, [self.method, self.opacity], [self.beside])
        self._long(events, "true", self.check_button, self.check_faithfulness, [self.method], [self.faithfulness], LONG)
        files = [self.found, self.opacity, self.folder], [self.folder, self.download]
        self._long(events, "files", self.files_button, self.write_files, *files)

    def _long(
        self,
        events: SectionEvents,
        name: str,
        button: gr.Button,
        handler: Callable[..., Any],
        controls: Sequence[Any],
        outputs: Sequence[Any],
        queue: dict[str, Any] = BUSY,
    ) -> None:
        work = f"look.saliency.{name}"
        events.long_event(button.click, work, handler, controls, outputs, section="saliency", queue=queue)

    def show(self, context: EventContext, method: str, opacity: float) -> Updates:
        """The map of the class, or of what speaks for it rather than for another."""
        inspection, photos, row = context.inspection, context.selection.photos, method_named(method)
        contrast_class = _contrast_class(context)
        if row.slow and context.selection.open_section != ALWAYS_SHOWN:
            return {self.found: None, self.map: gr.update(value=None, label=say("look.saliency.later"))}
        [found] = _explain(context, method, [inspection.target(context.selection.target_class, contrast_class)])
        about = say("explain.empty") if found.is_empty() else row.about(current_language())
        title = _title(context, found, contrast_class)
        named = term("saliency_map", say(f"explain.method.{method}"))
        return {
            self.found: found,
            self.contrast_choice: class_picker.update(
                _others(context), NO_CONTRAST if contrast_class is None else contrast_class
            ),
            self.about: f"<h3>{escape(title)}</h3>{note(f'{named} · {escape(about)}')}",
            self.map: gr.update(value=_over(inspection, found, opacity), label=_label(context, found)),
            self.several: gr.update(visible=photos is not None and len(photos.photos) > 1),
            **{part: gr.update(value="") for part in (self.beside, self.faithfulness)},
            self.download: gr.update(**_HIDDEN),
        }

    def blend(self, context: EventContext, found: Explanation | None, opacity: float) -> Updates:
        """The same map, more or less of it."""
        if not _is_of(found, context):
            return no_updates()
        return {self.map: gr.update(value=_over(context.inspection, found, opacity))}

    def show_best_classes(self, context: EventContext, method: str, opacity: float) -> Updates:
        """The maps of the best classes side by side."""
        return {self.beside: gr.update(value=_best_classes(context, method, opacity))}

    def show_each_photo(self, context: EventContext, method: str, opacity: float) -> Updates:
        """The maps of several photos side by side, each of the class that it shows best."""
        return {self.beside: gr.update(value=each_its_best(context, method, opacity))}

    def show_all_photos(self, context: EventContext, method: str, opacity: float) -> Updates:
        """The maps of several photos side by side, all of the class in question."""
        return {self.beside: gr.update(value=all_this_class(context, method, opacity))}

    def check_faithfulness(self, context: EventContext, method: str) -> Iterator[Updates]:
        """Both tests of the map that is shown, the first as soon as it is done."""
        for shown in check_faithfulness(context, method):
            yield {self.faithfulness: gr.update(value=shown)}

    def write_files(
        self, context: EventContext, found: Explanation | None, opacity: float, last: Path | None
    ) -> Updates:
        """The overlay, the raw map, and a figure for a paper, as files."""
        if not _is_of(found, context):
            return no_updates()
        folder, files = _write(context, found, opacity)
        _discard(last)
        return {self.folder: folder, self.download: gr.update(value=[str(file) for file in files], visible=True)}


def _methods() -> list[tuple[str, str]]:
    return [(say(f"explain.method.{name}"), name) for name in METHODS]


def _contrasted(selection: Selection, sent: object) -> Selection:
    return replace(selection, contrast_class=class_picker.number_sent(sent))


def _contrast_class(context: EventContext) -> int | None:
    """The class to compare with, if there is one and it is not the one to explain."""
    chosen = context.selection.contrast_class
    if context.inspection.knows(chosen) and chosen != context.selection.target_class:
        return chosen
    return None


def _title(context: EventContext, found: Explanation, contrast_class: int | None) -> str:
    guess, names = found.target_classes[0], context.inspection.names
    return say(
        "look.saliency.for" if contrast_class is None else "look.saliency.rather",
        label=names.full(guess.label),
        other="" if contrast_class is None else names.full(context.inspection.model.labels[contrast_class]),
        layer=context.part if found.method.layered else say("look.saliency.photo"),
        percent=f"{100 * guess.probability:.1f}",
    )


def _label(context: EventContext, found: Explanation) -> str:
    """What is written on the map: of which class, and of which layer."""
    contrast = found.contrast_classes[0]
    classes = found.target_classes[0].label + ("" if contrast is None else f" – {contrast}")
    return f"{classes} · {context.part}" if found.method.layered else classes


def _others(context: EventContext) -> list[tuple[str, int]]:
    """The classes that the one in question can be compared with: the best ones, then all."""
    labels, target_class = context.inspection.model.labels, context.selection.target_class
    best = [guess.index for guess in context.inspected.guesses]
    rest = sorted(set(range(len(labels))) - set(best), key=labels.__getitem__)
    names = context.inspection.names
    known = [(names.full(labels[number]), number) for number in [*best, *rest] if number != target_class]
    return [(say("look.saliency.nobody"), NO_CONTRAST), *known]


def _explain(context: EventContext, method: str, target_list: list[Target]) -> list[Explanation]:
    """The explanation by a method, alone in a list."""
    from resnet_demo.data.images import Problem
    from resnet_demo.explain.explainer import Explainer
    from resnet_demo.texts import AppError

    explainer = Explainer(context.inspection.classifier)
    path = context.inspected.photo.path
    assert path is not None  # or there would be no inspection
    [found] = explainer.explain([path], [method_named(method)], context.part, target_list, progress=context.share)
    if isinstance(found, Problem):
        raise AppError("look.gone")
    return [found]


def _over(inspection: Inspection, found: Explanation, opacity: float, target: int = 0) -> Any:
    from resnet_demo.explain.overlay import overlay_map

    return overlay_map(inspection.photo(), found.size, found.seen, found.maps[target], opacity)


def _is_of(found: Explanation | None, context: EventContext) -> TypeGuard[Explanation]:
    """Whether this is of the photo in hand, and not of the one before while its own is still being made."""
    return found is not None and found.file == str(context.inspected.photo.path)


def _best_classes(context: EventContext, method: str, opacity: float) -> str:
    """The maps of the best classes as figures."""
    from resnet_demo.data.display import thumbnail
    from resnet_demo.explain import targets

    count, names = min(TOP, len(context.inspection.model.labels)), context.inspection.names
    [found] = _explain(context, method, [targets.best(rank) for rank in range(count)])
    figures = "".join(
        f'<figure><img alt="" src="{as_uri(thumbnail(Image.fromarray(picture), SMALL))}">'
        f"<figcaption><b>{escape(names.full(guess.label))}</b> {percent(guess.probability)}</figcaption></figure>"
        for number, guess in enumerate(found.target_classes)
        for picture in [_over(context.inspection, found, opacity, number)]
    )
    return f'<div class="several">{figures}</div>'


def _write(context: EventContext, found: Explanation, opacity: float) -> tuple[Path, tuple[Path, ...]]:
    """Files of a map, in a new folder."""
    from resnet_demo.explain.figure import figure

    folder = new_served_folder()
    base = f"{one_part(Path(context.inspected.photo.name).stem) or 'photo'}-{found.method.name}"
    picture, array, paper = (folder / f"{base}.{suffix}" for suffix in ("png", "npy", "pdf"))
    labels = context.inspection.model.labels
    try:
        context.share(0.0)
        Image.fromarray(_over(context.inspection, found, opacity)).save(picture)
        context.share(0.2)
        np.save(array, found.on_photo())
        context.share(0.3)
        drawn = figure(found, context.inspection.photo(), opacity, current_language(), labels=labels)
        context.share(0.6)
        drawn.savefig(paper)
        context.share(1.0)
    except BaseException:
        _discard(folder)  # also where it was stopped
        raise
    return folder, (picture, array, paper)


def _discard(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
