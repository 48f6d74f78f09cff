"""The choice of a model: a list that is fresh whenever it is opened, and what the chosen model knows."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from resnet_demo import catalogue
from resnet_demo.download import Progress
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import DEFAULT_LANGUAGE, text
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session


def telling_download(progress: gr.Progress, language: str) -> Progress:
    """What tells a visitor how much of a model has been downloaded."""

    def tell(done: int, total: int | None) -> None:
        so_far = (done // MEGABYTE, total and total // MEGABYTE)
        progress(so_far, desc=text("classify.downloading", language), unit="MB")

    return tell


class ModelChoice:
    """A dropdown and, where `make_note` is called, a note; on a public page a visitor sees no other's own models."""

    def __init__(self, words: Words, services: Services, session: Session, elem_id: str) -> None:
        self._services = services
        self._context = [words.selector, session.visitor]
        self._quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        self.dropdown = words.make(
            gr.Dropdown,
            {"label": "classify.model", "info": self._hint},
            value=catalogue.default(services.settings),
            choices=self._choices(DEFAULT_LANGUAGE, None),
            allow_custom_value=services.settings.local_paths_allowed,
            elem_id=elem_id,
        )
        self._words = words
        words.tell_first(self.dropdown, {"choices": lambda language: self._choices(language, None)})
        # Not one of the words: those know no visitor, and two updates of one list would race.
        gr.on(None, self._list, self._context, self.dropdown, **self._quietly)
        self.dropdown.focus(self._list, self._context, self.dropdown, **self._quietly)

    def make_note(self) -> None:
        """What the chosen model knows; its place is where this is called."""
        model = self.dropdown.value
        known = {"value": lambda language: self._knows(model, language, None)}
        note = self._words.make_first(gr.HTML, known, elem_classes="note")
        # Unread, since the choice may be one that is not in the list any more.
        gr.on(None, self._knows, [self.dropdown, *self._context], note, preprocess=False, **self._quietly)

    def choose(self, name: str, language: str, visitor: object) -> Any:
        """An update after which the model of this name is chosen, from a list in which it stands if it may."""
        return gr.update(choices=self._choices(language, visitor), value=name)

    def _list(self, language: str, visitor: object) -> Any:
        return gr.update(choices=self._choices(language, visitor))

    def _choices(self, language: str, visitor: object) -> list[tuple[str, str]]:
        return [(entry.say(language), entry.name) for entry in self._services.models(visitor)]

    def _knows(self, model: object, language: str, visitor: object) -> str:
        """A sentence, as HTML."""
        found = (entry.say_knows(language) for entry in self._services.models(visitor) if entry.name == model)
        return escape(next(found, text("classify.knows_its_own", language)))

    def _hint(self, language: str) -> str:
        local = self._services.settings.local_paths_allowed
        return text("classify.model_hint.local" if local else "classify.model_hint.public", language)
