"""What belongs to one visitor on every tab: what the browser remembers, the data set in hand, wishes, the page's clock.

Made above the tabs: Gradio reads no BrowserState and ticks no Timer of a tab that has not been opened.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import gradio as gr

from resnet_demo.ui.drop import ReceivedPhoto, static

TICK_SECONDS = 1.0
IDLE_SECONDS = 15.0
TOKEN_BYTES = 16
WISHED_FOR = ("classify", "look_inside")


@dataclass(frozen=True, eq=False)
class Wish:
    """What a tab asks of another one, which then opens: to use this model, and to look at this photo.

    `asked` is the number of the class that is in question, the best one where it is absent; `rival` of one that it is
    to be compared with. Two wishes are never equal, so that each is heard.
    """

    model: str
    photo: ReceivedPhoto | None = None
    asked: int | None = None
    rival: int | None = None


class Session:
    """Components that hold one visitor's things; a page has one of these, and Gradio a copy for each visitor.

    `visitor` is a secret that the browser keeps: on a public page, runs and models belong to the one who knows it.
    `run` is the name of the run that is shown, and `knobs` what was chosen for the next; both come from the browser, so
    anything may stand there. `dataset` is the folder of the photos in hand, and `wishes` the newest to each tab that
    others send a visitor to; both are known to the server alone. `clock` has a `tick` every `IDLE_SECONDS`, and every
    `TICK_SECONDS` while there is something to watch and it can be seen; none while the whole page cannot be seen.
    """

    def __init__(self) -> None:
        def remembered(name: str) -> Any:
            return gr.BrowserState(None, storage_key=f"resnet_demo.{name}", secret="resnet_demo")  # noqa: S106

        self.visitor = remembered("visitor")
        self.run = remembered("run")
        self.knobs = remembered("knobs")
        self.dataset = gr.State(None)
        self.wishes = {name: gr.State(None) for name in WISHED_FOR}
        # Not a gr.Timer: that ticks on where nobody sees it.
        self.clock: Any = gr.HTML(
            value=IDLE_SECONDS,
            idle=IDLE_SECONDS,
            html_template="",
            js_on_load=static("clock.js"),
            apply_default_css=False,
            elem_id="clock",
        )
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
