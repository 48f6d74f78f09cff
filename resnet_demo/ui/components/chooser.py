"""Pictures in which something is chosen by a click, and what the browser says of the click."""

from __future__ import annotations

from typing import Any

import gradio as gr

from resnet_demo.ui.static_files import static


def chooser(script: str, **options: Any) -> Any:
    """A picture whose event `choose` tells what was clicked; `script` is a file of `static/`."""
    return gr.HTML(js_on_load=static(script), apply_default_css=False, **options)


def name_sent(sent: object) -> str | None:
    """The `name` of what was clicked, if that is what the browser sent."""
    name = sent.get("name") if isinstance(sent, dict) else None
    return name if isinstance(name, str) else None
