"""What a block costs for sizes of one's own: each kind by formula, and counted in a real module beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.labs.configs import Blocks
from resnet_demo.texts import AppError
from resnet_demo.ui.events import Events
from resnet_demo.ui.tabs.learn.layer_table import BUSY
from resnet_demo.ui.tabs.learn.scrolled_table import scrolled_table
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

SIZES = ("channels", "inner", "kernel", "groups", "stride", "size")
"""The settings of the experiment `blocks` that can be chosen here."""
TOTALS = ("weights", "parameters", "multiply_adds")


class BlockCalculatorSection:
    """The sizes, and what blocks of them cost."""

    def __init__(self, translations: Translations, events: Events) -> None:
        about = {"value": lambda: f'<p class="note">{escape(say("architectures.calculator.about"))}</p>'}
        translations.create(gr.HTML, about)
        specs = Blocks.specs()
        with gr.Row(elem_id="calculator-sizes"):
            self.inputs = [
                translations.create(
                    gr.Number,
                    {"label": specs[name].label.key},
                    value=specs[name].default,
                    minimum=specs[name].low,
                    maximum=specs[name].high,
                    precision=0,
                    interactive=True,
                    min_width=100,
                    elem_id=f"calculator-{name}",
                )
                for name in SIZES
            ]
        self.costs: Any = gr.HTML("", elem_id="calculator-costs")
        self.outputs = [self.costs]
        shows = events.handler(self.show, self.inputs, self.outputs, **BUSY)
        gr.on([one.change for one in self.inputs], **shows)

    def show(self, *sizes: float | None) -> tuple[str]:
        """The costs of all kinds of blocks, and what is often written of them wrongly; or what is wrong with a size."""
        # Not as a toast: a size that is being typed may be wrong for a moment.
        try:
            blocks = _costs(_config(sizes))
        except AppError as error:
            return (f'<p class="problem" role="status">{escape(error.say(current_language()))}</p>',)
        cards = "".join(map(_card, blocks))
        return (f'<div class="block-costs">{cards}</div><p class="note">{escape(mistakes())}</p>',)


def _config(sizes: Sequence[object]) -> Blocks:
    """The settings of `blocks`, checked.

    Raises:
        AppError: a size is missing or out of range; the sentence names it as the page does.
    """
    given = dict(zip(SIZES, sizes, strict=True))
    for name, value in given.items():
        spec = Blocks.specs()[name]
        try:
            spec.check(value)
        except AppError as error:
            label = spec.label.say(current_language())
            raise AppError(
                "architectures.problem.range", name=label, low=f"{spec.low:g}", high=f"{spec.high:g}"
            ) from error
    return Blocks.from_json(given)


@lru_cache(maxsize=64)
def _costs(config: Blocks) -> tuple[Mapping[str, Any], ...]:
    from resnet_demo.labs import block_costs  # brings torch

    figures = block_costs.costs(config)
    return tuple(cost.as_dict() for cost in figures)


def _card(block: Mapping[str, Any]) -> str:
    """One kind of block: its layers by formula, then what they come to, and the count of a real module."""
    name = say(f"lab.block.{block['kind']}")
    layers = "".join(
        f"<tr><th><code>{escape(layer['name'])}</code></th><td>{escape(layer['formula'])}</td>"
        f"<td>{escape(layer['numbers'])} = {layer['parameters']:,}</td></tr>"
        for layer in block["layers"]
    )
    totals = "".join(
        f"<tr><th>{escape(say(f'lab.column.{total}'))}</th><td>{block[total]:,}</td>"
        f"<td>{_checked(block[total], block[f'counted_{total}'])}</td></tr>"
        for total in TOTALS
    )
    by_formula, counted = (escape(say(f"architectures.calculator.{way}")) for way in ("by_formula", "counted"))
    return (
        f"<section><h2>{escape(name)}</h2>{scrolled_table(name, _headings(), layers)}"
        f'<table class="totals"><thead><tr><td></td><th>{by_formula}</th><th>{counted}</th></tr></thead>'
        f"<tbody>{totals}</tbody></table></section>"
    )


def _headings() -> tuple[str, str, str]:
    return say("models.summary.layer"), say("lab.column.formula"), say("lab.column.parameters")


def _checked(formula: int, counted: int) -> str:
    """The count, and whether the formula comes to the same."""
    agrees = formula == counted
    said = say("architectures.calculator.agrees" if agrees else "architectures.calculator.differs")
    sign = "✓" if agrees else "≠"
    mark = f'<span class="{"agrees" if agrees else "differs"}" role="img" aria-label="{escape(said)}">{sign}</span>'
    return f"{counted:,} {mark}"


def mistakes() -> str:
    """A sentence on figures in circulation that are wrong, with the right ones computed here."""
    basic, bottleneck, stage = _right_figures()
    return say(
        "architectures.calculator.mistakes", basic=f"{basic:,}", bottleneck=f"{bottleneck:,}", stage=f"{stage:,}"
    )


@lru_cache(maxsize=1)
def _right_figures() -> tuple[int, int, int]:
    """Weights of a basic block of 256 channels, of a bottleneck with 64 inside, and of conv2_x of ResNet-34."""
    from resnet_demo.labs.block_costs import BlockShape, block_cost  # brings torch
    from resnet_demo.models.summary import summarise

    basic = block_cost("basic", BlockShape(256, 256, 256)).weights
    bottleneck = block_cost("bottleneck", BlockShape(256, 256, 64)).weights
    rows = [row for row in summarise("resnet34").rows if row.name.startswith("stage1.") and row.multiply_adds]
    return basic, bottleneck, sum(row.parameters for row in rows)
