"""What the page shares between visitors: models kept in memory, and the work done for each visitor's newest wish."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from resnet_demo.data.images import Problem
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.results import Results

if TYPE_CHECKING:
    from resnet_demo.data.preprocessing import View
    from resnet_demo.inference import Classifier
    from resnet_demo.models.pretrained import Choice

Progress = Callable[[int, int | None], None]

MODELS_KEPT = 3
"""A page that compares two models and a third still answers at once.

A ResNet-152 has 60 million weights, 241 MB. With the folded copy that runs it, each holds 480 MB, and up to 240 MB more
for each faster engine that was tried and kept.
"""

AT_A_TIME = 2
"""Visitors served together; the network uses every core for each, so more would only wait for each other."""

SECONDS_BETWEEN_VIEWS = 0.7


class Services:
    """One for each page, safe to call from any thread; heavy modules are imported on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._classifiers: OrderedDict[str, Classifier] = OrderedDict()
        self._wishes = itertools.count()
        self._newest: dict[str, int] = {}

    def models(self) -> list[Choice]:
        """What `classifier` can be asked for by name, those on this disk first."""
        from resnet_demo.models import pretrained

        return sorted(pretrained.available(self.settings), key=lambda choice: not choice.on_disk)

    def classifier(self, name: str, progress: Progress | None = None) -> Classifier:
        """The classifier of this name, from memory or opened now; two visitors who ask at once open it once.

        Raises:
            AppError: no such model, one that a stranger may not name, or weights that cannot be had.
        """
        if not self.settings.local_paths_allowed and name not in {choice.name for choice in self.models()}:
            raise AppError("services.unlisted_model")
        with self._lock:
            if name in self._classifiers:
                return self._kept(name)
            opening = self._opening.setdefault(name, threading.Lock())
        with opening:
            with self._lock:
                if name in self._classifiers:
                    return self._kept(name)
            try:
                return self._open(name, progress)
            finally:
                with self._lock:
                    if self._opening.get(name) is opening:
                        del self._opening[name]

    def _kept(self, name: str) -> Classifier:
        self._classifiers.move_to_end(name)
        return self._classifiers[name]

    def _open(self, name: str, progress: Progress | None) -> Classifier:
        from resnet_demo.inference import Classifier, open_model

        classifier = Classifier(open_model(name, self.settings, progress), self.settings)
        with self._lock:
            self._classifiers[name] = classifier
            while len(self._classifiers) > MODELS_KEPT:
                self._classifiers.popitem(last=False)
        return classifier

    def classify(
        self,
        photos: Sequence[ReceivedPhoto],
        model: str,
        view: View,
        top: int,
        session: str,
        progress: Progress | None = None,
    ) -> Generator[Results]:
        """Answer all photos; the results so far, now and then, and at last the complete ones.

        Ends early, without the complete ones, once the same session wishes for something newer.

        Raises:
            AppError: as `classifier` does.
        """
        with self._lock:  # or an older wish might take the place of a newer one
            self._newest[session] = wish = next(self._wishes)
        classifier = self.classifier(model, progress)
        results = Results(len(photos), top, classifier.model, self.settings.max_pixels)
        started = shown = time.monotonic()
        given = False
        try:
            for _ in self._fill(results, photos, classifier, view):
                if self._newest.get(session) != wish:
                    results.discard()  # nobody will see more of it, and the newer wish takes its place on the page
                    return
                if time.monotonic() - shown > SECONDS_BETWEEN_VIEWS and not results.complete:
                    given = True
                    yield results
                    shown = time.monotonic()
            results.seconds = time.monotonic() - started
            given = True
            yield results
        except BaseException:  # GeneratorExit too
            if not given:  # or else the one who shows them discards them
                results.discard()
            raise

    def _fill(
        self, results: Results, photos: Sequence[ReceivedPhoto], classifier: Classifier, view: View
    ) -> Iterator[None]:
        """Add one photo after the other to `results`."""
        from resnet_demo.inference import Prediction

        answers = classifier.classify([photo.path for photo in photos if photo.path], results.top, view)
        for photo in photos:
            results.add(photo, next(answers) if photo.path else Prediction(photo.name, problem=self._too_large(photo)))
            yield

    def forget(self, session: str) -> None:
        """Stop what is under way for a session that has ended."""
        with self._lock:
            self._newest.pop(session, None)

    def _too_large(self, photo: ReceivedPhoto) -> Problem:
        return Problem(photo.name, "file_too_large", {"megabytes": self.settings.max_upload_bytes // MEGABYTE})
