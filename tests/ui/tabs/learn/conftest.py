"""The part "Architectures" on a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from resnet_demo.settings import Settings
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.learn.architectures import ArchitecturesSection
from resnet_demo.ui.translations import Translations


@pytest.fixture
def section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchitecturesSection]:
    """Laid out, and nothing opened yet."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    with gr.Blocks():
        translations = Translations()
        translations.create_selector()
        yield ArchitecturesSection(translations, Services(Settings(home=tmp_path / "home")), Session())
