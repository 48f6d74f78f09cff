"""A page with a class picker of ImageNet's classes beside a list of Gradio's, and the numbers that Python was sent.

Started by the tests as `python -m tests.browser.picker_app '{"port": 7900, ...}'`, with the settings as JSON.
"""

from __future__ import annotations

import json
import sys

import gradio as gr
from gradio.layouts import Form

from resnet_demo.models.class_names import class_names
from resnet_demo.models.pretrained import imagenet_labels
from resnet_demo.settings import Settings
from resnet_demo.ui import page
from resnet_demo.ui.components import class_picker
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say, speaking

CHOSEN = 985
"""The daisy."""


def classes() -> list[tuple[str, int]]:
    """None, and all in the current language; in English two of them have one name, as in ImageNet's own list."""
    labels = imagenet_labels()
    names = class_names(labels, current_language())
    shown = (names.full(label).removesuffix(" bird") for label in labels)
    return [(say("look.saliency.nobody"), -1), *((name, number) for number, name in enumerate(shown))]


def build() -> gr.Blocks:
    """What is sent stands in `#sent`; `#renew` has Python choose the daisy again."""

    def note(before: str, event: gr.EventData) -> str:
        return f"{before} {class_picker.number_sent(event._data)}".strip()

    def renew(language: str) -> object:
        with speaking(language):
            return class_picker.update(classes(), CHOSEN)

    with gr.Blocks(analytics_enabled=False) as demo:
        translations = Translations()
        translations.create_selector()
        with gr.Row(), Form(scale=1):
            translations.create(
                gr.Dropdown, {"label": "look.saliency.method"}, choices=["a", "b"], interactive=True, elem_id="beside"
            )
            picker = class_picker.class_picker(translations, "look.saliency.other", elem_id="picker")
        translations.set_initial(picker, {"value": lambda: class_picker.as_value(classes(), CHOSEN)})
        picker.value = class_picker.as_value(classes(), CHOSEN)
        sent = gr.Textbox(elem_id="sent", interactive=False)
        button = translations.create(gr.Button, {"value": "drop.choose"}, elem_id="renew")
        picker.choose(note, sent, sent, api_visibility="private")
        button.click(renew, translations.selector, picker, api_visibility="private")
        translations.selector.change(renew, translations.selector, picker, api_visibility="private")
        translations.connect(demo)
    return demo


if __name__ == "__main__":
    settings = Settings(**json.loads(sys.argv[1]))
    demo = build()
    print(page.launch(demo, settings), flush=True)
    demo.block_thread()
