"""The Look inside tab: what a network makes of a photo, layer by layer, and of what a camera sees."""

from __future__ import annotations

from typing import Any

import gradio as gr

from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside.adds import build as build_adds
from resnet_demo.ui.tabs.look_inside.desk import QUICK, Desk
from resnet_demo.ui.tabs.look_inside.flow import build as build_flow
from resnet_demo.ui.tabs.look_inside.live import build as build_live
from resnet_demo.ui.tabs.look_inside.maps import build as build_maps
from resnet_demo.ui.tabs.look_inside.picture import Picture
from resnet_demo.ui.tabs.look_inside.subject import Top
from resnet_demo.ui.tabs.look_inside.where import build as build_where

SECTIONS = {"maps": build_maps, "adds": build_adds, "where": build_where, "flow": build_flow}


def build(words: Words, services: Services, session: Session) -> None:
    """Lay out the tab inside the one that is open."""
    with gr.Tabs(elem_id="look-ways", overflow_behavior="wrap") as ways:
        with words.make(gr.Tab, {"label": "look.way.photo"}, id="photo"):
            _build_photo(words, services, session)
        with words.make(gr.Tab, {"label": "look.way.live"}, id="live"):
            build_live(words, services, session)
    session.wishes["look_inside"].change(lambda: gr.Tabs(selected="photo"), None, ways, queue=False, **QUICK)


def _build_photo(words: Words, services: Services, session: Session) -> None:
    """Lay out all that looks into one photo."""
    desk = Desk(words, services, session)
    top = Top(desk)
    with gr.Row(visible=False, equal_height=False, elem_id="look-inside") as inside:
        with gr.Column(scale=2, min_width=300):
            picture = Picture(desk)
        with gr.Column(scale=3, min_width=300), gr.Tabs(elem_id="look-sections", overflow_behavior="wrap") as sections:
            laid_out = {}
            for name, build_section in SECTIONS.items():
                with words.make(gr.Tab, {"label": f"look.section.{name}"}, id=name) as tab:
                    desk.due[name] = gr.State(0.0)
                    laid_out[name] = tab, build_section(desk, picture)
    renew = {"fn": desk.renew, "inputs": desk.opened, "outputs": list(desk.due.values()), "queue": False, **QUICK}
    for change in (*(begun.success for begun in top.wire(picture, inside, sections)), words.selector.change):
        change(**renew)
    desk.wanted.input(
        lambda wanted, opened: [wanted, *desk.renew(opened)],
        [desk.wanted, desk.opened],
        [desk.asked, *desk.due.values()],
        queue=False,
        **QUICK,
    )
    picture.wire()
    for name, (tab, show) in laid_out.items():
        desk.due[name].change(**show)
        tab.select(_opener(name), None, desk.opened, queue=False, **QUICK).then(**show)


def _opener(name: str) -> Any:
    return lambda: name
