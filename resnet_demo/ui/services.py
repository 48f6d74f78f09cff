"""What the page shares between visitors: settings, runs, and models in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from resnet_demo import catalogue
from resnet_demo.catalogue import Entry
from resnet_demo.models import model_folders, pretrained
from resnet_demo.models.model_folders import Stamp
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.errors import redact_folders_of
from resnet_demo.ui.runs import Runs

if TYPE_CHECKING:
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


class Services:
    """One for each page, safe to call from any thread; heavy modules are imported on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs = Runs(settings)
        if settings.public:
            redact_folders_of(settings)
        self._lock = threading.Lock()
        self._opening: dict[Key, threading.Lock] = {}
        self._classifiers: OrderedDict[Key, Classifier] = OrderedDict()
        self.when_session_ends: list[Callable[[str], None]] = []  # told the session's name

    def models(self) -> list[Entry]:
        """What `classifier` can be asked for by name; of what runs have kept, only what the visitor may see."""
        return catalogue.listed(self.settings, self.runs.listed())

    def classifier(self, name: str, progress: Progress | None = None) -> Classifier:
        """The classifier of this name, from memory or opened now; two visitors who ask at once open it once.

        A saved model or a file of weights that has been replaced is opened anew.

        Raises:
            AppError: no such model, one that a visitor of a public page may not name, or weights that cannot be had.
        """
        if not self.settings.local_paths_allowed and not self._offers(name):
            raise AppError("services.unlisted_model")
        place = model_folders.place_of(name, self.settings)
        key = name, None if place is None else model_folders.stamp(place)
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

    def _offers(self, name: str) -> bool:
        """Whether `models` has it; the others are not asked for, since a camera asks with every frame."""
        if pretrained.offers(name, self.settings) or name in model_folders.built_in_names(self.settings):
            return True
        try:
            return catalogue.of_run(self.runs.find(name)) is not None
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
