"""An evaluation on a terminal: a table of the classes, the confusion matrix where it fits, the worst mistakes."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterator, Sequence

from resnet_demo.evaluation import Evaluation
from resnet_demo.texts import text, visible

MOST_FILES = 10
WITHOUT_TERMINAL = (100, 24)
NONE = "–"


def lines(found: Evaluation, language: str) -> Iterator[str]:
    """All of it, but the sentence that stands first."""
    if found.top5 is not None:
        yield text("evaluation.top5", language, percent=f"{100 * found.top5:.1f}")
    if not found.photos:
        return
    yield ""
    yield from _aligned(_classes(found, language))
    if found.unjudged:
        names = ", ".join(found.unjudged[:MOST_FILES]) + (", …" if len(found.unjudged) > MOST_FILES else "")
        yield text("evaluation.unjudged", language, count=len(found.unjudged), names=names)
    yield ""
    yield from _confusion(found, language)
    if found.mistakes:
        yield ""
        yield text("evaluation.worst", language)
        for one in found.mistakes[:MOST_FILES]:
            said = text(
                "evaluation.mistake", language, said=one.said, percent=f"{100 * one.probability:.1f}", true=one.true
            )
            yield f"  {one.file}: {said}"


def _classes(found: Evaluation, language: str) -> list[list[str]]:
    columns = ("class", "photos", "precision", "recall", "f1")
    head = [text(f"evaluation.header.{column}", language) for column in columns]
    return [head] + [
        [visible(one.name), str(one.photos), *(NONE if share is None else f"{100 * share:.1f}" for share in shares)]
        for one in found.classes
        for shares in [(one.precision, one.recall, one.f1)]
    ]


def _confusion(found: Evaluation, language: str) -> Iterator[str]:
    """Columns are numbered as the rows are, for names would not fit above them."""
    numbers = range(1, len(found.classes) + 1)
    rows = [["", *map(str, numbers)]] + [
        [
            f"{number:{len(str(numbers.stop - 1))}} {visible(one.name)}",
            *(str(count) if count else "." for count in counts),
        ]
        for number, one, counts in zip(numbers, found.classes, found.confusion.tolist(), strict=True)
    ]
    drawn = _aligned(rows)
    if max(map(_width, drawn)) > shutil.get_terminal_size(WITHOUT_TERMINAL).columns:
        yield text("evaluation.too_wide", language, classes=len(found.classes))
        return
    yield text("evaluation.confusion", language)
    yield from drawn


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of a table: the first column to the left, numbers to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + gap if number == 0 else gap + cell
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            for gap in [" " * (width - _width(cell))]
        )
        for row in rows
    ]


def _width(words: str) -> int:
    """Columns of a terminal: Chinese letters take two each (Unicode Standard Annex 11)."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)
