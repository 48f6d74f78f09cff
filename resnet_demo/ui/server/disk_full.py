"""Errors of a full disk, as the visitor reads them: while an upload is stored, or an event's inputs or outputs.

Gradio 6.31 answers such an upload with a bare 500, and such an event with "Error".
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet_demo.data.disk_usage import DISK_FULL
from resnet_demo.texts import AppError
from resnet_demo.ui.errors import disk_full_error, redact_paths, visitor_errors
from resnet_demo.ui.security.allowed_routes import UPLOAD
from resnet_demo.ui.visitor_context import speaking
from resnet_demo.ui.visitor_language import visitor_language

log = logging.getLogger(__name__)
OK, INSUFFICIENT_STORAGE = 200, 507


class FailedUploads:
    """ASGI middleware around the app: an upload that cannot be stored is answered with status 507 and a sentence.

    Of an upload that came to nothing, whatever the reason, parts lie at the top of the folder of uploads, unknown to
    Gradio; whole files are in folders of their own. They go as soon as no other upload is under way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._under_way = 0
        self._broken_off = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http" or not scope["path"].startswith(UPLOAD):
            await self.app(scope, receive, send)
            return
        status = 0

        async def reply(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        self._under_way += 1
        try:
            await self.app(scope, receive, reply)
        except OSError as error:
            if status or isinstance(error, ConnectionError):
                raise
            log.warning("An upload cannot be stored: %s", error)
            language = visitor_language(Headers(scope=scope))
            said = redact_paths(_refusal(error).say(language))
            await PlainTextResponse(said, INSUFFICIENT_STORAGE)(scope, receive, send)
        finally:
            self._under_way -= 1
            self._broken_off |= status != OK
            if self._broken_off and not self._under_way:
                self._broken_off = False
                _delete_parts()  # not awaited: meanwhile no other upload can begin


def _delete_parts() -> None:
    folder = get_upload_folder()
    if not os.path.isdir(folder):  # noqa: PTH112  quicker, as scandir is, which knows what is a file
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    os.truncate(entry.path, 0)  # frees the space also while Gradio still has it open
                    Path(entry.path).unlink()


def _refusal(error: OSError) -> AppError:
    if error.errno in DISK_FULL:
        return disk_full_error()
    return AppError("dataset_storage.problem.folder", folder=get_upload_folder(), reason=error.strerror or str(error))


def report_full_disk(demo: gr.Blocks) -> None:
    """Have `demo` report a full disk while Gradio stores an event's inputs or outputs; handlers report their own."""
    process = demo.process_api

    async def process_and_report(*given: Any, request: Any = None, **options: Any) -> Any:
        headers = getattr(request, "headers", None) or {}
        try:
            return await process(*given, request=request, **options)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            with speaking(visitor_language(headers)), visitor_errors():
                raise

    demo.process_api = process_and_report
