"""Predictions as rows: CSV, JSON and lines for a terminal; the same for the command line and the page's download."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from resnet_demo.texts import text

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

BAR_WIDTH = 30
CSV_ENCODING = "utf-8-sig"
"""Spreadsheets take a file without the mark for one in their own old encoding."""


def csv_header(top: int) -> list[str]:
    """`file,top1,p1,top2,p2,…,problem`."""
    ranks = range(1, top + 1)
    return ["file", *(cell for rank in ranks for cell in (f"top{rank}", f"p{rank}")), "problem"]


def csv_row(prediction: Prediction, top: int, language: str) -> list[str]:
    """One photo's cells under `csv_header(top)`; classes that a problem left unnamed are empty."""
    cells = [cell for guess in prediction.guesses for cell in (guess.label, f"{guess.probability:.4f}")]
    cells += [""] * (2 * top - len(cells))
    problem = prediction.problem.say(language) if prediction.problem else ""
    return [_not_a_formula(cell) for cell in (prediction.file, *cells, problem)]


def _not_a_formula(cell: str) -> str:
    # A spreadsheet runs a cell that starts so; file names come from anybody.
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


class CsvTable:
    """Writes predictions into an open text file, one row each, as they come."""

    def __init__(self, file: TextIO, top: int, language: str) -> None:
        self._writer = csv.writer(file)
        self._top = top
        self._language = language
        self._writer.writerow(csv_header(top))

    def write(self, prediction: Prediction) -> None:
        """Add one row."""
        self._writer.writerow(csv_row(prediction, self._top, self._language))


def as_dict(prediction: Prediction, language: str) -> Mapping[str, object]:
    """One photo as JSON says it: `problem` is null, or its kind with a sentence."""
    problem = prediction.problem
    return {
        "file": prediction.file,
        "guesses": [
            {"label": guess.label, "index": guess.index, "probability": round(guess.probability, 6)}
            for guess in prediction.guesses
        ],
        "problem": problem and {"kind": problem.kind, "text": problem.say(language)},
    }


class JsonArray:
    """Writes predictions as one JSON array, one a line, as they come."""

    def __init__(self, file: TextIO, language: str) -> None:
        self._file = file
        self._language = language
        self._before = "[\n"
        # Any other encoding lacks letters, and what it writes for them instead is not JSON.
        self._ascii = codecs.lookup(file.encoding).name != "utf-8"

    def write(self, prediction: Prediction) -> None:
        """Add one element."""
        element = json.dumps(as_dict(prediction, self._language), ensure_ascii=self._ascii)
        self._file.write(self._before + element)
        self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")


def line(prediction: Prediction, language: str) -> str:
    """`photo.jpg: daisy 98.1 %`, or what is wrong with it."""
    if prediction.problem:
        return f"{prediction.file}: {prediction.problem.say(language)}"
    best = prediction.guesses[0]
    return text(
        "tables.line",
        language,
        file=prediction.file,
        label=best.label,
        percent=f"{100 * best.probability:.1f}",
    )


def bars(prediction: Prediction, language: str) -> list[str]:
    """A photo's classes with bars as long as they are probable."""
    if prediction.problem:
        return [line(prediction, language)]
    longest = max(len(guess.label) for guess in prediction.guesses)
    return [prediction.file] + [
        f"  {guess.label:{longest}}  {100 * guess.probability:5.1f} %  {'█' * round(BAR_WIDTH * guess.probability)}"
        for guess in prediction.guesses
    ]
