"""What belongs to one visitor on every tab: what the browser remembers, the data set in hand, and the page's clock.

Made above the tabs: Gradio reads no BrowserState and ticks no Timer of a tab that has not been opened.
"""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

TICK_SECONDS = 1.0
TOKEN_BYTES = 16


class Session:
    """Components that hold one visitor's things; a page has one of these, and Gradio a copy for each visitor.

    `visitor` is a secret that the browser keeps: on a public page, runs and models belong to the one who knows it.
    `run` is the name of the run that is shown, and `knobs` what was chosen for the next; both come from the browser, so
    anything may stand there. `dataset` is the folder of the photos in hand, known to the server alone.
    """

    def __init__(self) -> None:
        def remembered(name: str) -> Any:
            return gr.BrowserState(None, storage_key=f"resnet_demo.{name}", secret="resnet_demo")  # noqa: S106

        self.visitor = remembered("visitor")
        self.run = remembered("run")
        self.knobs = remembered("knobs")
        self.dataset = gr.State(None)
        self.clock = gr.Timer(TICK_SECONDS)
        self._first: list[tuple[dict[str, Any], ...]] = []

    def at_start(self, *events: dict[str, Any]) -> None:
        """Have events happen, one after the other, once a page is opened and it is known whose it is."""
        self._first.append(events)

    def connect(self, demo: gr.Blocks) -> None:
        """Give a browser that comes for the first time its secret, then do what was asked for; to be called last."""
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        known = demo.load(_token, self.visitor, self.visitor, queue=False, **quietly)
        for events in self._first:
            before = known
            for event in events:
                before = before.then(**{**quietly, **event})


def _token(known: object) -> str:
    return known if isinstance(known, str) and len(known) == 2 * TOKEN_BYTES else secrets.token_hex(TOKEN_BYTES)
