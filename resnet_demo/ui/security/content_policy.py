"""What the browser lets our page run, load and send: its Content-Security-Policy.

A script runs only from a file of Gradio's, or inline with the nonce of its own answer. Gradio's index page has inline
scripts; they get their nonce in the template, before any content is put into it, so that nothing that is shown on the
page can bless itself. Handlers in HTML (`onerror=`) have no nonce and never run.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import gradio as gr
import jinja2
from gradio.routes import templates
from starlette.types import Scope

# 'unsafe-eval': Gradio makes functions out of the strings of its `js=` and of our `js_on_load`.
# Styles stay open: Gradio writes them into elements one by one, and they run nothing.
_POLICY = (
    "default-src 'self'; script-src 'self' {nonce}'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'{frames}"
)
_SPACE_FRAMES = " https://huggingface.co https://*.hf.space"
_NONCE = "script_nonce"

# Gradio's page for a share link is the same one with its script from another server, which the policy refuses.
_PAGES = {"frontend/index.html": "frontend/index.html", "frontend/share.html": "frontend/index.html"}
_SCRIPT = re.compile(r"<script(?=[\s>])", re.IGNORECASE)


def policy(scope: Scope, on_space: bool) -> str:
    """The policy of the answer to one request."""
    nonce = f"'nonce-{scope[_NONCE]}' " if _NONCE in scope else ""
    return _POLICY.format(nonce=nonce, frames=_SPACE_FRAMES if on_space else "")


def draw_nonce(scope: Scope) -> None:
    """Give the request for the page the nonce that the scripts in its answer will carry."""
    scope[_NONCE] = secrets.token_urlsafe(18)


def nonce_of(scope: Scope) -> str:
    """The nonce that was drawn for a request."""
    return str(scope[_NONCE])


def mark_scripts() -> None:
    """Have the scripts of Gradio's page carry the nonce of the request that asked for it; more than once is no harm.

    Raises:
        RuntimeError: this Gradio makes its page in another way. No page is better than one that does not run.
    """
    loader = templates.env.loader
    if isinstance(loader, _Marking):
        return
    if loader is None or not _SCRIPT.search(loader.get_source(templates.env, "frontend/index.html")[0]):
        raise RuntimeError(f"gradio {gr.__version__} has no template frontend/index.html whose scripts could be marked")
    templates.env.loader = _Marking(loader)
    if templates.env.cache is not None:
        templates.env.cache.clear()


class _Marking(jinja2.BaseLoader):
    """Templates as another loader has them, with a nonce in each script."""

    def __init__(self, inner: jinja2.BaseLoader) -> None:
        self.inner = inner

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The marked source of one template, as Jinja asks for it."""
        source, file, fresh = self.inner.get_source(environment, _PAGES.get(template, template))
        marked = _SCRIPT.sub(f"<script nonce=\"{{{{ request.scope['{_NONCE}'] }}}}\"", source)
        return marked, file, fresh
