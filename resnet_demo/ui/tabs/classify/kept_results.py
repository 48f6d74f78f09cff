"""Results kept for a browser that comes again: each visitor's last ones, for a while, known by the visitor's secret."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resnet_demo.settings import Settings
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.tabs.classify.results import Results

MOST_VISITORS = 200
"""Visitors whose results are kept; those who came the longest ago go first."""
MOST_PHOTOS = 50_000
"""Photos in all results that are kept: each has about 2 kB of answers in memory, and 6 kB of thumbnails on the disk."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What the tab showed last: the photos, and their results."""

    photos: Sequence[ReceivedPhoto]
    results: Results
    since: float


class KeptResults:
    """The last results of each visitor, bounded in time, visitors and photos; safe to call from any thread.

    Nothing is kept for a visitor without a secret, and nothing is found by anything else than that secret.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = settings.keep_seconds, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, token: str | None, photos: Sequence[ReceivedPhoto], results: Results) -> None:
        """Keep these in the place of the visitor's last ones."""
        if token is None or not results.files.hold():
            return
        with self._lock:
            gone = [self._kept.pop(token)] if token in self._kept else []
            self._kept[token] = Kept(photos, results, self._clock())
            gone += self._take_surplus()
        for one in gone:
            one.results.files.discard()

    def find(self, token: str | None) -> Kept | None:
        """The visitor's last results, if they are still kept; who takes them holds their files and discards them."""
        with self._lock:
            gone = self._take_surplus()
            found = None if token is None else self._kept.get(token)
            held = found is not None and found.results.files.hold()
        for one in gone:
            one.results.files.discard()
        return found if held else None

    def _take_surplus(self) -> list[Kept]:
        """Take out those that are too old or too many."""
        gone = []
        while self._kept:
            oldest = next(iter(self._kept.values()))
            too_old = self._clock() - oldest.since > self._seconds
            photos = sum(one.results.photos for one in self._kept.values())
            if not (too_old or len(self._kept) > MOST_VISITORS or (photos > MOST_PHOTOS and len(self._kept) > 1)):
                break
            gone.append(self._kept.popitem(last=False)[1])
        return gone
