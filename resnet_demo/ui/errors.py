"""What goes wrong in a handler, as the visitor reads it: a sentence, or a number under which the log has the whole."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from resnet_demo.data.disk_use import DISK_FULL
from resnet_demo.data.staging import free_bytes
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError, text, visible

log = logging.getLogger(__name__)
SHOWN_SECONDS = 30.0

_hidden: set[str] = set()


def hide_places(settings: Settings) -> None:
    """From now on this process tells nobody where its folders lie; for a page that strangers may reach."""
    places = (settings.home, settings.weights, settings.shipped, get_upload_folder())
    _hidden.update(str(place) for place in places if place)


def discreet(said: str) -> str:
    """A sentence, or HTML, without the paths that are hidden."""
    for place in sorted(_hidden, key=len, reverse=True):
        said = said.replace(place, "…").replace(escape(place), "…")
    return said


class SpokenError(gr.Error):  # type: ignore[misc]
    """A sentence for a visitor. Gradio shows `message` as HTML, in a toast: it is escaped; `said` is plain."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(_as_html(said), print_exception=False, duration=SHOWN_SECONDS)


def inform(said: str) -> None:
    """Show a sentence in a toast that is no error."""
    gr.Info(_as_html(said))


def warn(said: str) -> None:
    """Show a sentence in a toast that warns."""
    gr.Warning(_as_html(said))


def _as_html(said: str) -> str:
    return escape(visible(said))


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Turn whatever is raised inside into a `SpokenError` in the visitor's language."""
    try:
        yield
    except AppError as error:
        raise SpokenError(discreet(error.say(language))) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            log.warning("The disk is full: %s", error)
            raise SpokenError(discreet(no_room().say(language))) from error
        number = secrets.token_hex(3)
        log.exception("Error %s", number)
        raise SpokenError(text("page.unexpected", language, number=number)) from error


@contextmanager
def plain() -> Iterator[None]:
    """Around `spoken`, where a program is told, which shows no HTML."""
    try:
        yield
    except SpokenError as error:
        raise gr.Error(error.said, print_exception=False) from error


def no_room() -> AppError:
    """What to say where the disk that holds uploads, and what is made of them for the page, is full."""
    folder = Path(get_upload_folder())
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
    return AppError("staging.problem.disk_full", folder=str(folder), free=free_bytes(there) // MEGABYTE)
