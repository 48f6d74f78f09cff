"""What other places show of a link to the page: our title, description and icon in its language, not Gradio's."""

from __future__ import annotations

import re
from collections.abc import Callable

import gradio as gr
import jinja2
from gradio.routes import templates
from markupsafe import Markup

from resnet_demo.texts import text
from resnet_demo.ui.visitor_language import visitor_language

_NAME = "link_preview"
_GRADIOS = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*>')
_PLACE = '<meta charset="utf-8" />'
_TAGS = Markup(
    '<meta property="og:type" content="website" /><meta name="twitter:card" content="summary" />'
    '<meta property="og:title" content="{title}" /><meta property="og:description" content="{description}" />'
    '<meta name="description" content="{description}" /><meta property="og:image" content="{image}" />'
)


def write_previews() -> None:
    """Have Gradio's page carry our tags; to be called before its scripts are marked, more than once is no harm.

    Raises:
        RuntimeError: this Gradio makes its page in another way.
    """
    if _NAME in templates.env.globals:
        return
    loader = templates.env.loader
    source = loader.get_source(templates.env, "frontend/index.html")[0] if loader is not None else ""
    if loader is None or _PLACE not in source or not _GRADIOS.search(source):
        raise RuntimeError(f"gradio {gr.__version__} has no template frontend/index.html with a preview to replace")
    templates.env.globals[_NAME] = _preview
    templates.env.loader = _Replacing(loader)
    if templates.env.cache is not None:
        templates.env.cache.clear()


@jinja2.pass_context
def _preview(context: jinja2.runtime.Context) -> Markup:
    language, root = visitor_language(context["request"].headers), str(context["config"].get("root", ""))
    said = {name: text(f"page.{name}", language) for name in ("title", "description")}
    return _TAGS.format(**said, image=f"{root.rstrip('/')}/pwa_icon/512")


class _Replacing(jinja2.BaseLoader):
    """Templates as another loader has them, with our preview in place of Gradio's."""

    def __init__(self, inner: jinja2.BaseLoader) -> None:
        self.inner = inner

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The source of one template, as Jinja asks for it."""
        source, file, fresh = self.inner.get_source(environment, template)
        return _GRADIOS.sub("", source).replace(_PLACE, f"{_PLACE}{{{{ {_NAME}() }}}}", 1), file, fresh
