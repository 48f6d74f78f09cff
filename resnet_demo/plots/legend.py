"""What the marks of a picture mean: small drawings with their words, in as many rows as they need."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label, text_width

ICON, ROW, GAP = 20, 18, 14
BOLD = 1.08
"""How much wider bold words are."""


def legend(title: str, entries: Sequence[tuple[str, str]], top: float, width: float) -> tuple[str, float]:
    """A title, then pairs of a drawing and its words; and where the last row ends.

    A drawing is made around (8, 0) and is 16 pixels wide.
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
