"""The choice of a model: a list that is fresh whenever it is opened, and what the chosen model knows."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from resnet_demo import catalogue
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE
from resnet_demo.ui.events import Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

MOST_COMPARED = 3
"""Further models whose answers may stand beside those of the chosen one."""
KINDS = ("own", "built_in", "published")
"""The groups of the list, in their order."""
QUIETLY: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}


def download_progress(progress: gr.Progress) -> Progress:
    """A progress function that shows how much of a model has been downloaded."""

    said = say("classify.downloading")

    def tell(done: int, total: int | None) -> None:
        so_far = (done // MEGABYTE, total and total // MEGABYTE)
        progress(so_far, desc=said, unit="MB")

    return tell


class ModelChoice:
    """A dropdown and, where `make_note` is called, a note; on a public page a visitor sees no other's own models."""

    def __init__(self, translations: Translations, services: Services, session: Session, elem_id: str) -> None:
        self._services = services
        self._translations = translations
        self._session = session
        self._events = Events(translations, session)
        self.dropdown = translations.create(
            gr.Dropdown,
            {"label": "classify.model", "info": self._hint},
            value=catalogue.default(services.settings),
            choices=self.names(),
            allow_custom_value=services.settings.local_paths_allowed,
            elem_id=elem_id,
            elem_classes="model-choice",
        )
        self._keep_fresh(self.dropdown)
        gr.HTML(
            html_template="",
            list=elem_id,
            js_on_load=static("model_choice.js"),
            apply_default_css=False,
            elem_classes="model-choice-script",
        )

    def _keep_fresh(self, dropdown: Any) -> None:
        self._translations.set_initial(dropdown, {"choices": self.names})
        listed = gr.State(None)  # what the page has: a list that is sent again would end the visitor's search in it
        # Not translated by `create`, which knows no visitor; and two updates of one list would race.
        renew = self._events.handler(self.list_models, listed, [dropdown, listed], **QUIETLY)
        # Not on a change of `listed`, of which an event past the queue does not tell.
        self._session.on_load(renew)
        gr.on([self._translations.selector.change, dropdown.focus], **renew)

    def make_compared(self, elem_id: str) -> Any:
        """A list of models to compare with the chosen one; its place is where this is called."""
        compared = self._translations.create(
            gr.Dropdown,
            {"label": "classify.compared", "info": lambda: say("classify.compared_hint", most=MOST_COMPARED)},
            value=[],
            choices=self.names(),
            multiselect=True,
            max_choices=MOST_COMPARED,
            elem_id=elem_id,
            elem_classes="model-choice",
        )
        self._keep_fresh(compared)
        return compared

    def make_note(self) -> None:
        """What the chosen model knows; its place is where this is called."""
        model = self.dropdown.value
        note = self._translations.create_initial(gr.HTML, {"value": lambda: self.describe(model)}, elem_classes="note")
        # Unread, since the choice may be one that is not in the list any more.
        gr.on(None, **self._events.handler(self.describe, self.dropdown, note, preprocess=False, **QUIETLY))

    def choose(self, name: str) -> Any:
        """An update after which the model of this name is chosen, from a list in which it stands if it may."""
        return gr.update(choices=self.names(), value=name)

    def list_models(self, listed: object) -> Any:
        """Updates of a list to the models that there are now, and of what is known to be listed."""
        names = self.names()
        return gr.skip() if listed == names else [gr.update(choices=names), names]

    def describe(self, model: object) -> str:
        """What the model of this name knows: a sentence, as HTML."""
        found = (entry.say_knows(current_language()) for entry in self._services.models() if entry.name == model)
        return escape(next(found, say("classify.knows_its_own")))

    def names(self) -> list[tuple[str, str]]:
        """The list: for each model its words and its name, the visitor's own ones first."""
        models = sorted(self._services.models(), key=lambda entry: KINDS.index(entry.kind))
        return [(entry.choice(current_language()), entry.name) for entry in models]

    def _hint(self) -> str:
        local = self._services.settings.local_paths_allowed
        return say("classify.model_hint.local" if local else "classify.model_hint.public")
