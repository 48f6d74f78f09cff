"""The classes of one photo as bars: a list that reads well aloud, too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol

from resnet_demo.models.class_names import ClassNames
from resnet_demo.ui.components.term import term
from resnet_demo.ui.visitor_context import say


class NamedClass(Protocol):
    """A class and its probability, as `inference.Guess` has them."""

    @property
    def label(self) -> str: ...

    @property
    def probability(self) -> float: ...


SMALLEST = 0.0005
"""What rounds to less than a tenth of a percent is said to be below one."""


def bars(guesses: Sequence[NamedClass], names: ClassNames, *, changing: bool = False) -> str:
    """HTML: the first of `guesses`, the most probable, as a heading, and all of them as a list with their bars.

    `changing`: others take their place all the time, so that nothing in them can have the focus.
    """
    items = "".join(
        f"<li><span>{escape(names.full(guess.label))}</span> <span>{percent(guess.probability)}</span>"
        f'<i aria-hidden="true" style="width: {100 * guess.probability:.2f}%"></i></li>'
        for guess in guesses
    )
    heading = f"<h2>{escape(names.full(guesses[0].label))}</h2>"
    said = say("bars.probability")
    figure = f"<span>{escape(said)}</span>" if changing else term("probability", said)
    return f'<div class="answer">{heading}{figure}</div><ol>{items}</ol>'


def percent(probability: float) -> str:
    """As HTML, with one decimal.

    >>> percent(0.9994), percent(0.0003)
    ('99.9 %', '&lt; 0.1 %')
    """
    return "&lt; 0.1 %" if probability < SMALLEST else f"{100 * probability:.1f} %"
