"""Choices as a browser remembers them, which may be anything."""

from __future__ import annotations

import pytest

from resnet_demo.ui.tabs.classify.choices import Choices


def test_choices_are_remembered() -> None:
    chosen = Choices("resnet50", "whole", heat=True)
    assert Choices.from_browser(chosen.for_browser(), ["flowers", "resnet50"], "flowers") == chosen


@pytest.mark.parametrize(
    "sent", [None, 1, [], {"model": "../../etc", "view": "hole", "heat": "yes"}, {"model": ["flowers"], "view": {}}]
)
def test_what_is_not_offered_is_not_chosen(sent: object) -> None:
    assert Choices.from_browser(sent, ["flowers", "resnet50"], "flowers") == Choices("flowers")


def test_what_is_answered_alike_is_asked_alike() -> None:
    assert Choices("a").asked(["b", "a"]) == Choices("a", heat=True).asked(["b"])
    assert Choices("a").asked() != Choices("a", "whole").asked()
