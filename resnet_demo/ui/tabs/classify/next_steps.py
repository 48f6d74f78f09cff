"""Three cards at the top of the first tab: what else one can do here, each a link that opens another tab."""

from __future__ import annotations

from html import escape

import gradio as gr

from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import say

CARDS = {"webcam": "#fine-tune/webcam", "finetune": "#fine-tune/photos", "look_inside": "#look-inside"}
"""The name of each card, as its texts have it, and the address that it opens."""


def lay_out(translations: Translations) -> None:
    """Lay out the cards, here."""
    translations.create(gr.HTML, {"value": _cards}, elem_id="next-steps")


def _cards() -> str:
    cards = "".join(_card(name, address) for name, address in CARDS.items())
    return f'<nav aria-label="{escape(say("cards.label"))}">{cards}</nav>'


def _card(name: str, address: str) -> str:
    title, about = escape(say(f"cards.{name}")), escape(say(f"cards.{name}.about"))
    return f'<a href="{address}"><b>{title}</b> <span>{about}</span></a>'
