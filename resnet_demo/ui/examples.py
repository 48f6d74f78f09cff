"""Example photos to click on: pictures that come with the installed gradio, so that none has to be shipped here."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.texts import text
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.language import Words

EXAMPLES = tuple(
    path
    for name in ("cheetah1.jpg", "lion.jpg", "tower.jpg", "bus.png")
    if (path := Path(gr.__file__).parent / "media_assets" / "images" / name).is_file()
)


def examples(words: Words, elem_id: str) -> Any:
    """Lay out the examples, with a word on what they are for."""
    words.make(gr.HTML, {"value": lambda language: escape(text("classify.examples", language))}, elem_classes="caption")
    return words.make(
        gr.Gallery,
        {"label": "classify.examples"},
        value=[str(path) for path in EXAMPLES],
        columns=len(EXAMPLES) or 1,
        show_label=False,
        container=False,
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes="examples",
    )


def chosen(event: gr.SelectData) -> ReceivedPhoto:
    """The example that was clicked."""
    path = EXAMPLES[event.index]
    return ReceivedPhoto(path.name, path)
