"""What several views of the tab have: quiet sentences, and what stands in their places before there is a photo.

The page shows either all empty states or all contents, by what stands in `#look-bars` (static/look_inside.css).
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.ui.translations import Translations


def note(said: str) -> str:
    """A quiet sentence; `said` is markup already."""
    return f'<p class="note">{said}</p>'


def empty_state() -> gr.Column:
    """A place for what is shown as long as there is no photo."""
    return gr.Column(elem_classes="look-empty", min_width=0)


def content() -> gr.Column:
    """A place for what is shown of a photo."""
    return gr.Column(elem_classes="look-content", min_width=0)


def invitation(translations: Translations, said: Callable[[], str], elem_id: str) -> gr.Button:
    """What will come here, in words, and a button that takes an example photo."""
    translations.create(gr.HTML, {"value": lambda: note(escape(said()))})
    button: Any = translations.create(gr.Button, {"value": "look.empty.example"}, size="sm", elem_id=elem_id)
    return button
