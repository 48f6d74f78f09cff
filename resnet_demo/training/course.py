"""The course of a run so far, for those who watch it: read on from where one was, thinned out to what a plot shows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from resnet_demo.training.events import Event
from resnet_demo.training.growth import work
from resnet_demo.training.run import Run
from resnet_demo.training.sentences import is_number

MOST_POINTS = 400
"""Once there are so many, every two become one: a plot is a few hundred pixels wide."""

PACE_STEPS = 120
SENTENCES = 200
MOST_EPOCHS = 10_000
"""Of a settings' plan; more are none of ours."""

SPOKEN = frozenset(
    {"queued", "launched", "started", "epoch", "said", "stopped", "failed", "finished", "looked", "killed"}
)


@dataclass(frozen=True)
class Point:
    """Some steps that follow each other: the last one's number and learning rate, and the mean loss."""

    step: int
    loss: float
    rate: float


class Course:
    """What a run's events have told so far; of an epoch that was done again after an interruption, only the last time.

    `started` is the newest event of this kind and `latest` the newest step since then; `epochs` has an event for each
    epoch that stands, `spoken` the newest events that have a sentence. Not for several threads at once.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._offset = 0
        self._last = 0.0
        self._stride = 1
        self._growth = (1, 1, 1)  # epochs, and the sides of the first pictures and the last
        self._pending: list[Point] = []
        self._pace: deque[tuple[float, int]] = deque(maxlen=PACE_STEPS)
        self.points: list[Point] = []
        self.epochs: list[Event] = []
        self.spoken: deque[Event] = deque(maxlen=SENTENCES)
        self.started: Event | None = None
        self.latest: Event | None = None
        self.steps_per_epoch = 0.0  # not known before the first step

    def read_on(self) -> None:
        """Take in what has happened since the last time."""
        events, self._offset = self._run.events_from(self._offset)
        for event in events:
            if not is_number(event["t"]):
                continue
            self._last = event["t"]
            if event["kind"] == "started":
                self._start(event)
            elif event["kind"] == "epoch" and _has_numbers(event, "epoch", "val_accuracy", "val_photos"):
                self.epochs.append(event)
            elif event["kind"] == "step" and _has_numbers(event, "step", "steps", "epoch", "epochs", "loss", "lr"):
                self._step(event)
            if event["kind"] in SPOKEN:
                self.spoken.append(event)

    @property
    def total_epochs(self) -> int:
        """How many epochs it shall have in the end; 0 as long as that is not known."""
        epochs: Any = (self.started or {}).get("epochs")
        return int(epochs) if is_number(epochs) else 0

    @property
    def best(self) -> Event | None:
        """The epoch whose model is kept: the newest that was the best so far."""
        return next((event for event in reversed(self.epochs) if event.get("best") is True), None)

    @property
    def seconds(self) -> float:
        """How long it has been going on since it was started, or resumed, last."""
        return self._last - self.started["t"] if self.started else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the steps that are left take at the pace of the last ones; None as long as there is none.

        Where pictures grow, steps that are still to come take longer.
        """
        if self.latest is None or len(self._pace) < 2:
            return None
        (first, from_step), (last, to_step) = self._pace[0], self._pace[-1]
        before, now, end = map(self._work, (from_step, to_step, self.latest["steps"]))
        return float((end - now) * (last - first) / (now - before)) if now > before else None

    def _work(self, steps: float) -> float:
        return work(steps, self.steps_per_epoch, *self._growth)

    def _start(self, event: Event) -> None:
        """What was done after the checkpoint that it goes on from is done again."""
        resumed = event.get("resumed")
        if not (isinstance(resumed, dict) and _has_numbers(resumed, "epoch", "step")):
            resumed = {"epoch": 0, "step": 0}
        kept = resumed["epoch"] * self.steps_per_epoch + resumed["step"]
        self.points = [point for point in self.points if point.step <= kept]
        self.epochs = [epoch for epoch in self.epochs if epoch["epoch"] <= resumed["epoch"]]
        self.started, self.latest = event, None
        self._growth = _growth(event.get("config"))
        self._pending.clear()
        self._pace.clear()

    def _step(self, event: Event) -> None:
        if event["steps"] < 1 or event["epochs"] < 1:
            return
        self.latest = event
        self.steps_per_epoch = event["steps"] / event["epochs"]
        self._pace.append((event["t"], event["step"]))
        self._pending.append(Point(event["step"], event["loss"], event["lr"]))
        if len(self._pending) == self._stride:
            self.points.append(_merged(self._pending))
            self._pending = []
        if len(self.points) == MOST_POINTS:
            self.points = [_merged(self.points[index : index + 2]) for index in range(0, MOST_POINTS, 2)]
            self._stride *= 2


def _growth(config: Any) -> tuple[int, int, int]:
    """By how much pictures grow in a training with these settings, and in how many epochs."""
    names = ("epochs", "first_size", "image_size")
    if isinstance(config, dict) and _has_numbers(config, *names):
        epochs, first, last = (int(config[name]) for name in names)
        if 1 <= epochs <= MOST_EPOCHS and 1 <= first <= last:
            return epochs, first, last
    return 1, 1, 1


def _merged(points: list[Point]) -> Point:
    return Point(points[-1].step, sum(point.loss for point in points) / len(points), points[-1].rate)


def _has_numbers(event: Event, *names: str) -> bool:
    return all(is_number(event.get(name)) for name in names)
