"""What belongs to one visitor on every tab: browser storage, the chosen data set, navigation requests, the clock.

Made above the tabs: Gradio reads no BrowserState and ticks no Timer of a tab that has not been opened.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import AS_IT_SEEMS
from resnet_demo.ui.address import RUN_OF_ADDRESS, create_address
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.static_files import static
from resnet_demo.ui.tabs import TABS
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import TOKEN_BYTES, Visitor

TICK_SECONDS = 1.0
IDLE_SECONDS = 15.0


@dataclass(frozen=True, eq=False)
class NavigationRequest:
    """A request of one tab to another, which then opens: to use this model, and to show this photo.

    `target_class` is the number of the class to explain, the most probable one where it is absent; `contrast_class`
    that of a class to compare it with. To Fine-tune it is the model that a training with this `preset` starts from. Two
    requests are never equal, so that each of them causes a change.
    """

    model: str
    photo: ReceivedPhoto | None = None
    target_class: int | None = None
    contrast_class: int | None = None
    preset: str | None = None


@dataclass(frozen=True)
class ChosenReading:
    """How a visitor wants the photos of a folder to be read."""

    folder: str
    reading: Reading


def reading_for(chosen: ChosenReading | None, folder: str) -> Reading:
    """How a folder is to be read; what was chosen for another one does not count."""
    return chosen.reading if chosen is not None and chosen.folder == folder else AS_IT_SEEMS


class Session:
    """Components that hold one visitor's things; a page has one of these, and Gradio a copy for each visitor.

    `visitor` is a secret that the browser keeps: on a public page, runs and models belong to the one who knows it.
    `run` is the name of the run that is shown, `settings_form` what was chosen for the next, and `classify_choices`
    what was chosen on the Classify tab; they come from the browser, so anything may stand there. `dataset` is the
    folder of the photos in hand, `reading` how one is to be read (`ChosenReading`), and `navigation`
    the newest request to each tab; these are known to the server alone.
    `clock` has a `tick` every `IDLE_SECONDS`, and every `TICK_SECONDS` while there is something to watch and it is
    visible; none while the whole page is hidden.
    `address` is the page's address; `badge` tells of a run that goes on, or has ended since `looked`, a time in seconds
    since 1970 that the browser keeps: anything may stand there.
    """

    def __init__(self) -> None:
        def stored(name: str) -> Any:
            return gr.BrowserState(None, storage_key=f"resnet_demo.{name}", secret="resnet_demo")  # noqa: S106

        self.visitor = stored("visitor")
        self.run = stored("run")
        self.settings_form = stored("knobs")  # the key under which browsers have it
        self.looked = stored("looked")
        self.classify_choices = stored("classify")
        self.dataset = gr.State(None)
        self.reading = gr.State(None)
        self.navigation = {name: gr.State(None) for name in TABS}
        # Not a gr.Timer: that ticks on where nobody sees it.
        self.clock: Any = gr.HTML(
            value=IDLE_SECONDS,
            idle=IDLE_SECONDS,
            html_template="",
            js_on_load=static("clock.js"),
            apply_default_css=False,
            elem_id="clock",
        )
        self.address: Any = None
        self.badge: Any = None
        self._on_load: list[tuple[dict[str, Any], ...]] = []

    def on_load(self, *events: dict[str, Any]) -> None:
        """Run events, one after the other, once a page is opened and its visitor is known."""
        self._on_load.append(events)

    def lay_out_header(self, translations: Translations) -> None:
        """Lay out what the page's header shows of the session, here."""
        self.address = create_address(translations)
        self.badge = gr.HTML("", js_on_load=static("badge.js"), apply_default_css=False, elem_id="run-badge")

    def connect(self, demo: gr.Blocks) -> None:
        """Give a browser that comes for the first time its secret, then do what was asked for; to be called last."""
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        browser = [self.visitor, self.looked]
        known = demo.load(_recognise, browser, browser, queue=False, **quietly)
        run_of_address: dict[str, Any] = {"fn": None, "inputs": self.run, "outputs": self.run, "js": RUN_OF_ADDRESS}
        known = known.then(**run_of_address, **quietly)
        self.address.ask(**run_of_address, **quietly)
        for events in self._on_load:
            before = known
            for event in events:
                before = before.then(**{**quietly, **event})


def _recognise(known: object, looked: object) -> tuple[str, float]:
    """The visitor's secret, a new one for a browser that has none, which has seen all that ended before it came."""
    token = Visitor.from_browser(known).token or secrets.token_hex(TOKEN_BYTES)
    return token, looked if isinstance(looked, float) and 0 < looked <= time.time() else time.time()
