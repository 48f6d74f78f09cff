"""The metrics and events of a run so far, read incrementally and thinned out for plots."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any

from resnet_demo.training.event_text import is_number
from resnet_demo.training.events import Event
from resnet_demo.training.progressive_resizing import full_size_steps
from resnet_demo.training.run import Run

MOST_POINTS = 400
"""Once there are so many, every two become one: a plot is a few hundred pixels wide."""

TIMED_STEPS = 120
"""Events of steps, half a second or more apart, whose pace is taken for that of the steps to come."""
TIMED_VALIDATIONS = 9
PAUSE = 3.0
"""What took so many times as long as usual was no work: the machine slept, or the process was held."""
FORWARD_SHARE = 1 / 3
"""Of a training step, what the same photos take in evaluation: the backward pass costs twice the forward one."""
MOST_TEXT_EVENTS = 200
MOST_EPOCHS = 10_000
"""Of a settings' plan; more are none of ours."""

TEXT_EVENT_KINDS = frozenset(
    {"queued", "launched", "started", "epoch", "said", "phase", "stopped", "failed", "finished", "looked", "killed"}
)


PHASE_ENDS = frozenset({"launched", "phase", "step", "epoch", "stopped", "failed", "finished"})
"""What begins another phase, or none: then the one before is over."""


@dataclass(frozen=True)
class Point:
    """Some steps that follow each other: the last one's number and learning rate, and the mean loss."""

    step: int
    loss: float
    rate: float


class RunHistory:
    """The metrics and events of a run; of an epoch that was repeated after an interruption, only the last time.

    `started` is the newest event of this kind and `latest` the newest step since then; `epochs` has an event for each
    epoch that stands, `text_events` the newest events that have a text, and `phase` how far that is which takes time
    beside the steps, None while there is no such thing. Not for several threads at once.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._offset = 0
        self._last = 0.0
        self._stride = 1
        self._resizing = (1, 1, 1)  # epochs, and the sides of the first pictures and the last
        self._pending: list[Point] = []
        self._timed: tuple[float, int] | None = None  # the last moment whose step is known, and the step
        self._intervals: deque[tuple[float, int, int]] = deque(maxlen=TIMED_STEPS)  # seconds, from step, to step
        self._validations: deque[float] = deque(maxlen=TIMED_VALIDATIONS)  # seconds
        self._validated = 0
        self.points: list[Point] = []
        self.epochs: list[Event] = []
        self.text_events: deque[Event] = deque(maxlen=MOST_TEXT_EVENTS)
        self.started: Event | None = None
        self.latest: Event | None = None
        self.phase: Event | None = None
        self.steps_per_epoch = 0.0  # not known before the first step

    def update(self) -> None:
        """Read the events since the last call."""
        events, self._offset = self._run.events.since(self._offset)
        for event in events:
            if not is_number(event["t"]):
                continue
            self._last = event["t"]
            if event["kind"] in PHASE_ENDS:
                self.phase = event if event["kind"] == "phase" else None
            if event["kind"] == "started":
                self._start(event)
            elif event["kind"] == "epoch" and _has_numbers(event, "epoch", "val_accuracy", "val_photos"):
                self.epochs.append(event)
                self._time_validation(event)
            elif event["kind"] == "step" and _has_numbers(event, "step", "steps", "epoch", "epochs", "loss", "lr"):
                self._step(event)
            if event["kind"] in TEXT_EVENT_KINDS and not (event["kind"] == "phase" and event.get("done")):
                self.text_events.append(event)

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
        """How long what is left takes: steps, validations and the test; None as long as no pace is known.

        Only what was timed since the run was started, or resumed, last counts, and pauses do not. Where pictures grow,
        steps that are still to come take longer.
        """
        if self.latest is None:
            return None
        worked = ((seconds, self._work(first, last)) for seconds, first, last in self._intervals)
        timed = [(seconds, work) for seconds, work in worked if work > 0 and seconds >= 0]  # a clock may be set back
        if not timed:
            return None
        longest = PAUSE * median(seconds / work for seconds, work in timed)
        steady = [(seconds, work) for seconds, work in timed if seconds <= longest * work]
        pace = sum(seconds for seconds, _ in steady) / sum(work for _, work in steady)
        validations = self.latest["epochs"] - self._validated + 1  # and the test photos, about as many
        steps = self._work(self.latest["step"], self.latest["steps"])
        return float(pace * steps + validations * self._validation(pace))

    def _work(self, first: float, last: float) -> float:
        """What the steps after `first` up to `last` cost, counted in steps at full size."""
        before, after = (full_size_steps(step, self.steps_per_epoch, *self._resizing) for step in (first, last))
        return after - before

    def _validation(self, pace: float) -> float:
        """Seconds of a validation; before the first one reckoned from `pace`, the seconds of a step."""
        if self._validations:
            return float(median(self._validations))
        photos = (self.started or {}).get("photos")
        if not (isinstance(photos, dict) and _has_numbers(photos, "train", "val") and photos["train"] > 0):
            return 0.0
        return float(FORWARD_SHARE * pace * self.steps_per_epoch * photos["val"] / photos["train"])

    def _start(self, event: Event) -> None:
        """What was done after the checkpoint that it goes on from is done again."""
        resumed = event.get("resumed")
        if not (isinstance(resumed, dict) and _has_numbers(resumed, "epoch", "step")):
            resumed = {"epoch": 0, "step": 0}
        kept = resumed["epoch"] * self.steps_per_epoch + resumed["step"]
        self.points = [point for point in self.points if point.step <= kept]
        self.epochs = [epoch for epoch in self.epochs if epoch["epoch"] <= resumed["epoch"]]
        self.started, self.latest = event, None
        self._resizing = _resizing(event.get("config"))
        self._pending.clear()
        self._timed, self._validated = None, resumed["epoch"]
        self._intervals.clear()
        self._validations.clear()

    def _time_validation(self, event: Event) -> None:
        self._validated = event["epoch"]
        if self._timed is not None:
            moment, step = self._timed
            self._validations.append(event["t"] - moment)
            self._timed = event["t"], step

    def _step(self, event: Event) -> None:
        if event["steps"] < 1 or event["epochs"] < 1:
            return
        self.latest = event
        self.steps_per_epoch = event["steps"] / event["epochs"]
        if self._timed is not None:
            moment, step = self._timed
            self._intervals.append((event["t"] - moment, step, event["step"]))
        self._timed = event["t"], event["step"]
        self._pending.append(Point(event["step"], event["loss"], event["lr"]))
        if len(self._pending) == self._stride:
            self.points.append(_merged(self._pending))
            self._pending = []
        if len(self.points) == MOST_POINTS:
            self.points = [_merged(self.points[index : index + 2]) for index in range(0, MOST_POINTS, 2)]
            self._stride *= 2


def _resizing(config: Any) -> tuple[int, int, int]:
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
