"""The classes of one photo as bars: a list that reads well aloud, too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_demo.inference import Guess

SMALLEST = 0.0005
"""What rounds to less than a tenth of a percent is said to be below one."""


def bars(guesses: Sequence[Guess]) -> str:
    """HTML: the first of `guesses`, the most probable, as a heading, and all of them as a list with their bars."""
    items = "".join(
        f"<li><span>{escape(guess.label)}</span> <span>{percent(guess.probability)}</span>"
        f'<i aria-hidden="true" style="width: {100 * guess.probability:.2f}%"></i></li>'
        for guess in guesses
    )
    return f"<h2>{escape(guesses[0].label)}</h2><ol>{items}</ol>"


def percent(probability: float) -> str:
    """As HTML, with one decimal.

    >>> percent(0.9994), percent(0.0003)
    ('99.9 %', '&lt; 0.1 %')
    """
    return "&lt; 0.1 %" if probability < SMALLEST else f"{100 * probability:.1f} %"
