"""A page of two tabs, each with a drop zone and a list of what Python received; the second stays closed at first.

Started by the tests as `python -m tests.browser.small_app '{"port": 7900, ...}'`, with the settings as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import gradio as gr

from resnet_demo.settings import Settings
from resnet_demo.ui import page
from resnet_demo.ui.components.drop_zone import in_one_piece, photo_drop, received
from resnet_demo.ui.tabs.finetune.class_boxes import FIRST, apply_action, boxes_input
from resnet_demo.ui.translations import Translations


def build(settings: Settings) -> gr.Blocks:
    """What is received appears as JSON: `[[name, bytes or null], ...]`."""

    def list_received(payload: object) -> str:
        photos = received(payload, settings)
        sizes: list[Any] = [[photo.name, photo.path and photo.path.stat().st_size] for photo in photos]
        return json.dumps(sizes, ensure_ascii=False)

    def weigh(payload: object) -> str:
        [archive] = received(payload, settings, archives=True)
        with in_one_piece(archive) as path:
            return json.dumps([archive.name, len(archive.more), hashlib.sha256(path.read_bytes()).hexdigest()])

    def count_filled(action: object) -> str:
        return str(sum(len(box.photos) for box in apply_action(FIRST, action, settings)))

    with gr.Blocks(analytics_enabled=False) as demo:
        translations = Translations()
        translations.create_selector()
        with gr.Tabs():
            with translations.create(gr.Tab, {"label": "page.tabs.classify"}):
                drop = photo_drop(translations, settings, elem_id="drop")
                result = gr.Textbox(elem_id="result", interactive=False)
                drop.upload(list_received, drop, result, api_visibility="private")
            with gr.Tab("2"):
                translations.create(gr.Button, {"value": "drop.choose"}, elem_id="second")
                archive = photo_drop(translations, settings, archives=True, elem_id="archive")
                weight = gr.Textbox(elem_id="weight", interactive=False)
                archive.upload(weigh, archive, weight, api_visibility="private")
                boxes = boxes_input(translations, settings, elem_id="boxes")
                count = gr.Textbox(elem_id="count", interactive=False)
                boxes.input(count_filled, boxes, count, api_visibility="private")
        translations.connect(demo)
    return demo


if __name__ == "__main__":
    settings = Settings(**json.loads(sys.argv[1]))
    demo = build(settings)
    print(page.launch(demo, settings), flush=True)
    demo.block_thread()
