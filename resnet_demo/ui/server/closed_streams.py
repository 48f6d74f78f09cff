"""Streams of events that end because their page is gone: no error, so the log has no traceback of it.

A page that is reloaded while work goes on leaves a stream behind. At its end Gradio 6.31 forgets the session's messages
and events, and another stream of the session, which is about to end as well, finds nothing under its name any more: a
`KeyError`, or "not found" in the middle of an answer. Nothing is lost by it, since whoever could have read on is gone;
where a page is still there, Gradio has told it by then that its session is no more.
"""

from __future__ import annotations

import logging

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resnet_demo.ui.security.allowed_routes import STREAM

log = logging.getLogger(__name__)


class ClosedStreams:
    """ASGI middleware: ends such a stream in good order; whatever else goes wrong in one is raised as it was."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http" or scope["path"] != STREAM:
            await self.app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except (KeyError, RuntimeError) as error:
            session = QueryParams(scope["query_string"]).get("session_hash")
            if not started or not (error.args == (session,) or isinstance(error.__cause__, HTTPException)):
                raise
            log.debug("The stream of session %s was left by its page", session)
            await send({"type": "http.response.body", "body": b""})
