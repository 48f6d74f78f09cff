"""What goes wrong in a handler, as the visitor reads it: a sentence, or a number under which the log has the whole."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import gradio as gr

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text

log = logging.getLogger(__name__)
SHOWN_SECONDS = 30.0

_hidden: set[str] = set()


def hide_places(settings: Settings) -> None:
    """From now on this process tells nobody where its folders lie; for a page that strangers may reach."""
    _hidden.update(str(place) for place in (settings.home, settings.weights, settings.shipped) if place)


def discreet(said: str) -> str:
    """A sentence, or HTML, without the paths that are hidden."""
    for place in sorted(_hidden, key=len, reverse=True):
        said = said.replace(place, "…").replace(escape(place), "…")
    return said


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Turn whatever is raised inside into a `gr.Error` in the visitor's language."""
    try:
        yield
    except AppError as error:
        raise gr.Error(discreet(error.say(language)), print_exception=False, duration=SHOWN_SECONDS) from error
    except Exception as error:
        number = secrets.token_hex(3)
        log.exception("Error %s", number)
        said = text("page.unexpected", language, number=number)
        raise gr.Error(said, print_exception=False, duration=SHOWN_SECONDS) from error
