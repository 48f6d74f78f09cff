"""A run in words and curves, as its folder tells: nothing here knows what was clicked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import reduce
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

from resnet_demo.data import names
from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import AppError, Message, text
from resnet_demo.training import lines
from resnet_demo.training.config import KNOBS, TrainConfig
from resnet_demo.training.course import Course
from resnet_demo.training.events import Event
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import ACTIVE, Run, State
from resnet_demo.training.sentences import sentence_of
from resnet_demo.ui.tabs.finetune.knobs import shown

LOG_LINES = 8
TROUBLE_LINES = 30
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PATIENT_EPOCHS = 1
"""So many epochs without a better one still count as improving: single epochs vary."""


def status(run: Run, state: State, before: int, course: Course, language: str) -> str:
    """What the run is called, how it stands and how far it is, as HTML."""
    badge = f'<span class="state {state}">{escape(text(f"run.state.{state}", language))}</span>'
    title = f"{data_of(run)} · {network_of(run.config)}"
    return (
        f"<h3>{escape(title)} {badge}</h3>"
        f'<p class="name">{escape(run.name)}</p>'
        f"{_bar(course, language) if state in ACTIVE else ''}"
        f'<p class="said" role="status">{escape(sentence(state, before, course, language))}</p>'
    )


def unreadable(found: Unreadable, language: str) -> str:
    """The same of a run that cannot be read."""
    badge = f'<span class="state failed">{escape(text("run.state.unreadable", language))}</span>'
    said = text("train.live.unreadable", language, why=found.why.say(language))
    return f'<h3>{escape(found.name)} {badge}</h3><p class="said" role="status">{escape(said)}</p>'


def data_of(run: Run) -> str:
    """What the photos are called that the run learns from."""
    return str(run.facts["data"]["name"]) if "data" in run.facts else names.shown(Path(run.config.data).name)


def network_of(config: TrainConfig) -> str:
    """What a training begins with, in a word; where a model's folder lies is left out."""
    return config.network if config.parent is None else names.shown(Path(config.parent).name)


def sentence(state: State, before: int, course: Course, language: str) -> str:
    """How the run stands, in a sentence; `before` is how many come before it, if it is in line."""
    if state == "queued":
        return text("train.live.queued" if before else "train.live.next", language, before=before)
    if state == "lost":
        killed = course.spoken and course.spoken[-1]["kind"] == "killed" and sentence_of(course.spoken[-1], language)
        return killed or text("train.live.lost", language)
    if state == "stopping":
        return text("train.live.stopping", language)
    if state == "running" and course.latest is not None:
        return _going_on(course, language)
    ends = [event for event in course.spoken if event["kind"] != "looked"]
    said = [found for event in ends if (found := sentence_of(event, language))]
    return said[-1] if said else text(f"run.state.{state}", language)


def _going_on(course: Course, language: str) -> str:
    """Epoch 4 of 12, 3 minutes left, best 91.2 % of 375 on validation, still improving."""
    latest = course.latest or {}
    parts = [text("train.live.epoch", language, epoch=latest["epoch"], epochs=latest["epochs"])]
    if course.seconds_left is not None:
        parts.append(_left(course.seconds_left, language))
    best = course.best
    if best is not None:
        parts.append(
            text(
                "train.live.best",
                language,
                accuracy=f"{100 * best['val_accuracy']:.1f}",
                photos=f"{best['val_photos']:.0f}",
            )
        )
        waited = course.epochs[-1]["epoch"] - best["epoch"]
        if len(course.epochs) > 1:
            key = "train.live.improving" if waited <= PATIENT_EPOCHS else "train.live.waiting"
            parts.append(text(key, language, epochs=waited))
    said = reduce(lambda before, after: text("train.live.join", language, before=before, after=after), parts)
    return text("train.live.end", language, said=said)


def _left(seconds: float, language: str) -> str:
    minutes = math.ceil(seconds / 60)
    if minutes <= 1:
        return text("train.live.left_less", language)
    if minutes < 100:
        return text("train.live.left_minutes", language, minutes=minutes)
    return text("train.live.left_hours", language, hours=f"{seconds / 3600:.1f}")


def _bar(course: Course, language: str) -> str:
    done = course.latest["step"] / course.latest["steps"] if course.latest else 0.0
    label = escape(text("train.live.progress", language))
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * done:.0f}"><i style="width:{100 * done:.1f}%"></i></div>'
    )


def _figures(course: Course, language: str) -> str:
    """Numbers of the last step, or dashes in their places, so that nothing moves when they come."""
    latest = course.latest or {}
    minutes, seconds = divmod(round(course.seconds), 60)
    figures = {
        "time": f"{minutes}:{seconds:02}",
        "speed": _figure(latest, "photos_per_second", lambda speed: f"{speed:,.0f}"),
        "memory": _figure(latest, "megabytes", lambda megabytes: f"{megabytes / 1000:.1f} GB"),
        "loss": _figure(latest, "loss", lambda loss: f"{loss:.3f}"),
        "rate": _figure(latest, "lr", lambda rate: f"{rate:.2g}"),
    }
    rows = "".join(
        f"<div><dt>{escape(text(f'train.live.figure.{name}', language))}</dt><dd>{value}</dd></div>"
        for name, value in figures.items()
    )
    return f'<dl class="figures">{rows}</dl>'


def _figure(latest: Event, name: str, written: Any) -> str:
    value = latest.get(name)
    return str(written(value)) if isinstance(value, int | float) else "–"


def plots(course: Course, language: str) -> str:
    """Loss, accuracy and learning rate over the epochs, and the last step in figures; empty before it has begun."""
    if course.started is None or not course.total_epochs:
        return ""
    epochs = Axis(0, course.total_epochs, text("train.live.epochs", language))
    per_epoch = course.steps_per_epoch or 1.0
    loss = [(point.step / per_epoch, point.loss) for point in course.points]
    rate = [(point.step / per_epoch, point.rate) for point in course.points]
    checked = [(float(event["epoch"]), event.get("val_loss")) for event in course.epochs]
    val_loss = [(epoch, float(value)) for epoch, value in checked if isinstance(value, int | float)]
    right = accuracy_points(course.epochs)
    highest = max((value for _, value in (*loss, *val_loss)), default=1.0)
    highest_rate = max((value for _, value in rate), default=1.0)
    unit, power = _unit(highest_rate)
    drawn = (
        curves(
            [
                Line(text("train.live.line.train", language), loss),
                Line(text("train.live.line.val", language), val_loss, marked=True),
            ],
            epochs,
            Axis(0, round_up(highest), text("train.live.loss", language)),
            said=_told("loss", loss, language, "{:.3f}"),
        ),
        curves(
            [Line(text("train.live.line.val", language), right, marked=True)],
            epochs,
            accuracy_axis([right], language),
            said=_told("accuracy", right, language, "{:.1f} %"),
        ),
        curves(
            [Line("", [(epoch, value / unit) for epoch, value in rate])],
            epochs,
            Axis(0, round_up(highest_rate / unit), f"{text('train.live.rate', language)}{power}"),
            said=_told("rate", rate, language, "{:.2g}"),
        ),
    )
    return "".join(f"<figure>{one}</figure>" for one in drawn) + _figures(course, language)


def _unit(highest: float) -> tuple[float, str]:
    """A power of ten that leaves numbers up to this one short enough for an axis, and how it is written."""
    if highest >= 0.01 or highest <= 0:
        return 1.0, ""
    exponent = math.floor(math.log10(highest))
    return 10.0**exponent, f" / 10{str(exponent).translate(SUPERSCRIPTS)}"


def accuracy_points(epochs: Sequence[Event]) -> list[tuple[float, float]]:
    """Percent of the validation photos right after each epoch."""
    return [(float(event["epoch"]), 100 * float(event["val_accuracy"])) for event in epochs]


def accuracy_axis(found: Sequence[Sequence[tuple[float, float]]], language: str) -> Axis:
    """From a round number below the lowest of these points up to 100 %."""
    lowest = min((value for points in found for _, value in points), default=0.0)
    low = max(start for start in (0, 20, 40, 60, 80, 90) if start <= max(lowest, 0))
    return Axis(low, 100, text("train.live.accuracy", language), "{:g} %")


def _told(name: str, points: Sequence[tuple[float, float]], language: str, form: str) -> str:
    """A curve for those who do not see it: where it begins and where it is."""
    title = text(f"train.live.{name}", language)
    if not points:
        return text("train.live.no_curve", language, title=title)
    (_, first), (_, last) = points[0], points[-1]
    return text("train.live.curve", language, title=title, first=form.format(first), last=form.format(last))


def log(run: Run, state: State, course: Course, language: str, *, local: bool) -> str:
    """What has been said last, as HTML; here (`local`) also the end of the log where nobody expected the failure."""
    said = [(event["t"], found) for event in course.spoken if (found := sentence_of(event, language))]
    rows = "".join(f"<li><time>{_clock(when)}</time> {escape(words)}</li>" for when, words in said[-LOG_LINES:])
    trouble = ""
    if local and state == "failed" and course.spoken[-1].get("key") == "run.problem.unexpected":
        last: list[bytes] = []
        with suppress(OSError):  # the event has told the most of it
            last += islice(lines.backwards(run.log), TROUBLE_LINES)
        whole = b"\n".join(reversed(last)).decode("utf-8", "replace").strip()
        trouble = f"<pre>{escape(whole)}</pre>"
    return f'<ol class="log">{rows}</ol>{trouble}'


def _clock(when: float) -> str:
    try:
        return f"{datetime.fromtimestamp(when).astimezone():%H:%M:%S}"
    except (OSError, ValueError, OverflowError):  # no time that a clock here can show
        return ""


def resolved(run: Run, course: Course, language: str) -> str:
    """All settings of the run as HTML: resolved once it has begun, as they were given before that."""
    started = course.started or {}
    rows = {text("train.knob.data", language): data_of(run)}
    photos = started.get("photos")
    if isinstance(photos, dict):
        rows[text("train.live.parts", language)] = " / ".join(
            str(photos.get(part)) for part in ("train", "val", "test")
        )
    for name, value in _settings(run, started).items():
        if name != "data" and value is not None:
            rows[KNOBS[name].label.say(language)] = shown(name, value, language)
    for name, heading in (("precision", KNOBS["precision"].label), ("device", Message("train.live.device"))):
        if started.get(name):
            rows[heading.say(language)] = str(started[name])
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows.items())
    return f'<dl class="settings">{listed}</dl>'


def _settings(run: Run, started: Event) -> dict[str, Any]:
    """The settings as they were resolved or, as long as they are not, as they were given; no folder of a parent."""
    try:
        config = TrainConfig.from_json(started.get("config"))
    except AppError:
        config = run.config
    parent = None if config.parent is None else Path(config.parent).name
    return {**config.to_json(), "parent": parent}
