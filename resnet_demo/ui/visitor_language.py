"""Which language a request is answered in: the one that the visitor chose on the page, else the browser's first."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from resnet_demo.texts import LANGUAGES, best_language

COOKIE = "resnet_demo_language"


class Headers(Protocol):
    """A request's headers, by name."""

    def get(self, key: str, /) -> str | None:
        """The header of this name."""


def visitor_language(headers: Headers) -> str:
    """The language for this request, whatever the cookie holds."""
    try:
        chosen = SimpleCookie(headers.get("cookie") or "").get(COOKIE)
    except CookieError:
        chosen = None
    if chosen is not None and chosen.value in LANGUAGES:
        return chosen.value
    return best_language(headers.get("accept-language"))
