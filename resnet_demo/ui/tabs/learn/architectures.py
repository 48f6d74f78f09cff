"""The part "Architectures" of the Learn tab: layer tables, the cost of blocks, networks compared, their history.

Nothing is computed or sent before its tab is opened; of what it shows, only figures bring torch.
"""

from __future__ import annotations

from typing import Any, Protocol

import gradio as gr

from resnet_demo.ui.events import EACH_CLICK, Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.learn.block_calculator import BlockCalculatorSection
from resnet_demo.ui.tabs.learn.family_plot import FamilySection
from resnet_demo.ui.tabs.learn.layer_table import BUSY, LayerTableSection
from resnet_demo.ui.tabs.learn.timeline import TimelineSection
from resnet_demo.ui.translations import Translations


class Section(Protocol):
    """What a tab holds: `show` is given the values of `inputs` and returns those of `outputs`."""

    inputs: list[Any]
    outputs: list[Any]

    @property
    def show(self) -> Any: ...


class ArchitecturesSection:
    """Lays itself out inside the block that is open; `fill_when_opened` is told of the tab around it."""

    def __init__(self, translations: Translations, services: Services, session: Session) -> None:  # noqa: ARG002
        self._translations = translations
        self._events = events = Events(translations, session)
        with gr.Tabs(elem_id="architectures", overflow_behavior="wrap"):
            with self._tab("layers") as layers:
                self.layer_table = LayerTableSection(translations, events)
            with self._tab("blocks") as blocks:
                self.calculator = BlockCalculatorSection(translations, events)
            with self._tab("compare") as compare:
                self.family = FamilySection(translations, events)
            with self._tab("history") as history:
                self.timeline = TimelineSection()
        self._first = self._fills(layers, self.layer_table)
        self._fills(blocks, self.calculator)
        self._fills(compare, self.family)
        self._fills(history, self.timeline)

    def fill_when_opened(self, tab: Any) -> None:
        """Have the first part filled when this tab, which is around all of it, is opened."""
        tab.select(**self._first)

    def _tab(self, name: str) -> Any:
        return self._translations.create(gr.Tab, {"label": f"architectures.section.{name}"}, id=name)

    def _fills(self, tab: Any, section: Section) -> dict[str, Any]:
        """Have a section filled when its tab is opened, and again in another language; returns the listener."""
        opened = gr.State(False)

        def fill(*values: Any) -> tuple[Any, ...]:
            return True, *section.show(*values)

        def refill(was_opened: bool, *values: Any) -> tuple[Any, ...]:
            return section.show(*values) if was_opened else tuple(gr.skip() for _ in section.outputs)

        filled = self._events.handler(fill, section.inputs, [opened, *section.outputs], **BUSY | EACH_CLICK)
        tab.select(**filled)
        again = self._events.handler(refill, [opened, *section.inputs], section.outputs, **BUSY)
        self._translations.selector.change(**again)
        return filled
