"""The Learn tab: experiments on residual learning, architectures side by side, and questions with measured answers."""

from __future__ import annotations

import gradio as gr

from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.learn.architectures import ArchitecturesSection
from resnet_demo.ui.tabs.learn.experiment_panel import ExperimentPanel
from resnet_demo.ui.tabs.learn.experiment_texts import SHOWN
from resnet_demo.ui.tabs.learn.questions import questions
from resnet_demo.ui.translations import Translations


def build(translations: Translations, services: Services, session: Session) -> None:
    """Lay out the tab, inside the one that is open."""
    create = translations.create
    with gr.Tabs(elem_id="learn-parts", overflow_behavior="wrap"):
        with (
            create(gr.Tab, {"label": "learn.part.experiments"}, id="experiments"),
            gr.Tabs(elem_id="learn-experiments", overflow_behavior="wrap"),
        ):
            for name in SHOWN:
                with create(gr.Tab, {"label": f"learn.{name}.tab"}, id=name):
                    ExperimentPanel(name, translations, services, session)
        with create(gr.Tab, {"label": "learn.part.architectures"}, id="architectures") as architectures:
            section = ArchitecturesSection(translations, services, session)
        section.fill_when_opened(architectures)
        with create(gr.Tab, {"label": "learn.part.questions"}, id="questions"):
            create(gr.HTML, {"value": questions}, elem_id="learn-questions")
