"""Latest requests: of each session only the newest request is carried on, until it is stopped."""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_SESSIONS = 1_000
"""Sessions whose latest request is known; more are never under way."""


class Request:
    """One request of a session: `is_newest` until there is a newer one, `stopped` once its visitor wants no more."""

    def __init__(self) -> None:
        self.is_newest = True
        self.stopped = False

    @property
    def goes_on(self) -> bool:
        """Whether it is to be carried on."""
        return self.is_newest and not self.stopped


class LatestRequests:
    """The newest request of each session; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: OrderedDict[str, Request] = OrderedDict()

    def begin(self, session: str) -> Request:
        """Begin a request, which supersedes the session's earlier ones."""
        request = Request()
        with self._lock:
            self._supersede(session)
            self._latest[session] = request
            while len(self._latest) > MOST_SESSIONS:
                self._supersede(next(iter(self._latest)))
        return request

    def stop(self, session: str) -> None:
        """Carry on no further with the newest request of the session; what it has done is kept."""
        with self._lock:
            if session in self._latest:
                self._latest[session].stopped = True

    def end(self, session: str) -> None:
        """The session has ended: nothing that it asked for is the newest any more."""
        with self._lock:
            self._supersede(session)

    def _supersede(self, session: str) -> None:
        request = self._latest.pop(session, None)
        if request is not None:
            request.is_newest = False
