"""Requests that another site caused, as the browser itself says: they reach nothing but the page.

Browsers tell with `Sec-Fetch-*` headers, which no script can set, who caused a request: this page (`same-origin`), the
person at the keyboard (`none`), or another site. Links, frames, pictures and redirects of other sites carry no
`Origin`, so that nothing else would stop them. Programs and old browsers send none of these headers, and neither does
a browser that reaches the page without TLS by another name than localhost.
"""

from __future__ import annotations

from starlette.datastructures import Headers

OURS = frozenset({"same-origin", "none"})
# A Space's page stands in a frame of its host's; the content policy says who else may frame this one.
WINDOWS = frozenset({"document", "iframe"})


def is_foreign(headers: Headers) -> bool:
    """Whether another site caused the request; one on another port of this machine is another site too."""
    return headers.get("sec-fetch-site", "none") not in OURS


def opens_a_window(headers: Headers) -> bool:
    """Whether what is asked for will be shown in a window or a frame of its own, out of the asking site's reach."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in WINDOWS
