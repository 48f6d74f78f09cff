"""Errors in a handler, as the visitor reads them: a sentence, or a number under which the log has the traceback."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from resnet_demo.data.dataset_storage import free_bytes
from resnet_demo.data.disk_usage import DISK_FULL
from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError, visible
from resnet_demo.ui.visitor_context import current_language, say

log = logging.getLogger(__name__)
SHOWN_SECONDS = 30.0

_redacted: set[str] = set()


def redact_folders_of(settings: Settings) -> None:
    """Have `redact_paths` hide where this app's folders lie; for a public page."""
    folders = (settings.home, settings.weights, settings.built_in_models, get_upload_folder())
    _redacted.update(str(folder) for folder in folders if folder)


def redact_paths(said: str) -> str:
    """A sentence, or HTML, without the paths that public visitors must not see."""
    for folder in sorted(_redacted, key=len, reverse=True):
        said = said.replace(folder, "…").replace(escape(folder), "…")
    return said


class VisitorError(gr.Error):  # type: ignore[misc]
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
def visitor_errors() -> Iterator[None]:
    """Turn whatever is raised inside into a `VisitorError` in the current language."""
    try:
        yield
    except AppError as error:
        raise VisitorError(redact_paths(error.say(current_language()))) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            log.warning("The disk is full: %s", error)
            raise VisitorError(redact_paths(disk_full_error().say(current_language()))) from error
        if is_out_of_memory(error):
            log.warning("Memory has run out: %s", error)
            raise VisitorError(say("train.problem.out_of_memory")) from error
        number = secrets.token_hex(3)
        log.exception("Error %s", number)
        raise VisitorError(say("page.unexpected", number=number)) from error


@contextmanager
def plain_text_errors() -> Iterator[None]:
    """Around `visitor_errors`, where a program is answered, which shows no HTML."""
    try:
        yield
    except VisitorError as error:
        raise gr.Error(error.said, print_exception=False) from error


def disk_full_error() -> AppError:
    """The error for a full disk: that of the uploads and of what is made of them for the page."""
    folder = Path(get_upload_folder())
    existing = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), folder)
    return AppError("dataset_storage.problem.disk_full", folder=str(folder), free=free_bytes(existing) // MEGABYTE)
