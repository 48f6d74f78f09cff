"""The part "Architectures" of the Learn tab: layer tables, the cost of blocks, networks compared, their history."""

from __future__ import annotations

import gradio as gr

from resnet_demo.ui.events import Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.learn.block_calculator import BlockCalculatorSection
from resnet_demo.ui.tabs.learn.layer_table import LayerTableSection
from resnet_demo.ui.translations import Translations


class ArchitecturesSection:
    """Lays itself out inside the block that is open; what brings torch is filled by `connect`."""

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:
        self._translations = translations
        events = Events(translations, session)
        with gr.Tabs(elem_id="architectures", overflow_behavior="wrap"):
            with translations.create(gr.Tab, {"label": "architectures.section.layers"}, id="layers") as self._layers:
                self.layer_table = LayerTableSection(translations, events)
            with translations.create(gr.Tab, {"label": "architectures.section.blocks"}, id="blocks") as self._blocks:
                self.calculator = BlockCalculatorSection(translations, events)
