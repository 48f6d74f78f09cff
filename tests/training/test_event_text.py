"""Events in words, whatever they hold."""

from __future__ import annotations

import pytest

from resnet_demo.texts import text
from resnet_demo.training.event_text import best_epoch_text, event_text


def test_what_is_said_has_its_fields() -> None:
    event = {"kind": "said", "key": "train.said.early_stop", "fields": {"epochs": 3}}
    assert event_text(event, "en") == text("train.said.early_stop", epochs=3)
    assert event_text({**event, "key": "train.said.of_another_version"}, "en") == "train.said.of_another_version"


def test_a_training_that_goes_on_says_where() -> None:
    event = {"kind": "started", "epochs": 5, "resumed": {"epoch": 2, "step": 7}}
    assert event_text(event, "en") == text("run.event.resumed", epoch=3, epochs=5)
    assert event_text({**event, "resumed": None}, "en") == text("run.event.started")


@pytest.mark.parametrize("event", [{"key": "\ud800"}, {"key": "train.said.rate", "fields": [1]}, {"key": ["a"]}, {}])
def test_whatever_is_said_can_be_sent_to_a_page(event: dict[str, object]) -> None:
    said = event_text({"kind": "said", **event}, "zh-CN")
    assert said is not None
    said.encode()


def test_names_in_no_encoding_can_be_sent_to_a_page() -> None:
    fields = {"count": 1, "name": "caf\udce9.jpg", "reason": "x"}
    assert "caf\\udce9.jpg" in str(event_text({"kind": "said", "key": "train.said.unreadable", "fields": fields}, "en"))


def test_the_best_is_the_one_that_is_kept() -> None:
    """The best epoch of all came after the last checkpoint, and went with the worker."""
    accuracies = ((0.5, True), (0.9, True), (0.7, True), (0.6, False))
    events = [{"kind": "epoch", "val_accuracy": one, "val_photos": 10, "best": best} for one, best in accuracies]
    assert best_epoch_text(events, "en") == text("run.event.best", accuracy="70.0", photos=10)
    assert best_epoch_text([{"kind": "queued"}], "en") == ""
