"""The Fine-tune tab: photos, training and results, a step each; teaching by webcam on one screen."""

from __future__ import annotations

import gradio as gr

from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.finetune import photos_step, results_step, train_step, webcam_step
from resnet_demo.ui.translations import Translations

STEPS = {"photos": photos_step, "train": train_step, "results": results_step, "webcam": webcam_step}


def build(translations: Translations, services: Services, session: Session) -> None:
    """Lay out the steps inside the tab that is open."""
    with gr.Tabs(elem_id="finetune-steps", overflow_behavior="wrap") as steps:
        for name, step in STEPS.items():
            with translations.create(gr.Tab, {"label": f"finetune.step.{name}"}, id=name):
                step.build(translations, services, session, steps)
