"""Progress of a run as HTML and curves, from its history: nothing here knows what was clicked."""

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

from resnet_demo.data import file_names
from resnet_demo.plots.curves import Axis, Line, curves
from resnet_demo.plots.svg import round_up
from resnet_demo.texts import AppError
from resnet_demo.training import append_only_file
from resnet_demo.training.config import TRAIN_SETTINGS, TrainConfig
from resnet_demo.training.event_text import event_text, phase_share, phase_text
from resnet_demo.training.events import Event
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ACTIVE, State
from resnet_demo.training.run_history import RunHistory
from resnet_demo.ui.components.term import explained, term
from resnet_demo.ui.tabs.finetune.setting_controls import value_text
from resnet_demo.ui.visitor_context import current_language, say

LOG_LINES = 8
TROUBLE_LINES = 30
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FIGURE_TERMS = {"loss": "loss", "rate": "learning_rate"}
SETTING_TERMS = {
    "augment": "augmentation",
    "batch_size": "batch_size",
    "early_stop": "early_stopping",
    "ema": "ema",
    "epochs": "epoch",
    "learning_rate": "learning_rate",
    "mixup": "mixup",
    "test_share": "test_photos",
    "train_depth": "trained_layers",
    "val_share": "validation_photos",
    "weight_decay": "weight_decay",
}
"""The terms that explain a run's figures and settings; of other settings their hints do."""
PATIENT_EPOCHS = 1
"""So many epochs without a better one still count as improving: single epochs vary."""


def status(run: Run, state: State, before: int, history: RunHistory) -> str:
    """The run's name, state and progress, as HTML."""
    badge = f'<span class="state {state}">{escape(say(f"run.state.{state}"))}</span>'
    title = run.title or f"{dataset_name(run)} · {network_name(run.config)}"
    return (
        f"<h3>{escape(title)} {badge}</h3>"
        f'<p class="name">{escape(run.name)}</p>'
        f"{_bar(history) if state in ACTIVE else ''}"
        f'<p class="said" role="status">{escape(sentence(state, before, history))}</p>'
    )


def unreadable(found: Unreadable) -> str:
    """The same of a run that cannot be read."""
    badge = f'<span class="state failed">{escape(say("run.state.unreadable"))}</span>'
    said = say("train.progress.unreadable", why=found.why.say(current_language()))
    return f'<h3>{escape(found.name)} {badge}</h3><p class="said" role="status">{escape(said)}</p>'


def dataset_name(run: Run) -> str:
    """The name of the data set that the run is trained on."""
    return (
        str(run.facts["data"]["name"]) if "data" in run.facts else file_names.display_name(Path(run.config.data).name)
    )


def network_name(config: TrainConfig) -> str:
    """The network that a training begins with; where a model's folder lies is left out."""
    return config.network if config.parent is None else file_names.display_name(Path(config.parent).name)


def sentence(state: State, before: int, history: RunHistory) -> str:
    """How the run stands, in a sentence; `before` is how many come before it, if it is queued."""
    if state == "queued":
        return say("train.progress.queued" if before else "train.progress.next", before=before)
    if state == "lost":
        killed = (
            history.text_events
            and history.text_events[-1]["kind"] == "killed"
            and event_text(history.text_events[-1], current_language())
        )
        return killed or say("train.progress.lost")
    if state == "stopping":
        return say("train.progress.stopping")
    phase = phase_text(history.phase, current_language()) if state in ACTIVE and history.phase is not None else ""
    if state == "running" and history.latest is not None:
        return say("train.progress.then", before=_going_on(history), phase=phase) if phase else _going_on(history)
    if phase:
        return say("train.progress.end", said=phase)
    ends = [event for event in history.text_events if event["kind"] != "looked"]
    said = [found for event in ends if (found := event_text(event, current_language()))]
    return said[-1] if said else say(f"run.state.{state}")


def _going_on(history: RunHistory) -> str:
    """Epoch 4 of 12, 3 minutes left, best 91.2 % of 375 on validation, still improving."""
    latest = history.latest or {}
    parts = [say("train.progress.epoch", epoch=latest["epoch"], epochs=latest["epochs"])]
    if history.seconds_left is not None:
        parts.append(time_left(history.seconds_left))
    best = history.best
    if best is not None:
        parts.append(
            say(
                "train.progress.best",
                accuracy=f"{100 * best['val_accuracy']:.1f}",
                photos=f"{best['val_photos']:.0f}",
            )
        )
        waited = history.epochs[-1]["epoch"] - best["epoch"]
        if len(history.epochs) > 1:
            key = "train.progress.improving" if waited <= PATIENT_EPOCHS else "train.progress.waiting"
            parts.append(say(key, epochs=waited))
    said = reduce(lambda before, after: say("train.progress.join", before=before, after=after), parts)
    return say("train.progress.end", said=said)


def time_left(seconds: float) -> str:
    """How long something still takes, in words."""
    minutes = math.ceil(seconds / 60)
    if minutes <= 1:
        return say("train.progress.left_less")
    if minutes < 100:
        return say("train.progress.left_minutes", minutes=minutes)
    return say("train.progress.left_hours", hours=f"{seconds / 3600:.1f}")


def _bar(history: RunHistory) -> str:
    """The steps that are done, or before the first one how far the phase is; busy where nobody knows how far."""
    if history.latest is not None:
        done, kind = history.latest["step"] / history.latest["steps"], "steps"
    else:
        share = None if history.phase is None else phase_share(history.phase)
        done, kind = (0.3, "busy") if share is None else (share, "phase")
    now = "" if kind == "busy" else f'aria-valuenow="{100 * done:.0f}"'
    label = escape(say("train.progress.progress"))
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" {now}>'
        f'<i class="{kind}" style="width:{100 * done:.1f}%"></i></div>'
    )


def _figures(history: RunHistory) -> str:
    """Numbers of the last step, or dashes in their places, so that nothing moves when they come."""
    latest = history.latest or {}
    minutes, seconds = divmod(round(history.seconds), 60)
    figures = {
        "time": f"{minutes}:{seconds:02}",
        "speed": _figure(latest, "photos_per_second", lambda speed: f"{speed:,.0f}"),
        "memory": _figure(latest, "megabytes", lambda megabytes: f"{megabytes / 1000:.1f} GB"),
        "loss": _figure(latest, "loss", lambda loss: f"{loss:.3f}"),
        "rate": _figure(latest, "lr", lambda rate: f"{rate:.2g}"),
    }
    rows = "".join(f"<div><dt>{_figure_name(name)}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    return f'<dl class="figures">{rows}</dl>'


def _figure_name(name: str) -> str:
    said = say(f"train.progress.figure.{name}")
    return term(FIGURE_TERMS[name], said) if name in FIGURE_TERMS else escape(said)


def _figure(latest: Event, name: str, written: Any) -> str:
    value = latest.get(name)
    return str(written(value)) if isinstance(value, int | float) else "–"


def plots(history: RunHistory) -> str:
    """Loss, accuracy and learning rate over the epochs, and the last step in figures; empty before it has begun."""
    if history.started is None or not history.total_epochs:
        return ""
    epochs = Axis(0, history.total_epochs, say("train.progress.epochs"))
    per_epoch = history.steps_per_epoch or 1.0
    loss = [(point.step / per_epoch, point.loss) for point in history.points]
    rate = [(point.step / per_epoch, point.rate) for point in history.points]
    checked = [(float(event["epoch"]), event.get("val_loss")) for event in history.epochs]
    val_loss = [(epoch, float(value)) for epoch, value in checked if isinstance(value, int | float)]
    right = accuracy_points(history.epochs)
    highest = max((value for _, value in (*loss, *val_loss)), default=1.0)
    highest_rate = max((value for _, value in rate), default=1.0)
    unit, power = _unit(highest_rate)
    drawn = (
        curves(
            [
                Line(say("train.progress.line.train"), loss),
                Line(say("train.progress.line.val"), val_loss, marked=True),
            ],
            epochs,
            Axis(0, round_up(highest), say("train.progress.loss")),
            alt_text=_told("loss", loss, "{:.3f}"),
        ),
        curves(
            [Line(say("train.progress.line.val"), right, marked=True)],
            epochs,
            accuracy_axis([right]),
            alt_text=_told("accuracy", right, "{:.1f} %"),
        ),
        curves(
            [Line("", [(epoch, value / unit) for epoch, value in rate])],
            epochs,
            Axis(0, round_up(highest_rate / unit), f"{say('train.progress.rate')}{power}"),
            alt_text=_told("rate", rate, "{:.2g}"),
        ),
    )
    return "".join(f"<figure>{one}</figure>" for one in drawn) + _figures(history)


def _unit(highest: float) -> tuple[float, str]:
    """A power of ten that leaves numbers up to this one short enough for an axis, and how it is written."""
    if highest >= 0.01 or highest <= 0:
        return 1.0, ""
    exponent = math.floor(math.log10(highest))
    return 10.0**exponent, f" / 10{str(exponent).translate(SUPERSCRIPTS)}"


def accuracy_points(epochs: Sequence[Event]) -> list[tuple[float, float]]:
    """Percent of the validation photos right after each epoch."""
    return [(float(event["epoch"]), 100 * float(event["val_accuracy"])) for event in epochs]


def accuracy_axis(found: Sequence[Sequence[tuple[float, float]]]) -> Axis:
    """From a round number below the lowest of these points up to 100 %."""
    lowest = min((value for points in found for _, value in points), default=0.0)
    low = max(start for start in (0, 20, 40, 60, 80, 90) if start <= max(lowest, 0))
    return Axis(low, 100, say("train.progress.accuracy"), "{:g} %")


def _told(name: str, points: Sequence[tuple[float, float]], form: str) -> str:
    """A curve for those who do not see it: where it begins and where it is."""
    title = say(f"train.progress.{name}")
    if not points:
        return say("train.progress.no_curve", title=title)
    (_, first), (_, last) = points[0], points[-1]
    return say("train.progress.curve", title=title, first=form.format(first), last=form.format(last))


def log(run: Run, state: State, history: RunHistory, *, local: bool) -> str:
    """What has been said last, as HTML; here (`local`) also the end of the log where nobody expected the failure."""
    said = [(event["t"], found) for event in history.text_events if (found := event_text(event, current_language()))]
    rows = "".join(f"<li><time>{_clock(when)}</time> {escape(told)}</li>" for when, told in said[-LOG_LINES:])
    trouble = ""
    if local and state == "failed" and history.text_events[-1].get("key") == "run.problem.unexpected":
        last: list[bytes] = []
        with suppress(OSError):  # the event has told the most of it
            last += islice(append_only_file.backwards(run.log.path), TROUBLE_LINES)
        whole = b"\n".join(reversed(last)).decode("utf-8", "replace").strip()
        trouble = f"<pre>{escape(whole)}</pre>"
    return f'<ol class="log">{rows}</ol>{trouble}'


def _clock(when: float) -> str:
    try:
        return f"{datetime.fromtimestamp(when).astimezone():%H:%M:%S}"
    except (OSError, ValueError, OverflowError):  # no time that a clock here can show
        return ""


def resolved(run: Run, history: RunHistory) -> str:
    """All settings of the run as HTML: resolved once it has begun, as they were given before that."""
    started = history.started or {}
    rows = {escape(say("train.setting.data")): dataset_name(run)}
    photos = started.get("photos")
    if isinstance(photos, dict):
        rows[escape(say("train.progress.parts"))] = " / ".join(
            str(photos.get(part)) for part in ("train", "val", "test")
        )
    for name, value in _settings(run, started).items():
        if name != "data" and value is not None:
            rows[_setting(name)] = value_text(name, value)
    for name, heading in (("precision", _setting("precision")), ("device", escape(say("train.progress.device")))):
        if started.get(name):
            rows[heading] = str(started[name])
    listed = "".join(f"<div><dt>{heading}</dt><dd>{escape(value)}</dd></div>" for heading, value in rows.items())
    return f'<dl class="settings">{listed}</dl>'


def _setting(name: str) -> str:
    """What a setting is called, with its explanation, as HTML."""
    spec, language = TRAIN_SETTINGS[name], current_language()
    label = spec.label.say(language)
    return term(SETTING_TERMS[name], label) if name in SETTING_TERMS else explained(label, spec.hint.say(language))


def _settings(run: Run, started: Event) -> dict[str, Any]:
    """The settings as they were resolved or, as long as they are not, as they were given; no folder of a parent."""
    try:
        config = TrainConfig.from_json(started.get("config"))
    except AppError:
        config = run.config
    parent = None if config.parent is None else Path(config.parent).name
    return {**config.to_json(), "parent": parent}
