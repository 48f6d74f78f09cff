"""The picture of the network, in which a stage or block is chosen."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.plots.network import network
from resnet_demo.texts import AppError, text
from resnet_demo.ui.looking import Look
from resnet_demo.ui.tabs.look_inside.desk import Desk, View, chooser, name_sent, note

# On a phone the sections stand below the picture, out of sight.
SHOW_SECTIONS = """() => {
    const sections = document.querySelector("#look-sections");
    if (sections.getBoundingClientRect().top > window.innerHeight * 0.8) {
        sections.scrollIntoView({ behavior: "smooth" });
    }
}"""


class Picture:
    """The picture; plots of the sections in which a block can be chosen join it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.network = chooser("parts.js", elem_id="look-network", elem_classes="parts")
        desk.words.make(gr.HTML, {"value": lambda language: note(escape(text("look.network.hint", language)))})
        self._joined = [self.network]

    def join(self, plot: Any) -> None:
        """Have a click on a block in `plot` choose it."""
        self._joined.append(plot)

    def redraw(self) -> dict[str, Any]:
        """An event that draws the picture again."""
        return self.desk.event(_again, [], [self.network], clicked=False)

    def wire(self) -> None:
        """Connect it: where a part is chosen, the section that is open is shown anew."""
        desk = self.desk
        pick = desk.event(self._pick, [desk.opened], [desk.part, self.network, *desk.due.values()])
        picked = [plot.choose(**pick, show_progress="hidden") for plot in self._joined]
        picked[0].success(None, js=SHOW_SECTIONS)
        desk.words.selector.change(**self.redraw(), show_progress="hidden")

    def _pick(self, view: View, opened: str) -> list[Any]:
        return [*_pick(view), *self.desk.renew(opened)]


def drawn(look: Look, part: str, off: Collection[str], language: str) -> str:
    """The network as SVG."""
    from resnet_demo.explain.outline import outline

    shape = outline(look.network, look.model.name, look.model.spec.crop_size)
    return network(shape, language, selected=part, off=off)


def _again(view: View) -> str:
    return drawn(view.look, view.part, view.off, view.language)


def _pick(view: View) -> tuple[str, str]:
    name = name_sent(view.sent)
    if name not in view.look.parts():
        raise AppError("look.no_part")
    assert name is not None
    return name, drawn(view.look, name, view.off, view.language)
