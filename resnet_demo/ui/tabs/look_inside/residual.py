"""Residual section: shortcut, residual and sum of a block, the ratio for every block, and the ablation of blocks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from resnet_demo.plots import residual_ratios as plot
from resnet_demo.texts import AppError
from resnet_demo.ui.components.bars import bars
from resnet_demo.ui.components.chooser import chooser
from resnet_demo.ui.components.inline_images import exact_uri
from resnet_demo.ui.components.term import term
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE
from resnet_demo.ui.tabs.look_inside.ablation_sweep import SweepPanel, SweepProgress
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.view import note
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.explain.block_parts import Parts

MEAN = -1
"""Stands for the mean of all channels."""
BUSIEST = 8
TERMS = ("shortcut", "residual")
"""The maps that a term explains."""


class ResidualSection:
    """The section, laid out inside the tab that is open."""

    def __init__(self, events: SectionEvents, diagram: NetworkDiagram) -> None:
        create = events.translations.create
        self.about = gr.HTML(elem_id="look-block")
        self.channel = create(
            gr.Dropdown, {"label": "look.residual.channel"}, choices=[], visible=False, elem_id="look-residual-channel"
        )
        self.maps = chooser("point.js", elem_id="look-parts")
        self.numbers = gr.HTML(elem_id="look-numbers")
        self.ratios = chooser("parts.js", elem_id="look-ratios", elem_classes="parts")
        self.ratios.choose(**diagram.selects_part)
        self.ablation = AblationControls(events, diagram)
        self.sweep = SweepPanel(events, diagram)
        outputs = [self.about, self.channel, self.maps, self.numbers, self.ratios]
        shown = [self.about, self.maps, self.numbers, self.ratios, self.ablation.compared, *self.sweep.views]
        events.section(
            "residual",
            self.show,
            [self.sweep.found],
            [*outputs, *self.ablation.outputs, *self.sweep.views],
            empty={component: {"value": None} for component in shown},
        )
        of_section: dict[str, Any] = {"section": "residual"}
        show_maps = events.event(self.show_maps, [self.channel], [self.maps, self.numbers], **of_section, **LAST_CHOICE)
        self.channel.input(**show_maps)
        show_numbers = events.event(self.show_numbers, [self.channel], [self.numbers], **of_section, **EACH_CLICK)
        self.maps.choose(**show_numbers)

    def show(self, context: EventContext, sweep_progress: SweepProgress | None) -> Updates:
        """The block that stands for the selected part; of a plain network only what can be done without shortcuts."""
        name = context.inspection.block(context.part)
        block = context.inspection.network.blocks()[name]
        meaning = " ".join(message.say(current_language()) for message in block.description)
        return {
            self.about: f"<h3>{escape(name)}</h3>{note(escape(meaning))}",
            **self._shortcut(context, name),
            **self.ablation.show(context),
            **self.sweep.show(context, sweep_progress),
        }

    def _shortcut(self, context: EventContext, name: str) -> Updates:
        if _is_plain(context):
            return dict.fromkeys((self.channel, self.maps, self.numbers, self.ratios), gr.update(visible=False))
        parts = _parts(context)
        busiest = [(say("look.residual.one", channel=number), number) for number in parts.busiest_channels(BUSIEST)]
        first = busiest[0][1]
        choices = [*busiest, (say("look.residual.mean"), MEAN)]
        return {
            self.channel: gr.update(choices=choices, value=first, visible=True),
            self.maps: gr.update(value=_maps(parts, first), visible=True),
            self.numbers: gr.update(value="", visible=True),
            self.ratios: gr.update(value=_ratios(context, name), visible=True),
        }

    def show_maps(self, context: EventContext, channel: object) -> Updates:
        """The maps of another channel."""
        parts = _parts(context)
        return {
            self.maps: gr.update(value=_maps(parts, _channel(parts, channel))),
            self.numbers: gr.update(value=""),
        }

    def show_numbers(self, context: EventContext, channel: object) -> Updates:
        """The values of all maps at the point that was clicked.

        Raises:
            AppError: the browser names none.
        """
        from resnet_demo.explain.block_parts import PARTS

        parts = _parts(context)
        maps = parts.maps(_channel(parts, channel))
        sent = context.sent if isinstance(context.sent, dict) else {}
        row, column = sent.get("row"), sent.get("column")
        if (
            type(row) is not int
            or type(column) is not int
            or not (0 <= row < maps.shape[1] and 0 <= column < maps.shape[2])
        ):
            raise AppError("look.no_part")
        cells = "".join(
            f"<div><dt>{escape(say(f'look.residual.part.{name}'))}</dt><dd>{value:.3f}</dd></div>"
            for name, value in zip(PARTS, maps[:, row, column].tolist(), strict=True)
        )
        where = say("look.residual.at", row=row + 1, column=column + 1)
        return {self.numbers: gr.update(value=f'<div aria-live="polite"><p>{escape(where)}</p><dl>{cells}</dl></div>')}


class AblationControls:
    """The buttons that remove a block and restore it, and what the network says with and without."""

    def __init__(self, events: SectionEvents, diagram: NetworkDiagram) -> None:
        create = events.translations.create
        self._events, self._diagram = events, diagram
        create(gr.HTML, {"value": lambda: f"<h3>{term('ablation', say('look.ablation.title'))}</h3>"})
        self.why = gr.HTML(elem_id="look-why")
        with gr.Row(elem_classes="actions"):
            self.button = gr.Button(size="sm", elem_id="look-toggle")
            self.restore_button = create(
                gr.Button, {"value": "look.ablation.restore_all"}, size="sm", visible=False, elem_id="look-restore-all"
            )
        self.compared = gr.HTML(elem_id="look-compared", elem_classes="prediction")
        self.outputs = [self.why, self.button, self.restore_button, self.compared]
        for button, handler in ((self.button, self.toggle), (self.restore_button, self.restore_all)):
            outputs = [events.current, diagram.picture, *self.outputs]
            button.click(**events.event(handler, [], outputs))

    def show(self, context: EventContext) -> Updates:
        """Whether the block can be removed, the buttons, and the comparison.

        Raises:
            AppError: one of the removed blocks cannot be.
        """
        from resnet_demo.explain import ablation

        removed, name = context.selection.removed, context.inspection.block(context.part)
        reason = ablation.why_not_removable(context.inspection.network, name)
        key = "look.ablation.restore" if name in removed else "look.ablation.remove"
        hint = say("look.ablation.hint") if reason is None else reason.say(current_language())
        return {
            self.why: note(escape(hint)),
            self.button: gr.update(value=say(key, name=name), interactive=reason is None),
            self.restore_button: gr.update(visible=bool(removed)),
            self.compared: _compared(context),
        }

    def toggle(self, context: EventContext) -> Updates:
        """Remove the block, or restore it.

        Raises:
            AppError: it cannot be removed.
        """
        removed = {*context.selection.removed} ^ {context.inspection.block(context.part)}
        return self._set_removed(
            context, tuple(block for block in context.inspection.network.blocks() if block in removed)
        )

    def restore_all(self, context: EventContext) -> Updates:
        """Remove no block any more."""
        return self._set_removed(context, ())

    def _set_removed(self, context: EventContext, removed: tuple[str, ...]) -> Updates:
        shown = self.show(context.with_selection(removed=removed))
        changed = context.change(removed=removed)  # behind what may raise: blocks that cannot be removed stay
        return {self._events.current: changed.current, **self._diagram.redraw(changed), **shown}


def _is_plain(context: EventContext) -> bool:
    return not next(iter(context.inspection.network.blocks().values())).has_shortcut


def _parts(context: EventContext) -> Parts:
    from resnet_demo.explain import block_parts

    inspection = context.inspection
    return block_parts.parts(inspection.network, inspection.image, inspection.block(context.part))


def _channel(parts: Parts, chosen: object) -> int | None:
    """The number of a channel; None for their mean."""
    if type(chosen) is int and 0 <= chosen < parts.values.shape[1]:
        return chosen
    return None


def _maps(parts: Parts, channel: int | None) -> str:
    """The four maps side by side, with what their colours mean."""
    from resnet_demo.explain.block_parts import PARTS

    rows, columns = parts.values.shape[2:]
    figures = "".join(
        f'<figure><div data-rows="{rows}" data-columns="{columns}" tabindex="0" role="button" '
        f'aria-label="{escape(say("look.residual.point", part=said))}"><img alt="" class="exact" '
        f'src="{exact_uri(picture)}"><i hidden></i></div><figcaption>{caption}</figcaption></figure>'
        for name, picture in zip(PARTS, parts.pictures(channel), strict=True)
        for said in [say(f"look.residual.part.{name}")]
        for caption in [term(name, said) if name in TERMS else escape(said)]
    )
    limit = float(np.abs(parts.maps(channel)).max())
    return f'<div class="four">{figures}</div>{note(escape(say("look.residual.scale", limit=f"{limit:.3g}")))}'


def _ratios(context: EventContext, name: str) -> str:
    from resnet_demo.explain import block_parts

    network = context.inspection.network
    reshaping = [other for other, block in network.blocks().items() if getattr(block, "downsample", None) is not None]
    drawn = plot.residual_ratios(
        block_parts.ratios(network, context.inspection.image),
        reshaping,
        current_language(),
        selected=name,
        width=560,
        height=190,
    )
    return f"<h3>{term('residual_ratio', say('look.residual.ratio'))}</h3>{drawn}"


def _compared(context: EventContext) -> str:
    """The best classes of the full network and, if blocks are removed, of the network without them."""
    removed, names = context.selection.removed, context.inspection.names
    whole = f"<div><h4>{escape(say('look.ablation.whole'))}</h4>{bars(context.inspected.guesses, names)}</div>"
    if not removed:
        return f'<div class="pair">{whole}</div>'
    title = say("look.ablation.without", names=", ".join(removed))
    left = f"<div><h4>{escape(title)}</h4>{bars(context.inspection.guesses(removed), names)}</div>"
    return f'<div class="pair">{whole}{left}</div>'
