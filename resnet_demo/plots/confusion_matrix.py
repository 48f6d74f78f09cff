"""A confusion matrix: true classes in rows, predicted classes in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from resnet_demo.plots.class_counts import shortened
from resnet_demo.plots.svg import FONT_SIZE, GRID_OPACITY, QUIET, element, label, picture, text_width

RIGHT, WRONG = "#0d9488", "#d9601a"
FAINTEST, DEEPEST = 0.08, 0.65
"""Opacity of a cell with few photos of its row, and with all; its number is readable in light and dark mode."""

LARGEST_CELL, SMALLEST_CELL, SIDE = 46.0, 20.0, 460.0
LONGEST_NAME = 130
SLANT, SLANTED = 45, 0.71
"""The slant of the column names in degrees, and its sine and cosine."""
GAP, BOLD = 8, 1.2
LARGEST, SMALLEST = 1.3, 0.8
"""Limits of the scale: with more space it grows no further, with less it scrolls."""


@dataclass(frozen=True)
class _Frame:
    """The position of the cells: `count` in a row, `cell` pixels a side, starting at `left` and `top`."""

    left: float
    top: float
    cell: float
    count: int

    @property
    def side(self) -> float:
        return self.cell * self.count


def confusion_matrix(
    classes: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    rows: str,
    columns: str,
    alt_text: str,
    pressable: bool = False,
) -> str:
    """Counts in cells, shaded by their share of the row; correct predictions on the diagonal have their own colour.

    Each non-empty cell has `data-row` and `data-column`, indices into `classes`.

    Args:
        counts: (K, K), true classes in rows, predicted classes in columns.
        rows, columns: titles of the row names and of the column names.
        alt_text: a description for screen readers.
        pressable: whether the cells are buttons.
    """
    names = [shortened(name, LONGEST_NAME) for name in classes]
    widest = max(map(text_width, names), default=0.0)
    frame = _Frame(
        left=max(widest, BOLD * text_width(rows)) + GAP,
        top=2 * FONT_SIZE + widest * SLANTED + GAP,
        cell=min(LARGEST_CELL, max(SMALLEST_CELL, SIDE / max(1, len(names)))),
        count=len(names),
    )
    width = frame.left + max(frame.side + widest * SLANTED, BOLD * text_width(columns)) + GAP
    drawn = [
        label(columns, frame.left, FONT_SIZE, font_weight=600),
        label(rows, frame.left - GAP, frame.top - GAP, font_weight=600, text_anchor="end"),
        *_names(names, classes, frame),
        _grid(frame),
        *_cells(classes, counts, frame, pressable),
    ]
    return picture(
        width,
        frame.top + frame.side + 2,
        "".join(drawn),
        alt_text,
        role="group" if pressable else "img",
        style=f"max-width:{LARGEST * width:.0f}px;min-width:{SMALLEST * width:.0f}px",
    )


def _names(names: Sequence[str], classes: Sequence[str], frame: _Frame) -> Iterator[str]:
    """The names beside the rows and, slanted, above the columns; the full name is the tooltip."""
    for number, (name, whole) in enumerate(zip(names, classes, strict=True)):
        middle = frame.cell * (number + 0.5) + FONT_SIZE * 0.35
        whole_name = element("title", escape(whole))
        at = f"translate({frame.left + middle:.1f} {frame.top - GAP / 2:.1f}) rotate(-{SLANT})"
        row = label(name, frame.left - GAP, frame.top + middle, text_anchor="end", opacity=QUIET)
        yield element("g", whole_name + row)
        yield element("g", whole_name + label(name, 0, 0, opacity=QUIET), transform=at)


def _grid(frame: _Frame) -> str:
    lines = [frame.cell * number for number in range(frame.count + 1)]
    across = "".join(f"M{frame.left:.1f} {frame.top + line:.1f}h{frame.side:.1f}" for line in lines)
    down = "".join(f"M{frame.left + line:.1f} {frame.top:.1f}v{frame.side:.1f}" for line in lines)
    return element("path", d=across + down, stroke="currentColor", opacity=GRID_OPACITY, fill="none")


def _cells(classes: Sequence[str], counts: Sequence[Sequence[int]], frame: _Frame, pressable: bool) -> Iterator[str]:
    """All non-empty cells."""
    digits = max((len(str(count)) for row in counts for count in row), default=1)
    size = min(FONT_SIZE + 1.0, frame.cell * 0.9 / (0.6 * digits))
    for row, numbers in enumerate(counts):
        for column, count in enumerate(numbers):
            if count == 0:
                continue
            x, y = frame.left + frame.cell * column, frame.top + frame.cell * row
            shade = FAINTEST + (DEEPEST - FAINTEST) * count / sum(numbers)
            colour = RIGHT if row == column else WRONG
            box = element("rect", x=x, y=y, width=frame.cell, height=frame.cell, fill=colour, fill_opacity=shade)
            number = label(
                str(count), x + frame.cell / 2, y + frame.cell / 2 + size * 0.35, text_anchor="middle", font_size=size
            )
            name = f"{classes[row]} → {classes[column]}: {count}"
            place: dict[str, str | float] = {"data-row": row, "data-column": column}
            if pressable:
                place |= {"role": "button", "tabindex": -1, "aria-label": name}
            yield element("g", element("title", escape(name)) + box + number, **place)
