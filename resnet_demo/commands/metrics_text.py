"""Evaluation metrics as text: per-class table, confusion matrix where it fits, the worst mistakes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from resnet_demo.evaluation import CLASS_METRICS, Evaluation
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.terminal import aligned, columns
from resnet_demo.texts import text, visible

MOST_FILES = 10
WITHOUT_TERMINAL = (100, 24)
NONE = "–"


def metrics_lines(found: Evaluation, language: str) -> Iterator[str]:
    """All lines but the first, the accuracy."""
    yield from found.metric_sentences(language)
    if not found.photos:
        return
    names = class_names(found.labels, language)
    yield ""
    yield from aligned(_classes(found, names, language))
    if found.unjudged:
        shown = map(names.full, found.unjudged[:MOST_FILES])
        unjudged = ", ".join(shown) + (", …" if len(found.unjudged) > MOST_FILES else "")
        yield text("evaluation.without_photos", language, count=len(found.unjudged), names=unjudged)
    yield ""
    yield from _confusion(found, names, language)
    if found.mistakes:
        yield ""
        yield text("evaluation.worst", language)
        for one in found.mistakes[:MOST_FILES]:
            said = text(
                "evaluation.mistake",
                language,
                said=names.full(one.predicted),
                percent=f"{100 * one.probability:.1f}",
                true=names.full(one.true),
            )
            yield f"  {one.file}: {said}"


def _classes(found: Evaluation, names: ClassNames, language: str) -> list[list[str]]:
    head = [text(f"evaluation.header.{column}", language) for column in ("class", "photos", *CLASS_METRICS)]
    return [head] + [
        [
            visible(names.full(one.name)),
            str(one.photos),
            *(NONE if share is None else f"{100 * share:.1f}" for share in one.shares.values()),
        ]
        for one in found.classes
    ]


def _confusion(found: Evaluation, names: ClassNames, language: str) -> Iterator[str]:
    """Columns are numbered as the rows are, for names would not fit above them."""
    numbers = range(1, len(found.classes) + 1)
    rows = [["", *map(str, numbers)]] + [
        [
            f"{number:{len(str(numbers.stop - 1))}} {visible(names.full(one.name))}",
            *(str(count) if count else "." for count in counts),
        ]
        for number, one, counts in zip(numbers, found.classes, found.confusion.tolist(), strict=True)
    ]
    drawn = aligned(rows)
    if max(map(columns, drawn)) > shutil.get_terminal_size(WITHOUT_TERMINAL).columns:
        yield text("evaluation.too_wide", language, classes=len(found.classes))
        return
    yield text("evaluation.confusion", language)
    yield from drawn
