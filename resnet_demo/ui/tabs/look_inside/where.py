"""Where it looked: a map of the class over the photo, why one class and not another, and files to take away."""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import gradio as gr
import numpy as np
from PIL import Image

from resnet_demo.data.names import one_part
from resnet_demo.texts import text
from resnet_demo.ui.bars import percent
from resnet_demo.ui.looking import TOP, Given, Look
from resnet_demo.ui.pictures import as_uri
from resnet_demo.ui.results import new_folder
from resnet_demo.ui.tabs.look_inside.desk import NOBODY, Desk, View, note
from resnet_demo.ui.tabs.look_inside.picture import Picture
from resnet_demo.ui.tabs.look_inside.proof import prove
from resnet_demo.ui.tabs.look_inside.several import all_this_class, each_its_best

if TYPE_CHECKING:
    from resnet_demo.explain.explainer import Explanation
    from resnet_demo.explain.targets import Target

NAMES = (
    *("gradcam", "gradcam++", "hirescam", "layercam", "xgradcam", "eigencam", "scorecam", "ablationcam"),
    *("guidedbackprop", "smoothgrad", "integratedgradients"),
)
"""Those of explain.methods, which needs torch."""
OPACITY = 0.55
SMALL = 260


def build(desk: Desk, picture: Picture) -> dict[str, Any]:  # noqa: ARG001
    """Lay out the section inside the tab that is open; the event that shows it."""
    return _Where(desk).show


class _Where:
    """The components and their events."""

    def __init__(self, desk: Desk) -> None:
        make, keep = desk.words.make, desk.services.settings.keep_seconds
        self.desk = desk
        self.found = gr.State(None, time_to_live=keep)
        self.folder = gr.State(None, time_to_live=keep, delete_callback=_discard)
        with gr.Row(elem_classes="controls"):
            self.method = make(
                gr.Dropdown,
                {"label": "look.where.method", "choices": _methods},
                value=NAMES[0],
                min_width=200,
                elem_id="look-method",
            )
            self.other = desk.rival = make(
                gr.Dropdown,
                {"label": "look.where.other"},
                choices=[],
                interactive=True,
                min_width=200,
                elem_id="look-other",
            )
        self.about = gr.HTML(elem_id="look-where-about")
        self.map = gr.Image(interactive=False, height=380, buttons=["fullscreen"], elem_id="look-map")
        self.opacity = make(
            gr.Slider,
            {"label": "look.where.opacity"},
            minimum=0,
            maximum=1,
            step=0.05,
            value=OPACITY,
            buttons=[],
            elem_id="look-opacity",
        )
        with gr.Row(elem_classes="acts"):
            self.five = make(gr.Button, {"value": "look.where.five"}, size="sm", elem_id="look-five")
            self.true = make(gr.Button, {"value": "look.where.true"}, size="sm", elem_id="look-true")
            self.files = make(gr.Button, {"value": "look.where.files"}, size="sm", elem_id="look-files")
        with gr.Row(visible=False, elem_classes="acts") as self.several:
            self.each = make(gr.Button, {"value": "look.where.each"}, size="sm", elem_id="look-each")
            self.same = make(gr.Button, {"value": "look.where.same"}, size="sm", elem_id="look-same")
        self.beside = gr.HTML(visible=False, elem_id="look-beside")
        self.proof = gr.HTML(visible=False, elem_id="look-proof")
        self.download = gr.File(
            visible=False, show_label=False, file_count="multiple", interactive=False, elem_id="look-download"
        )
        self.show = self._wire()

    def _wire(self) -> dict[str, Any]:
        desk, asked = self.desk, [self.method, self.other]
        shown = [self.found, self.other, self.about, self.map, self.several, self.beside, self.proof, self.download]
        show = {
            **desk.section("where", _show, [*asked, self.opacity, desk.given], shown),
            "show_progress_on": [self.map],
            "trigger_mode": "always_last",
        }
        gr.on([self.method.input, self.other.input], **show)
        blend = desk.event(_blend, [self.found, self.opacity], [self.map])
        self.opacity.release(**blend, show_progress="hidden")
        self.five.click(**desk.event(_five, [self.method, self.opacity], [self.beside]))
        self.each.click(**desk.event(each_its_best, [self.method, self.opacity, desk.given], [self.beside]))
        self.same.click(**desk.event(all_this_class, [*asked, self.opacity, desk.given], [self.beside]))
        self.true.click(**desk.event(prove, asked, [self.proof]))
        write = desk.event(_write, [self.found, self.opacity, self.folder], [self.folder, self.download])
        self.files.click(**write, show_progress_on=[self.download])
        return show


def _methods(language: str) -> list[tuple[str, str]]:
    return [(text(f"explain.method.{name}", language), name) for name in NAMES]


def _show(view: View, method: str, other: object, opacity: float, given: Given | None) -> list[Any]:
    from resnet_demo.explain.methods import method_named

    look, language = view.look, view.language
    other = other if look.knows(other) and other != view.wanted else NOBODY
    row = method_named(method)
    [found] = _explain(view, method, [look.target(view.wanted, other)])
    about = row.about(language)
    if found.is_empty():
        about = text("explain.empty", language)
    guess = found.asked[0]
    key = "look.where.rather" if other != NOBODY else "look.where.for"
    where = view.part if row.layered else text("look.where.photo", language)
    rival = look.model.labels[other] if isinstance(other, int) and other != NOBODY else ""
    title = text(
        key,
        language,
        label=guess.label,
        other=rival,
        layer=where,
        percent=f"{100 * guess.probability:.1f}",
    )
    return [
        found,
        gr.update(choices=_others(view), value=other),
        f"<h3>{escape(title)}</h3>{note(escape(about))}",
        gr.update(value=_over(look, found, opacity), label=title),
        gr.update(visible=given is not None and len(given.photos) > 1),
        *[gr.update(visible=False)] * 3,
    ]


def _others(view: View) -> list[tuple[str, int]]:
    """The classes that the one in question can be compared with: the best ones, then all."""
    labels = view.look.model.labels
    best = [guess.index for guess in view.subject.guesses]
    rest = sorted(set(range(len(labels))) - set(best), key=labels.__getitem__)
    known = [(labels[number], number) for number in [*best, *rest] if number != view.wanted]
    return [(text("look.where.nobody", view.language), NOBODY), *known]


def _explain(view: View, method: str, asked: list[Target]) -> list[Explanation]:
    """The explanation by a method, alone in a list."""
    from resnet_demo.data.images import Problem
    from resnet_demo.explain.explainer import Explainer
    from resnet_demo.explain.methods import method_named
    from resnet_demo.texts import AppError

    explainer = Explainer(view.look.classifier)
    path = view.subject.photo.path
    assert path is not None  # or there would be no subject
    [found] = explainer.explain([path], [method_named(method)], view.part, asked, progress=view.share)
    if isinstance(found, Problem):
        raise AppError("look.gone")
    return [found]


def _over(look: Look, found: Explanation, opacity: float, target: int = 0) -> Any:
    from resnet_demo.explain.placing import over_photo

    return over_photo(look.photo(), found.size, found.seen, found.maps[target], opacity)


def _blend(view: View, found: Explanation | None, opacity: float) -> Any:
    return gr.update(value=_over(view.look, found, opacity)) if _is_of(found, view) else gr.skip()


def _is_of(found: Explanation | None, view: View) -> TypeGuard[Explanation]:
    """Whether this is of the photo in hand, and not of the one before while its own is still being made."""
    return found is not None and found.file == str(view.subject.photo.path)


def _five(view: View, method: str, opacity: float) -> Any:
    """The maps of the best classes side by side."""
    from resnet_demo.data.display import thumbnail
    from resnet_demo.explain import targets

    count = min(TOP, len(view.look.model.labels))
    [found] = _explain(view, method, [targets.best(rank) for rank in range(count)])
    figures = "".join(
        f'<figure><img alt="" src="{as_uri(thumbnail(Image.fromarray(picture), SMALL))}">'
        f"<figcaption><b>{escape(guess.label)}</b> {percent(guess.probability)}</figcaption></figure>"
        for number, guess in enumerate(found.asked)
        for picture in [_over(view.look, found, opacity, number)]
    )
    return gr.update(value=f'<div class="several">{figures}</div>', visible=True)


def _write(view: View, found: Explanation | None, opacity: float, last: Path | None) -> tuple[Any, Any]:
    """The overlay, the raw map, and a figure for a paper, as files."""
    if not _is_of(found, view):
        return gr.skip(), gr.skip()
    from resnet_demo.explain.figure import figure

    folder = new_folder()
    base = f"{one_part(Path(view.subject.photo.name).stem) or 'photo'}-{found.method.name}"
    picture, array, paper = (folder / f"{base}.{suffix}" for suffix in ("png", "npy", "pdf"))
    Image.fromarray(_over(view.look, found, opacity)).save(picture)
    np.save(array, found.on_photo())
    figure(found, view.look.photo(), opacity, view.language).savefig(paper)
    _discard(last)
    return folder, gr.update(value=[str(picture), str(array), str(paper)], visible=True)


def _discard(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
