"""Ten questions as interviewers ask them, each answered with what an experiment of this tab measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from resnet_demo.labs.findings import finding_fields
from resnet_demo.ui.tabs.learn.experiment_texts import shipped
from resnet_demo.ui.visitor_context import say

QUESTIONS: Mapping[str, str] = {
    "vanish": "gradients",
    "choose": "degradation",
    "overfitting": "degradation",
    "projection": "architectures/layers",
    "zero": "identity",
    "preactivation": "shortcuts",
    "norm": "identity",
    "deeper": "degradation",
    "bottleneck": "architectures/blocks",
    "information": "paths",
}
"""Each question by its name, and where its answer was measured: an experiment, or another part of the tab."""
WRONG = ("highway", "fan", "vanishing", "parameters")
"""Common answers that are wrong."""


def questions() -> str:
    """All questions and answers as HTML in the current language."""
    asked = "".join(_question(number, name) for number, name in enumerate(QUESTIONS, start=1))
    wrong = "".join(f"<li>{escape(say(f'learn.wrong.{name}'))}</li>" for name in WRONG)
    return (
        f"<p>{escape(say('learn.questions.about'))}</p><div class='questions'>{asked}</div>"
        f"<h3>{escape(say('learn.wrong.title'))}</h3><ul>{wrong}</ul>"
    )


def _question(number: int, name: str) -> str:
    leads_to = QUESTIONS[name]
    fields = _NUMBERS[name]() if name in _NUMBERS else _fields(leads_to)
    place = say("learn.part.architectures" if leads_to.startswith("architectures") else f"learn.{leads_to}.tab")
    link = f'<p><a href="#learn/{leads_to}">{escape(say("learn.questions.see", name=place))}</a></p>'
    return (
        f"<details><summary>{number}. {escape(say(f'learn.questions.{name}'))}</summary>"
        f"<p>{escape(say(f'learn.questions.{name}.answer', **fields))}</p>{link}</details>"
    )


def _fields(leads_to: str) -> dict[str, str]:
    result = None if leads_to.startswith("architectures") else shipped(leads_to)
    return (None if result is None else finding_fields(result)) or {}


def _bottleneck() -> dict[str, str]:
    """Weights of a basic block and of a bottleneck of 256 channels, by their formulas (He et al. 2016, figure 5)."""
    channels = 256
    return {"basic": f"{18 * channels**2:,}", "bottleneck": f"{17 * channels**2 // 16:,}"}


_NUMBERS: Mapping[str, Callable[[], dict[str, str]]] = {"bottleneck": _bottleneck}
