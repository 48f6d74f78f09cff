"""The page in the visitor's language: which component shows which sentence, and the switch between languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import gradio as gr
import jinja2
from gradio.routes import templates

from resnet_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, text
from resnet_demo.ui.visitor_language import COOKIE, visitor_language

# A key into the texts, or a function from a language to whatever the property holds.
Said = str | Callable[[str], object]

# Gradio follows neither the page's language nor its title once the page is shown.
TELL_BROWSER = """(language) => {
    document.documentElement.lang = language;
    document.title = %s[language];
}"""
# In the frame of a Space only a partitioned cookie is kept.
KEEP_CHOICE = """(language) => {
    const where = location.protocol === "https:" ? "samesite=none; secure; partitioned" : "samesite=lax";
    document.cookie = `%s=${language}; path=/; max-age=31536000; ${where}`;
}"""
_FILTER = "toorjson"


class Words:
    """The register of a page's texts.

    A component made by `make` shows its sentences at once, in the language of the visitor, and again whenever the
    language changes. Handlers that say something take `selector` as an input: it holds the visitor's language.
    """

    def __init__(self) -> None:
        self._made: list[tuple[Any, Mapping[str, Said]]] = []
        self._at_first: list[tuple[Any, Mapping[str, Said]]] = []
        self.selector: Any = None
        self._props_in = lru_cache(len(LANGUAGES))(self._props)

    def make(self, kind: Callable[..., Any], said: Mapping[str, Said], **options: Any) -> Any:
        """A new component of `kind` whose properties named in `said` are texts; `options` go to it as they are."""
        component = kind(**_spoken(said, DEFAULT_LANGUAGE), **options)
        self._made.append((component, said))
        return component

    def make_first(self, kind: Callable[..., Any], said: Mapping[str, Said], **options: Any) -> Any:
        """As `make`, of texts that the page is opened with and handlers change: they follow the language themselves."""
        component = kind(**_spoken(said, DEFAULT_LANGUAGE), **options)
        self.tell_first(component, said)
        return component

    def tell_first(self, component: Any, said: Mapping[str, Said]) -> None:
        """Have the page opened with these texts, too, in a component that was made already, of their default ones."""
        self._at_first.append((component, said))

    def make_selector(self) -> None:
        """The choice of the language; its place is where this is called."""
        choices = [(name, language) for language, name in LANGUAGES.items()]
        self.selector = self.make(
            gr.Radio,
            {"label": "page.language", "value": lambda language: language},
            choices=choices,
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

        def switch(language: str) -> list[Any]:
            return [gr.update(**_spoken(said, language)) for _, said in self._made]

        demo.load(None, self.selector, None, js=tell_browser)
        switched = self.selector.input(switch, self.selector, components, **quietly)
        switched.then(None, self.selector, None, js=tell_browser)
        switched.then(None, self.selector, None, js=KEEP_CHOICE % COOKIE)
        demo.words = self

    def put_into(self, config: dict[str, Any], language: str) -> None:
        """Have a page's config, as Gradio's script gets it, speak `language`.

        An update of all components as soon as the page is shown would be seen, and Gradio 6.31 may tell of the
        selector's change without end where it comes before all of the page's parts are there.
        """
        if language != DEFAULT_LANGUAGE:
            said = self._props_in(language)
            for component in config["components"]:
                component["props"].update(said.get(component["id"], {}))

    def _props(self, language: str) -> dict[int, dict[str, object]]:
        """Of each component what its config has otherwise than in the language that the page was made in."""
        found: dict[int, dict[str, object]] = {}
        for component, said in (*self._made, *self._at_first):
            made, spoken = (
                type(component)(**{**component.constructor_args, **_spoken(said, one), "render": False}).get_config()
                for one in (DEFAULT_LANGUAGE, language)
            )
            other = {name: value for name, value in spoken.items() if value != made.get(name)}
            found.setdefault(component._id, {}).update(other)
        return found


def speak_to_each_visitor() -> None:
    """Have Gradio's page come in the language of the visitor who asks for it; more than once is no harm.

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
    def write_spoken(context: jinja2.runtime.Context, value: Any) -> Any:
        request = context.get("request")
        words = getattr(request.app.get_blocks(), "words", None) if value is context.get("config") else None
        if words is not None:
            words.put_into(value, visitor_language(request.headers))
        return write(value)

    templates.env.filters[_FILTER] = write_spoken


def _spoken(said: Mapping[str, Said], language: str) -> dict[str, object]:
    return {name: text(key, language) if isinstance(key, str) else key(language) for name, key in said.items()}
