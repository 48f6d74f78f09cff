"""What the block adds: its parts on one scale, the ratio for every block, and what happens when blocks are off."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from resnet_demo.plots import ratios as plot
from resnet_demo.texts import AppError, text
from resnet_demo.ui.bars import bars
from resnet_demo.ui.pictures import exact_uri
from resnet_demo.ui.tabs.look_inside.desk import Desk, View, chooser, note
from resnet_demo.ui.tabs.look_inside.picture import Picture, drawn
from resnet_demo.ui.tabs.look_inside.removals import Measured, Measuring
from resnet_demo.ui.tabs.look_inside.removals import shown as removals

if TYPE_CHECKING:
    from resnet_demo.explain.blocks import Parts

MEAN = -1
"""Stands for the mean of all channels."""
BUSIEST = 8


def build(desk: Desk, picture: Picture) -> dict[str, Any]:
    """Lay out the section inside the tab that is open; the event that shows it."""
    make = desk.words.make
    about = gr.HTML(elem_id="look-block")
    channel = make(gr.Dropdown, {"label": "look.adds.channel"}, choices=[], visible=False, elem_id="look-adds-channel")
    maps = chooser("point.js", elem_id="look-parts")
    numbers = gr.HTML(visible=False, elem_id="look-numbers")
    ratios = chooser("parts.js", elem_id="look-ratios", elem_classes="parts")
    picture.join(ratios)
    make(gr.HTML, {"value": lambda language: f"<h3>{escape(text('look.off.title', language))}</h3>"})
    why = gr.HTML(elem_id="look-why")
    with gr.Row(elem_classes="acts"):
        toggle = gr.Button(size="sm", elem_id="look-toggle")
        everything = make(gr.Button, {"value": "look.off.none"}, size="sm", visible=False, elem_id="look-all-on")
    compared = gr.HTML(elem_id="look-compared", elem_classes="answer")
    switching = [why, toggle, everything, compared]
    measuring = Measuring(desk, picture)
    outputs = [about, channel, maps, numbers, ratios, *switching, *measuring.views]
    show = desk.section("adds", _show, [measuring.found], outputs)
    channel.input(**desk.event(_show_maps, [channel], [maps, numbers]), show_progress="hidden")
    maps.choose(**desk.event(_numbers, [channel], [numbers]), show_progress="hidden")
    switched = [desk.off, picture.network, *switching]
    toggle.click(**desk.event(_toggle, [], switched), show_progress_on=[compared])
    everything.click(**desk.event(_all_on, [], switched), show_progress_on=[compared])
    return show


def _show(view: View, measured: Measured | None) -> list[Any]:
    from resnet_demo.explain import blocks

    look, language = view.look, view.language
    name = look.block(view.part)
    meaning = " ".join(message.say(language) for message in blocks.meaning(look.network.blocks()[name]))
    about = f"<h3>{escape(name)}</h3>{note(escape(meaning))}"
    if _is_plain(view):
        hidden = [gr.update(visible=False)] * 4
        return [about, *hidden, *_switching(view), *removals(view, measured)]
    parts = blocks.parts(look.network, look.image, name)
    busiest = [(text("look.adds.one", language, channel=number), number) for number in parts.busiest_channels(BUSIEST)]
    choices = [*busiest, (text("look.adds.mean", language), MEAN)]
    first = busiest[0][1]
    return [
        about,
        gr.update(choices=choices, value=first, visible=True),
        gr.update(value=_maps(parts, first, language), visible=True),
        gr.update(visible=False),
        gr.update(value=_ratios(view, name), visible=True),
        *_switching(view),
        *removals(view, measured),
    ]


def _is_plain(view: View) -> bool:
    from resnet_demo.models.blocks import PlainBlock

    return isinstance(next(iter(view.look.network.blocks().values())), PlainBlock)


def _parts(view: View) -> Parts:
    from resnet_demo.explain import blocks

    return blocks.parts(view.look.network, view.look.image, view.look.block(view.part))


def _channel(parts: Parts, chosen: object) -> int | None:
    """The number of a channel; None for their mean."""
    if type(chosen) is int and 0 <= chosen < parts.values.shape[1]:
        return chosen
    return None


def _show_maps(view: View, channel: object) -> tuple[Any, Any]:
    parts = _parts(view)
    return gr.update(value=_maps(parts, _channel(parts, channel), view.language)), gr.update(visible=False)


def _maps(parts: Parts, channel: int | None, language: str) -> str:
    """The four maps side by side, with what their colours mean."""
    from resnet_demo.explain.blocks import PARTS

    rows, columns = parts.values.shape[2:]
    figures = "".join(
        f'<figure><div data-rows="{rows}" data-columns="{columns}" tabindex="0" role="button" '
        f'aria-label="{escape(text("look.adds.point", language, part=said))}"><img alt="" class="exact" '
        f'src="{exact_uri(picture)}"><i hidden></i></div><figcaption>{escape(said)}</figcaption></figure>'
        for name, picture in zip(PARTS, parts.pictures(channel), strict=True)
        for said in [text(f"look.adds.part.{name}", language)]
    )
    limit = float(np.abs(parts.maps(channel)).max())
    scale = text("look.adds.scale", language, limit=f"{limit:.3g}")
    return f'<div class="four">{figures}</div>{note(escape(scale))}'


def _numbers(view: View, channel: object) -> Any:
    from resnet_demo.explain.blocks import PARTS

    parts = _parts(view)
    maps = parts.maps(_channel(parts, channel))
    sent = view.sent if isinstance(view.sent, dict) else {}
    row, column = sent.get("row"), sent.get("column")
    if (
        type(row) is not int
        or type(column) is not int
        or not (0 <= row < maps.shape[1] and 0 <= column < maps.shape[2])
    ):
        raise AppError("look.no_part")
    cells = "".join(
        f"<div><dt>{escape(text(f'look.adds.part.{name}', view.language))}</dt><dd>{value:.3f}</dd></div>"
        for name, value in zip(PARTS, maps[:, row, column].tolist(), strict=True)
    )
    where = text("look.adds.at", view.language, row=row + 1, column=column + 1)
    return gr.update(value=f"<p>{escape(where)}</p><dl>{cells}</dl>", visible=True)


def _ratios(view: View, name: str) -> str:
    from resnet_demo.explain import blocks

    network = view.look.network
    reshaping = [other for other, block in network.blocks().items() if getattr(block, "downsample", None) is not None]
    return plot.ratios(
        blocks.ratios(network, view.look.image), reshaping, view.language, selected=name, width=560, height=190
    )


def _switching(view: View) -> list[Any]:
    """Whether the block can be switched off, the buttons, and what the network says with and without."""
    from resnet_demo.explain import switching

    language, name = view.language, view.look.block(view.part)
    reason = switching.why_not(view.look.network, name)
    key = "look.off.back" if name in view.off else "look.off.take"
    return [
        note(escape(text("look.off.hint", language) if reason is None else reason.say(language))),
        gr.update(value=text(key, language, name=name), interactive=reason is None),
        gr.update(visible=bool(view.off)),
        _compared(view),
    ]


def _compared(view: View) -> str:
    """The best classes of the whole network and, where blocks are off, beside them those of what is left."""
    whole = f"<div><h4>{escape(text('look.off.whole', view.language))}</h4>{bars(view.subject.guesses)}</div>"
    if not view.off:
        return f'<div class="pair">{whole}</div>'
    title = text("look.off.without", view.language, names=", ".join(view.off))
    left = f"<div><h4>{escape(title)}</h4>{bars(view.look.guesses(view.off))}</div>"
    return f'<div class="pair">{whole}{left}</div>'


def _toggle(view: View) -> list[Any]:
    name = view.look.block(view.part)
    off = {*view.off} ^ {name}
    return _switch(view, tuple(block for block in view.look.network.blocks() if block in off))


def _all_on(view: View) -> list[Any]:
    return _switch(view, ())


def _switch(view: View, off: tuple[str, ...]) -> list[Any]:
    changed = view.with_off(off)
    return [off, drawn(view.look, view.part, off, view.language), *_switching(changed)]
