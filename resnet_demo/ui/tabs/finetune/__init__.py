"""The Fine-tune tab: photos in, a network taught, and what it has learned; a step each."""

from __future__ import annotations

import gradio as gr

from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.finetune import photos, results, train

STEPS = {"photos": photos, "train": train, "results": results}


def build(words: Words, services: Services, session: Session) -> None:
    """Lay out the steps inside the tab that is open."""
    with gr.Tabs(elem_id="finetune-steps", overflow_behavior="wrap") as steps:
        for name, step in STEPS.items():
            with words.make(gr.Tab, {"label": f"finetune.step.{name}"}, id=name):
                step.build(words, services, session, steps)
