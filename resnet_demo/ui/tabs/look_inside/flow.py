"""Gradient flow: how the gradient of the class comes back through the blocks."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from resnet_demo.plots import flow as plot
from resnet_demo.texts import text
from resnet_demo.ui.tabs.look_inside.desk import Desk, View, chooser, note
from resnet_demo.ui.tabs.look_inside.picture import Picture


def build(desk: Desk, picture: Picture) -> dict[str, Any]:
    """Lay out the section inside the tab that is open; the event that shows it."""
    about = gr.HTML(elem_id="look-flow-about")
    drawn = chooser("parts.js", elem_id="look-flow", elem_classes="parts")
    picture.join(drawn)
    return desk.section("flow", _show, [], [about, drawn])


def _show(view: View) -> tuple[str, str]:
    from resnet_demo.explain.gradient_flow import gradient_flow

    look = view.look
    found = gradient_flow(look.network, look.image, look.target(view.wanted))
    picture = plot.flow(
        found.total,
        found.residual,
        found.shortcut,
        view.language,
        selected=look.block(view.part),
        width=560,
        height=300,
    )
    key = "look.flow.about" if found.shortcut else "look.flow.plain"
    return note(escape(text(key, view.language))), picture
