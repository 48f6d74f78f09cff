"""The page's address, `#fine-tune/train/<run>`: which tabs are open, and which run is shown.

Tabs are opened and written down by `static/address.js` alone. A run that an address names becomes the visitor's
`session.run`, which anybody may set to anything; what the visitor may see of it is decided where it is shown.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from resnet_demo.models.model_folders import NAME
from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translations

WORDS = {"finetune": "fine-tune"}
"""What tabs are called in an address, where that is not their own name with dashes."""
IMPLIED = ("photo", "experiments")
"""Tabs that an address leaves out: `#look-inside/maps`, `#learn/gradients`."""
RUN_TABS = ("fine-tune", "train", "results")
"""The tab whose steps carry a run in the address, and these steps."""

# The run that the address names, or else the one that was known.
_RUN_OF_ADDRESS = """(known) => {
    const [tab, step, run] = location.hash.slice(1, 300).split("/");
    const [first, ...steps] = %s;
    return tab === first && steps.includes(step) && /^[0-9a-z-]{1,100}$/.test(run ?? "") ? run : known;
}"""
RUN_OF_ADDRESS = _RUN_OF_ADDRESS % json.dumps(RUN_TABS)


def create_address(translations: Translations) -> Any:
    """Lay out the address, here: a line that says where there is no run as the address names it.

    Its value is what `address_value` makes. It has the event `ask`: for the run that stands in the address.
    """
    return translations.create(
        gr.HTML,
        {"missing": "page.address.no_run"},
        value=address_value(None, None),
        words=WORDS,
        implied=list(IMPLIED),
        run_tabs=list(RUN_TABS),
        html_template='<p role="status"></p>',
        js_on_load=static("address.js"),
        apply_default_css=False,
        elem_id="address",
    )


def address_value(shown: str | None, asked: object) -> dict[str, str | None]:
    """The name of the run that is shown, and of the one that was asked for, as the browser sent it."""
    return {"run": shown, "asked": asked if isinstance(asked, str) and NAME.fullmatch(asked) else None}


def run_link(name: str) -> str:
    """The address at which a run is shown."""
    return f"#{'/'.join(RUN_TABS[:2])}/{name}"
