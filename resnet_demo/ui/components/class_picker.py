"""The class picker: a field that offers all classes of a model, those first whose names hold what is typed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import gradio as gr

from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translatable, Translations


def class_picker(translations: Translations, label: Translatable, **options: Any) -> Any:
    """A field whose event `choose` comes with data for `number_sent`; at first it has no classes.

    Not a gr.Dropdown: with each message of any event, Gradio 6.31 copies all properties of each component that was ever
    an output. A thousand choices are two thousand arrays each time; this value is one string.
    """
    return translations.create(
        gr.HTML,
        {"label": label},
        **{"value": as_value((), None), **options},
        html_template=static("class_picker.html"),
        css_template=static("class_picker.css"),
        js_on_load=static("class_picker.js"),
        apply_default_css=False,
        container=True,
        padding=True,
    )


def update(classes: Sequence[tuple[str, int]], chosen: int | None) -> Any:
    """An update of a class picker; the arguments are those of `as_value`."""
    return gr.update(value=as_value(classes, chosen))


def as_value(classes: Sequence[tuple[str, int]], chosen: int | None) -> str:
    """The value of a class picker: the name and number of each class, in their order, and the number of the chosen one.

    A name that several classes have is shown with their numbers.
    """
    count = Counter(name for name, _ in classes)
    shown = [(name if count[name] == 1 else f"{name} ({number})", number) for name, number in classes]
    value = json.dumps({"classes": shown, "chosen": chosen}, separators=(",", ":"))
    return value.replace("<", "\\u003c")  # Gradio takes the value for HTML, and warns of scripts in it


def number_sent(sent: object) -> int | None:
    """The number that was chosen, if the browser sent one; it may be of no class."""
    number = sent.get("number") if isinstance(sent, dict) else None
    return number if type(number) is int else None
