"""The page in the visitor's language: which component shows which sentence, and the switch between languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from resnet_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, best_language, text

# A key into the texts, or a function from a language to whatever the property holds.
Said = str | Callable[[str], object]

# Gradio follows neither the page's language nor its title once the page is shown.
TELL_BROWSER = """(language) => {
    document.documentElement.lang = language;
    document.title = %s[language];
}"""


class Words:
    """The register of a page's texts.

    A component made by `make` shows its sentences at once and again whenever the language changes. Handlers that say
    something take `selector` as an input: it holds the visitor's language.
    """

    def __init__(self) -> None:
        self._made: list[tuple[Any, Mapping[str, Said]]] = []
        # Above the tabs: Gradio reads and writes a BrowserState only once its tab has been opened.
        self._stored = gr.BrowserState(None, storage_key="resnet_demo.language", secret="resnet_demo")  # noqa: S106
        self.selector: Any = None

    def make(self, kind: Callable[..., Any], said: Mapping[str, Said], **options: Any) -> Any:
        """A new component of `kind` whose properties named in `said` are texts; `options` go to it as they are."""
        component = kind(**_spoken(said, DEFAULT_LANGUAGE), **options)
        self._made.append((component, said))
        return component

    def make_selector(self) -> None:
        """The choice of the language; its place is where this is called."""
        choices = [(name, language) for language, name in LANGUAGES.items()]
        self.selector = self.make(
            gr.Radio,
            {"label": "page.language"},
            choices=choices,
            value=DEFAULT_LANGUAGE,
            show_label=False,
            container=False,
            interactive=True,
            min_width=0,
            elem_id="language",
        )

    def connect(self, demo: gr.Blocks) -> None:
        """Wire the switch to all that was made; to be called last."""
        titles = {language: text("page.title", language) for language in LANGUAGES}
        tell_browser = TELL_BROWSER % json.dumps(titles)
        components = [component for component, _ in self._made]
        quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}

        def first(stored: object, request: gr.Request) -> list[Any]:
            language = stored if stored in list(LANGUAGES) else best_language(request.headers.get("accept-language"))
            if language == DEFAULT_LANGUAGE:  # the page was made in it
                return [gr.skip()] * len(components)
            return self._updates(language)

        def switch(language: str) -> list[Any]:
            return [language, *self._updates(language)]

        loaded = demo.load(first, self._stored, components, **quietly)
        loaded.then(None, self.selector, None, js=tell_browser)
        switched = self.selector.input(switch, self.selector, [self._stored, *components], **quietly)
        switched.then(None, self.selector, None, js=tell_browser)

    def _updates(self, language: Any) -> list[Any]:
        return [
            gr.update(**_spoken(said, language), **({"value": language} if component is self.selector else {}))
            for component, said in self._made
        ]


def _spoken(said: Mapping[str, Said], language: str) -> dict[str, object]:
    return {name: text(key, language) if isinstance(key, str) else key(language) for name, key in said.items()}
