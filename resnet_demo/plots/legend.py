"""Legends: icons with labels, in as many rows as they need."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label, text_width

ICON, ROW, GAP = 20, 18, 14
BOLD = 1.08
"""The width of bold text relative to normal text."""


def legend(title: str, entries: Sequence[tuple[str, str]], top: float, width: float) -> tuple[str, float]:
    """A title and the entries, pairs of an icon and its label; also returns the y position where the last row ends.

    An icon is 16 pixels wide and centred at (8, 0).
    """
    x, y = 0.0, top + FONT_SIZE
    drawn = []
    if title:
        drawn.append(label(title, x, y, font_weight=600))
        x += text_width(title) * BOLD + GAP
    for icon, words in entries:
        wide = ICON + text_width(words)
        if x > 0 and x + wide > width:
            x, y = 0.0, y + ROW
        drawn.append(element("g", icon, transform=f"translate({x:.1f} {y - FONT_SIZE * 0.35:.1f})"))
        drawn.append(label(words, x + ICON, y, opacity=QUIET))
        x += wide + GAP
    return "".join(drawn), y + ROW - FONT_SIZE
