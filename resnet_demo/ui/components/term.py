"""A term of the field with its explanation, which comes on hover, tap and for screen readers.

What is shown is a button of plain HTML; `static/term.js`, laid out once, opens the explanations of all of them.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.ui.static_files import static
from resnet_demo.ui.visitor_context import say

_MARKED = re.compile(r"\[([^\[\]]+)\]\((\w+)\)")


def lay_out_explanations() -> None:
    """Lay out what opens the explanations, once on the page."""
    opener: Any = gr.HTML
    opener(html_template="", js_on_load=static("term.js"), apply_default_css=False, elem_id="explanations")


def term(name: str, words: str) -> str:
    """Words that stand for a term of the glossary, as HTML; the text `term.<name>` explains it.

    Args:
        name: of the term.
        words: how it is called where it stands, as plain text.
    """
    return explained(words, say(f"term.{name}"), name)


def explained(words: str, explanation: str, name: str = "") -> str:
    """Words with an explanation that belongs to them alone, as HTML; both are given as plain text."""
    return (
        f'<button type="button" class="term" data-term="{escape(name)}" aria-expanded="false" '
        f'aria-description="{escape(explanation)}">{escape(words)}</button>'
    )


def say_with_terms(key: str, **fields: object) -> str:
    """The sentence behind `key` as HTML; in it the terms are marked as `[words](name)`. `fields` are plain text."""
    words, last = "", 0
    raw = say(key)
    for found in _MARKED.finditer(raw):
        words += _filled(raw[last : found.start()], fields) + term(found[2], found[1])
        last = found.end()
    return words + _filled(raw[last:], fields)


def _filled(piece: str, fields: dict[str, object]) -> str:
    return escape(piece.format_map({name: str(value) for name, value in fields.items()}))
