"""A page with nothing on it yet, and one photo in a network of nine blocks, of which seven can be removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
import torch

from resnet_demo.settings import Settings
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import CurrentSelection, Selection
from resnet_demo.ui.translations import Translations
from tests.shelf import run_with_model
from tests.tiny import photos


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SectionEvents]:
    """Components that a test makes are laid out on this page."""
    torch.set_num_threads(1)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with gr.Blocks():
        translations = Translations()
        translations.create_selector()
        yield SectionEvents(translations, Services(Settings(home=tmp_path / "home")), Session())


@pytest.fixture
def context(events: SectionEvents, tmp_path: Path) -> EventContext:
    """The photo's best class is the one to explain."""
    run = run_with_model(events.services.settings)
    [photo] = photos(tmp_path / "photos", 1)
    inspected, inspection = events.inspector.start(ReceivedPhoto("a <b>.jpg", photo), run.name)
    selection = Selection(inspected=inspected, part="stage3", target_class=inspected.guesses[0].index)
    return EventContext(inspection, selection, CurrentSelection(selection), share=lambda done: None)  # noqa: ARG005
