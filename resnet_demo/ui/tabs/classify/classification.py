"""Classification of a visitor's photos: results as they come, for each session's latest request only."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_demo.data.display import SHOWN_SIDE
from resnet_demo.data.images import Problem
from resnet_demo.settings import MEGABYTE
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.server import time_limit
from resnet_demo.ui.services import Services
from resnet_demo.ui.tabs.classify.background import in_background
from resnet_demo.ui.tabs.classify.latest_requests import LatestRequests, Request
from resnet_demo.ui.tabs.classify.results import THUMBNAIL_SIDE, Results

if TYPE_CHECKING:
    from resnet_demo.data.preprocessing import CropMode
    from resnet_demo.inference import Classifier, Prediction

SECONDS_BETWEEN_UPDATES = 0.5


@dataclass
class State:
    """How far a request is: `done` of `photos` answered by `model`, or so many (bytes, of bytes) of it downloaded.

    `results` are None until the first model is open; they are complete where `ended`.
    """

    photos: int
    model: str
    done: int = 0
    downloaded: tuple[int, int | None] | None = None
    results: Results | None = None
    ended: bool = False


class Classification:
    """Classifies photos for the visitors of a page; safe to call from any thread."""

    def __init__(self, services: Services) -> None:
        self._services, self._settings = services, services.settings
        self.requests = LatestRequests()
        services.when_session_ends.append(self.requests.end)

    def run(
        self,
        photos: Sequence[ReceivedPhoto],
        models: Sequence[str],
        view: CropMode,
        top: int,
        session: str,
        last: Results | None = None,
    ) -> Generator[State]:
        """Classify all photos with each of `models`; yields how far it is now and then, and at last the end.

        The first model's answers make the results, those of the others are compared with them; of `last`, results of
        before, those that are asked for again are taken over. Ends early, without the end, once the same session sends
        a newer request, and with the results so far where the visitor stops it. A photo that is given several times is
        decoded and classified once, for each of its names.

        Raises:
            AppError: as `Services.classifier` does.
            TooLongError: others have waited long enough; the last results hold the predictions before that.
        """
        request = self.requests.begin(session)
        model, *others = models
        results = last if last is not None and last.are_of(photos, model, view) else None
        if results is None:
            results = yield from self._classify(photos, model, view, top, request)
        if results is None:
            return
        if results.complete and results.asked is None:
            for gone in set(results.compared) - set(others):
                del results.compared[gone]
            for other in others:
                if other not in results.compared and other != model and request.goes_on:
                    yield from self._compare(results, other, request)
        if request.is_newest:
            yield State(results.photos, model, results.photos, results=results, ended=True)

    def _classify(
        self, photos: Sequence[ReceivedPhoto], model: str, view: CropMode, top: int, request: Request
    ) -> Generator[State, None, Results | None]:
        """The first model's answers; None where they are wanted no more."""
        state, started = State(len(photos), model), time.monotonic()
        given = False
        try:
            for answers in self._answers(photos, model, view, top, request, state, preview_sides(photos)):
                results = state.results
                if isinstance(answers, Results):
                    state.results = results = answers
                for photo, prediction in answers if isinstance(answers, list) else ():
                    assert results is not None
                    results.add(photo, prediction)
                state.done = len(results.rows) if results else 0
                if not request.goes_on:
                    break
                given = given or results is not None
                yield state
            if state.results is None or not request.is_newest:
                if state.results is not None:
                    state.results.files.discard()  # the newer request's take their place on the page
                return None
            state.results.truncate(time.monotonic() - started)
            given = True
            return state.results
        except BaseException:  # GeneratorExit too
            if state.results is not None and not given:  # or else the one who shows them discards them
                state.results.files.discard()
            raise

    def _compare(self, results: Results, model: str, request: Request) -> Generator[State]:
        """Another model's answers for the same photos; none are kept where not all are wanted any more."""
        state = State(results.photos, model, results=results)
        photos = [row.photo for row in results.rows]
        predictions: list[Prediction] = []
        for answers in self._answers(photos, model, results.view, results.top, request, state):
            if isinstance(answers, list):
                predictions += [replace(prediction, file=photo.name) for photo, prediction in answers]
            state.done = len(predictions)
            if not request.goes_on:
                return
            yield state
        results.compared[model] = predictions

    def _answers(
        self,
        photos: Sequence[ReceivedPhoto],
        model: str,
        view: CropMode,
        top: int,
        request: Request,
        state: State,
        sides: Sequence[int] = (),
    ) -> Iterator[Results | list[tuple[ReceivedPhoto, Prediction]] | None]:
        """First empty results, then the photos with their predictions, some at a time; None to tell how far it is."""

        def tell(done: int, total: int | None) -> None:
            time_limit.go_on()
            state.downloaded = done, total

        def work() -> Iterator[Results | tuple[ReceivedPhoto, Prediction]]:
            classifier = self._services.classifier(model, tell)
            state.downloaded = None
            if state.results is None:
                yield Results(len(photos), top, classifier.model, self._settings.max_pixels, view)
            yield from self.predictions(photos, classifier, view, top, sides)

        waiting: list[tuple[ReceivedPhoto, Prediction]] = []
        shown = time.monotonic()
        for item in in_background(work, SECONDS_BETWEEN_UPDATES):
            if isinstance(item, tuple):
                waiting.append(item)
            if isinstance(item, Results):
                yield item
            elif item is None or time.monotonic() - shown >= SECONDS_BETWEEN_UPDATES or not request.goes_on:
                yield waiting or None
                waiting, shown = [], time.monotonic()
        yield waiting

    def predictions(
        self,
        photos: Sequence[ReceivedPhoto],
        classifier: Classifier,
        view: CropMode,
        top: int,
        sides: Sequence[int] = (),
    ) -> Iterator[tuple[ReceivedPhoto, Prediction]]:
        """Each photo with its prediction; `sides` are those of the previews of the different photos.

        A photo that is given several times has its preview the first time.

        Raises:
            TooLongError: others have waited long enough.
        """
        from resnet_demo.inference import Prediction

        given: dict[Path, Prediction] = {}
        predictions = classifier.classify(_paths(photos), top, view, sides)
        for photo in photos:
            if photo.path is None:
                prediction = Prediction(photo.name, problem=self._too_large(photo))
            elif photo.path in given:
                prediction = given[photo.path]
            else:
                prediction = next(predictions)
                given[photo.path] = replace(prediction, preview=None)
            time_limit.go_on()
            yield photo, prediction

    def _too_large(self, photo: ReceivedPhoto) -> Problem:
        return Problem(photo.name, "file_too_large", {"megabytes": self._settings.max_upload_bytes // MEGABYTE})


def preview_sides(photos: Sequence[ReceivedPhoto]) -> list[int]:
    """How large the previews of the different photos are: the first one's is shown by itself."""
    return [SHOWN_SIDE, *[THUMBNAIL_SIDE] * (len(_paths(photos)) - 1)]


def _paths(photos: Sequence[ReceivedPhoto]) -> list[Path]:
    """The files of different photos."""
    return list(dict.fromkeys(photo.path for photo in photos if photo.path))
