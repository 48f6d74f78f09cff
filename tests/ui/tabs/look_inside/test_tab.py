"""The Look inside tab as a whole: nothing of it is public, and what it keeps of a visitor ends."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from resnet_demo.settings import Settings
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside import tab as look_inside_tab
from resnet_demo.ui.translations import Translations


def test_no_event_is_public_and_all_states_end(tmp_path: Path) -> None:
    with gr.Blocks() as demo:
        translations, services, session = Translations(), Services(Settings(home=tmp_path, keep_seconds=77)), Session()
        translations.create_selector()
        look_inside_tab.build(translations, services, session)
    kept = [block.time_to_live for block in demo.blocks.values() if isinstance(block, gr.State)]
    assert set(kept) <= {77, float("inf")}
    assert {function.api_visibility for function in demo.fns.values()} == {"private"}
