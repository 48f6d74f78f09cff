"""Visitor context: whose event is carried out, and in which language it is answered.

Both are context variables that `events.Events` sets for as long as a handler runs, in whatever thread that is. Outside
of an event (while the page is built, for programs, in threads of our own) the default language holds, and no visitor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from resnet_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, Field, known_language, text

TOKEN_BYTES = 16
_TOKEN = re.compile(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}")


@dataclass(frozen=True)
class Visitor:
    """One visitor of the page; `token` is the secret that the browser keeps, None where it has none that is valid."""

    token: str | None = None

    @classmethod
    def from_browser(cls, sent: object) -> Visitor:
        """The visitor who sent this, which may be anything."""
        return cls(sent if isinstance(sent, str) and _TOKEN.fullmatch(sent) else None)


NOBODY = Visitor()

_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)
_visitor: ContextVar[Visitor] = ContextVar("visitor", default=NOBODY)


def current_language() -> str:
    """The language that is answered in: one of ours."""
    return _language.get()


def current_visitor() -> Visitor:
    """The visitor whose event is carried out."""
    return _visitor.get()


def say(key: str, **fields: Field) -> str:
    """The text behind `key` in the current language; as `texts.text`."""
    return text(key, current_language(), **fields)


@contextmanager
def speaking(language: object) -> Iterator[None]:
    """Inside, this is the current language, or the default one where it is none of ours."""
    before = _language.set(known_language(language))
    try:
        yield
    finally:
        _language.reset(before)


@contextmanager
def visited_by(visitor: Visitor) -> Iterator[None]:
    """Inside, this is the current visitor."""
    before = _visitor.set(visitor)
    try:
        yield
    finally:
        _visitor.reset(before)


def in_each_language(write: Callable[[], str]) -> list[str]:
    """What `write` makes in each of our languages."""
    written = []
    for language in LANGUAGES:
        with speaking(language):
            written.append(write())
    return written
