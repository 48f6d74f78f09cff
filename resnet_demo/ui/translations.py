"""Translations of the page: which component shows which text, and the switch between languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import gradio as gr
import jinja2
from gradio.routes import templates

from resnet_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, text
from resnet_demo.ui.visitor_context import current_language, say, speaking
from resnet_demo.ui.visitor_language import COOKIE, visitor_language

# A text's key, or a function to whatever the property holds in the current language.
Translatable = str | Callable[[], object]

# Gradio follows neither the page's language nor its title once the page is shown.
SET_PAGE_LANGUAGE = """(language) => {
    document.documentElement.lang = language;
    document.title = %s[language];
}"""
# In the frame of a Space only a partitioned cookie is kept.
STORE_CHOICE = """(language) => {
    const where = location.protocol === "https:" ? "samesite=none; secure; partitioned" : "samesite=lax";
    document.cookie = `%s=${language}; path=/; max-age=31536000; ${where}`;
}"""
_FILTER = "toorjson"


class Translations:
    """The translated properties of a page's components.

    A component made by `create` comes in the visitor's language, and is updated whenever the language changes.
    `selector` holds the visitor's language, which `events.Events` gives to handlers.
    """

    def __init__(self) -> None:
        self._translated: list[tuple[Any, Mapping[str, Translatable]]] = []
        self._initial: list[tuple[Any, Mapping[str, Translatable]]] = []
        self.selector: Any = None
        self._props_in = lru_cache(len(LANGUAGES))(self._props)

    def create(self, kind: Callable[..., Any], texts: Mapping[str, Translatable], **options: Any) -> Any:
        """A new component of `kind`; the properties in `texts` are translated, `options` are passed on as they are."""
        component = kind(**_translate(texts, DEFAULT_LANGUAGE), **options)
        self._translated.append((component, texts))
        return component

    def create_initial(self, kind: Callable[..., Any], texts: Mapping[str, Translatable], **options: Any) -> Any:
        """As `create`, but translated only when the page is opened; handlers that change these texts translate them."""
        component = kind(**_translate(texts, DEFAULT_LANGUAGE), **options)
        self.set_initial(component, texts)
        return component

    def set_initial(self, component: Any, texts: Mapping[str, Translatable]) -> None:
        """Open the page with these texts in a component that already exists and was made in the default language."""
        self._initial.append((component, texts))

    def create_selector(self) -> None:
        """Lay out the choice of the language, here."""
        choices = [(name, language) for language, name in LANGUAGES.items()]
        self.selector = self.create(
            gr.Radio,
            {"label": "page.language", "value": current_language},
            choices=choices,
            show_label=False,
            container=False,
            interactive=True,
            min_width=0,
            elem_id="language",
        )

    def connect(self, demo: gr.Blocks) -> None:
        """Connect the switch to all translated components; to be called last."""
        titles = {language: text("page.title", language) for language in LANGUAGES}
        set_page_language = SET_PAGE_LANGUAGE % json.dumps(titles)
        components = [component for component, _ in self._translated]
        quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}

        def switch(language: str) -> dict[Any, Any]:
            return {component: gr.update(**_translate(texts, language)) for component, texts in self._translated}

        demo.load(None, self.selector, None, js=set_page_language)
        switched = self.selector.input(switch, self.selector, components, **quietly, trigger_mode="always_last")
        switched.then(None, self.selector, None, js=set_page_language)
        switched.then(None, self.selector, None, js=STORE_CHOICE % COOKIE)
        demo.translations = self

    def translate_config(self, config: dict[str, Any], language: str) -> None:
        """Translate a page's config, which Gradio's script is given, into `language`.

        An update of all components as soon as the page is shown would be seen, and Gradio 6.31 may tell of the
        selector's change without end where it comes before all of the page's parts are there.
        """
        if language != DEFAULT_LANGUAGE:
            texts = self._props_in(language)
            for component in config["components"]:
                component["props"].update(texts.get(component["id"], {}))

    def _props(self, language: str) -> dict[int, dict[str, object]]:
        """Of each component the properties that differ from those in the default language, by its id."""
        found: dict[int, dict[str, object]] = {}
        for component, texts in (*self._translated, *self._initial):
            made, translated = (
                type(component)(
                    **{**component.constructor_args, **_translate(texts, one), "render": False}
                ).get_config()
                for one in (DEFAULT_LANGUAGE, language)
            )
            other = {name: value for name, value in translated.items() if value != made.get(name)}
            found.setdefault(component._id, {}).update(other)
        return found


def translate_page() -> None:
    """Have Gradio deliver each page in the language of its visitor; calling it again changes nothing.

    Raises:
        RuntimeError: this Gradio makes its page in another way.
    """
    write = templates.env.filters.get(_FILTER)
    if getattr(write, "__module__", "") == __name__:
        return
    loader = templates.env.loader
    source = loader.get_source(templates.env, "frontend/index.html")[0] if loader is not None else ""
    if write is None or f"config | {_FILTER}" not in source:
        raise RuntimeError(f"gradio {gr.__version__} puts its config into the page in another way")

    @jinja2.pass_context
    def write_translated(context: jinja2.runtime.Context, value: Any) -> Any:
        request = context.get("request")
        translations = (
            getattr(request.app.get_blocks(), "translations", None) if value is context.get("config") else None
        )
        if translations is not None:
            translations.translate_config(value, visitor_language(request.headers))
        return write(value)

    templates.env.filters[_FILTER] = write_translated


def _translate(texts: Mapping[str, Translatable], language: str) -> dict[str, object]:
    with speaking(language):
        return {name: say(key) if isinstance(key, str) else key() for name, key in texts.items()}
