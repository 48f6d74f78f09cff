"""Texts for the events of a run: for the log, the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from resnet_demo.texts import text, writable

BYTES = {"download"}
"""Phases whose total counts bytes."""

MOST = 1e15
"""What is larger is no number of ours."""


def event_text(event: Mapping[str, Any], language: str) -> str | None:
    """The text of an event, or None for those that are only numbers. Never fails, whatever the event holds."""
    match event["kind"]:
        case "phase":
            return _phase_begins(event, language)
        case "epoch":
            return _epoch(event, language)
        case "said":
            return _said(event, language)
        case "failed":
            return text("run.event.failed", language, reason=_said(event, language))
        case "killed" if event.get("memory") is True:
            return text(
                "run.problem.killed_memory" if event.get("sure") is True else "run.event.killed_perhaps", language
            )
        case "stopped":
            return text("run.event.stopped_now" if event.get("how") == "now" else "run.event.stopped_keep", language)
        case "finished" if _number(event, "test_photos") > 0:
            return text("run.event.finished_test", language, **_share(event, "test"))
        case "started" if isinstance(resumed := event.get("resumed"), dict):
            epoch, epochs = _number(resumed, "epoch") + 1, _number(event, "epochs")
            return text("run.event.resumed", language, epoch=f"{epoch:.0f}", epochs=f"{epochs:.0f}")
        case "queued" | "launched" | "started" | "finished" | "looked" as kind:
            return text(f"run.event.{kind}", language)
    return None


def phase_text(event: Mapping[str, Any], language: str) -> str:
    """A short text for a `phase` event: what is being done, and how much of it is. Never fails."""
    title, done, total = _phase(event, language), _number(event, "done"), _number(event, "total")
    if not total >= 1:
        return title
    if str(event.get("phase")) in BYTES:
        return text("run.phase.percent", language, phase=title, percent=f"{100 * min(done / total, 1):.0f}")
    return text("run.phase.of", language, phase=title, done=f"{done:,.0f}", total=f"{total:,.0f}")


def phase_share(event: Mapping[str, Any]) -> float | None:
    """How much of a phase is done, from 0 to 1; None where that is not known."""
    done, total = _number(event, "done"), _number(event, "total")
    return min(max(done / total, 0.0), 1.0) if done >= 0 and total >= 1 else None


def step_text(event: Mapping[str, Any], language: str) -> str:
    """A short text for a `step` event: loss and speed. Never fails, whatever the event holds."""
    loss, speed = _number(event, "loss"), _number(event, "photos_per_second")
    return text("run.event.step", language, loss=f"{loss:.3f}", speed=f"{speed:.0f}")


def best_epoch_text(events: Iterable[Mapping[str, Any]], language: str) -> str:
    """A short text for the best epoch, whose model is kept: its accuracy; empty before the first.

    It is the newest that was the best so far: after a resume, a better one that no checkpoint held does not count.
    """
    best = [event for event in events if event["kind"] == "epoch" and event.get("best") is True]
    return text("run.event.best", language, **_share(best[-1], "val")) if best else ""


def _phase(event: Mapping[str, Any], language: str) -> str:
    try:
        return text(f"run.phase.{event.get('phase')}", language)
    except KeyError:
        return writable(str(event.get("phase")))  # of another version of this program


def _phase_begins(event: Mapping[str, Any], language: str) -> str | None:
    """The line of a phase that begins; its progress is only numbers."""
    if event.get("done") != 0:
        return None
    title, total = _phase(event, language), _number(event, "total")
    if not total >= 1 or str(event.get("phase")) in BYTES:
        return text("run.phase.begins", language, phase=title)
    return text("run.phase.begins_of", language, phase=title, total=f"{total:,.0f}")


def _said(event: Mapping[str, Any], language: str) -> str:
    key, fields = str(event.get("key")), event.get("fields")
    try:
        return text(key, language, **(fields if isinstance(fields, dict) else {}))
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return writable(key)  # of another version of this program, which has a sentence for it


def _epoch(event: Mapping[str, Any], language: str) -> str:
    return text(
        "run.event.epoch_best" if event.get("best") is True else "run.event.epoch",
        language,
        epoch=f"{_number(event, 'epoch'):.0f}",
        epochs=f"{_number(event, 'epochs'):.0f}",
        loss=f"{_number(event, 'train_loss'):.3f}",
        **_share(event, "val"),
    )


def _share(event: Mapping[str, Any], part: str) -> dict[str, str]:
    """How many of a part's photos were named rightly, in percent, and how many there are."""
    accuracy, photos = _number(event, f"{part}_accuracy"), _number(event, f"{part}_photos")
    return {"accuracy": f"{100 * accuracy:.1f}", "photos": f"{photos:.0f}"}


def is_number(value: Any) -> bool:
    """Whether something that a file holds is a number that can be ours."""
    return isinstance(value, int | float) and abs(value) < MOST


def _number(event: Mapping[str, Any], name: str) -> float:
    value: Any = event.get(name)
    return value if is_number(value) else float("nan")
