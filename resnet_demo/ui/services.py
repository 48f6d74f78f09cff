"""What the page shares between visitors: models kept in memory, and the work done for each visitor's newest wish."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_demo import catalogue
from resnet_demo.catalogue import Entry
from resnet_demo.data.images import Problem
from resnet_demo.models import places, pretrained
from resnet_demo.models.places import Stamp
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError
from resnet_demo.ui import time_limit
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.errors import hide_places
from resnet_demo.ui.results import Results
from resnet_demo.ui.runs import Runs

if TYPE_CHECKING:
    from resnet_demo.data.preprocessing import View
    from resnet_demo.inference import Classifier

Progress = Callable[[int, int | None], None]
Key = tuple[str, Stamp | None]

MODELS_KEPT = 3
"""A page that compares two models and a third still answers at once.

A ResNet-152 has 60 million weights, 241 MB. With the folded copy that runs it, each holds 480 MB, and up to 240 MB more
for each faster engine that was tried and kept.
"""

AT_A_TIME = 2
"""Visitors served together; the network uses every core for each, so more would only wait for each other."""

SECONDS_BETWEEN_VIEWS = 0.7

MOST_NEWEST = 1_000
"""Sessions whose newest wish is known; more are never under way."""


class Services:
    """One for each page, safe to call from any thread; heavy modules are imported on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs = Runs(settings)
        if settings.public:
            hide_places(settings)
        self._lock = threading.Lock()
        self._opening: dict[Key, threading.Lock] = {}
        self._classifiers: OrderedDict[Key, Classifier] = OrderedDict()
        self._wishes = itertools.count()
        self._newest: OrderedDict[str, int] = OrderedDict()

    def models(self, visitor: object = None) -> list[Entry]:
        """What `classifier` can be asked for by name; of what runs have kept, only what this visitor may see."""
        return catalogue.listed(self.settings, self.runs.listed(visitor))

    def classifier(self, name: str, progress: Progress | None = None, visitor: object = None) -> Classifier:
        """The classifier of this name, from memory or opened now; two visitors who ask at once open it once.

        A saved model that has been replaced in its folder is opened anew.

        Raises:
            AppError: no such model, one that a stranger may not name, or weights that cannot be had.
        """
        if not self.settings.local_paths_allowed and not self._offers(name, visitor):
            raise AppError("services.unlisted_model")
        folder = places.folder_of(name, self.settings)
        key = name, None if folder is None else places.stamp(folder)
        with self._lock:
            if key in self._classifiers:
                return self._kept(key)
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            with self._lock:
                if key in self._classifiers:
                    return self._kept(key)
            try:
                return self._open(key, progress)
            finally:
                with self._lock:
                    if self._opening.get(key) is opening:
                        del self._opening[key]

    def _offers(self, name: str, visitor: object) -> bool:
        """Whether `models` has it; the others are not asked for, since a camera asks with every frame."""
        if pretrained.offers(name, self.settings) or name in places.shipped_names(self.settings):
            return True
        try:
            return catalogue.of_run(self.runs.find(name, visitor)) is not None
        except AppError:
            return False

    def _kept(self, key: Key) -> Classifier:
        self._classifiers.move_to_end(key)
        return self._classifiers[key]

    def _open(self, key: Key, progress: Progress | None) -> Classifier:
        from resnet_demo.inference import Classifier, open_model

        name, _ = key
        classifier = Classifier(open_model(name, self.settings, progress), self.settings)
        with self._lock:
            for replaced in [other for other in self._classifiers if other[0] == name]:
                del self._classifiers[replaced]
            self._classifiers[key] = classifier
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
        visitor: object = None,
    ) -> Generator[Results]:
        """Answer all photos; the results so far, now and then, and at last the complete ones.

        Ends early, without the complete ones, once the same session wishes for something newer. A photo that is there
        several times is answered once, for each of its names.

        Raises:
            AppError: as `classifier` does.
            TooLongError: others have waited long enough; what was given last has the answers before that.
        """
        with self._lock:  # or an older wish might take the place of a newer one
            self._newest[session] = wish = next(self._wishes)
            self._newest.move_to_end(session)
            while len(self._newest) > MOST_NEWEST:
                self._newest.popitem(last=False)
        classifier = self.classifier(model, progress, visitor)
        results = Results(len(photos), top, classifier.model, self.settings.max_pixels)
        started = shown = time.monotonic()
        given = False
        try:
            for _ in self._fill(results, photos, classifier, view):
                time_limit.go_on()
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

        given: dict[Path, Prediction] = {}
        answers = classifier.classify(
            list(dict.fromkeys(photo.path for photo in photos if photo.path)), results.top, view
        )
        for photo in photos:
            if photo.path is None:
                results.add(photo, Prediction(photo.name, problem=self._too_large(photo)))
            else:
                if photo.path not in given:
                    given[photo.path] = next(answers)
                results.add(photo, given[photo.path])
            yield

    def forget(self, session: str) -> None:
        """Stop what is under way for a session that has ended."""
        with self._lock:
            self._newest.pop(session, None)

    def _too_large(self, photo: ReceivedPhoto) -> Problem:
        return Problem(photo.name, "file_too_large", {"megabytes": self.settings.max_upload_bytes // MEGABYTE})
