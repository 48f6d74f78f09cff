"""An answer to look at before any photo is dropped: the built-in model's for a photo that ships, computed beforehand.

So that it is there at once: a network is loaded only when somebody asks something of it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import gradio as gr

from resnet_demo.models.class_names import class_names
from resnet_demo.settings import ASSETS
from resnet_demo.ui.components.bars import bars
from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

EXAMPLES = ASSETS / "examples"
PHOTO = EXAMPLES / "daisy.jpg"


@dataclass(frozen=True)
class Answer:
    """A class and its probability; what `inference.Guess` is, without torch."""

    label: str
    index: int
    probability: float


def lay_out(translations: Translations) -> None:
    """Lay out the example, here; `page.css` shows it as long as nothing else has been asked for or answered."""
    translations.create(
        gr.HTML,
        {"value": _example},
        js_on_load=static("answered_example.js"),
        elem_id="classify-answered-example",
        elem_classes="prediction",
    )


def _example() -> str:
    guesses = [Answer(label, index, value) for index, (label, value) in enumerate(answer())]
    figures = "".join(
        f'<figure><img src="{_uri(path)}" width="224" height="224" alt="{escape(say(f"answered_example.{name}.alt"))}">'
        f"<figcaption>{escape(say(f'answered_example.{name}'))}</figcaption></figure>"
        for name, path in (("photo", PHOTO), ("map", EXAMPLES / "answer.webp"))
    )
    names = class_names(sorted(guess.label for guess in guesses), current_language())
    about = f'<p class="note">{escape(say("answered_example.about"))}</p>'
    return f'<div class="pair">{figures}</div>{bars(guesses, names)}{about}'


@cache
def answer() -> list[tuple[str, float]]:
    """The classes and their probabilities, the most probable first."""
    found = json.loads((EXAMPLES / "answer.json").read_text(encoding="utf-8"))
    return [(str(label), float(value)) for label, value in found]


@cache
def _uri(path: Path) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "webp"
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()
