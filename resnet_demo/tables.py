"""Predictions as CSV, as JSON and as lines for a terminal, for the command line and the page's download."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from resnet_demo.models.class_names import ClassNames
from resnet_demo.terminal import columns, padded
from resnet_demo.texts import text, visible

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

BAR_WIDTH = 30
CSV_ENCODING = "utf-8-sig"
"""With a byte order mark, without which spreadsheets assume a legacy encoding."""

# What may stand before a formula: white space, control and invisible characters, quotes.
_BEFORE = r"[\s\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\"']*"
# Its signs, in ASCII and in the wide and small forms that Excel takes for them where Chinese or Japanese is written.
_SIGNS = "[=+@|%\\-\u2212＝＋－＠｜％﹢﹣﹦﹪﹫]"
_START = r"(?<![^;\t\r\n])"
_FORMULA = re.compile(rf"{_START}(?={_BEFORE}{_SIGNS})|\A(?='*[\t\r\n])")
_MARKED = re.compile(rf"{_START}'(?={_BEFORE}{_SIGNS})|\A'(?='*[\t\r\n])")

# JSON's writer escapes the control characters below the space alone; here in its own way, those that are left.
_RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def csv_header(top: int) -> list[str]:
    """`file,top1,p1,top2,p2,…,problem`."""
    ranks = range(1, top + 1)
    return ["file", *(cell for rank in ranks for cell in (f"top{rank}", f"p{rank}")), "problem"]


def csv_row(prediction: Prediction, top: int, language: str) -> list[str]:
    """The cells of one photo under `csv_header(top)`; with a problem the classes are empty."""
    cells = [cell for guess in prediction.guesses for cell in (guess.label, f"{guess.probability:.4f}")]
    cells += [""] * (2 * top - len(cells))
    problem = prediction.problem.say(language) if prediction.problem else ""
    return [escape_formula(cell) for cell in (prediction.file, *cells, problem)]


def escape_formula(cell: str) -> str:
    """Escape a cell so that no spreadsheet evaluates it as a formula: file names and labels are untrusted.

    OWASP's rule (https://owasp.org/www-community/attacks/CSV_Injection): an apostrophe goes before a cell that begins
    with `=`, `+`, `-`, `@`, a tab or a line break. Here also before their full-width forms, which Excel takes for them
    where Chinese or Japanese is written; before `|` and `%`; where spaces or invisible characters, which some programs
    strip, come first; and inside a cell after `;`, a tab or a line break, where a spreadsheet that is set to these
    would begin a new cell. `unescape_formula` takes the apostrophes away.
    """
    return _FORMULA.sub("'", cell)


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`."""
    return _MARKED.sub("", cell)


class CsvTable:
    """Writes predictions to an open text file, one row each; of `several_models` with the model's name in front."""

    def __init__(self, file: TextIO, top: int, language: str, *, several_models: bool = False) -> None:
        self._writer = csv.writer(file)
        self._top = top
        self._language = language
        self._several = several_models
        self._writer.writerow([*(["model"] if several_models else []), *csv_header(top)])

    def write(self, prediction: Prediction, model: str = "") -> None:
        """Add one row."""
        cells = csv_row(prediction, self._top, self._language)
        self._writer.writerow([escape_formula(model), *cells] if self._several else cells)


def as_dict(prediction: Prediction, language: str, model: str | None = None) -> Mapping[str, object]:
    """One photo for JSON: `problem` is null, or its kind with a sentence; with the `model`'s name if given."""
    problem = prediction.problem
    return {
        **({} if model is None else {"model": model}),
        "file": prediction.file,
        "guesses": [
            {"label": guess.label, "index": guess.index, "probability": round(guess.probability, 6)}
            for guess in prediction.guesses
        ],
        "problem": problem and {"kind": problem.kind, "text": problem.say(language)},
    }


def as_json(value: object, encoding: str, indent: int | None = None) -> str:
    """A value as JSON for a file of this encoding, with all control characters escaped."""
    # Any other encoding lacks letters, and what it writes for them instead is not JSON.
    only_ascii = codecs.lookup(encoding).name != "utf-8"
    encoded = json.dumps(value, ensure_ascii=only_ascii, indent=indent)
    return _RAW_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded)


class JsonArray:
    """Writes predictions as a JSON array, one per line."""

    def __init__(self, file: TextIO, language: str) -> None:
        self._file = file
        self._language = language
        self._before = "[\n"

    def write(self, prediction: Prediction, model: str | None = None) -> None:
        """Add one element, with the model's name where one is given."""
        self._file.write(self._before + as_json(as_dict(prediction, self._language, model), self._file.encoding))
        self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")


def summary_line(prediction: Prediction, names: ClassNames, language: str) -> str:
    """`photo.jpg: daisy 98.1 %`, or the problem; for a terminal, like `bars`."""
    if prediction.problem:
        return f"{prediction.file}: {prediction.problem.say(language)}"
    best = prediction.guesses[0]
    return text(
        "tables.summary_line",
        language,
        file=prediction.file,
        label=names.full(best.label),
        percent=f"{100 * best.probability:.1f}",
    )


def bars(prediction: Prediction, names: ClassNames, language: str) -> list[str]:
    """The classes of a photo with bars for their probabilities."""
    if prediction.problem:
        return [summary_line(prediction, names, language)]
    labels = [visible(names.full(guess.label)) for guess in prediction.guesses]
    longest = max(map(columns, labels))
    return [prediction.file] + [
        f"  {padded(label, longest)}  {100 * guess.probability:5.1f} %  {'█' * round(BAR_WIDTH * guess.probability)}"
        for label, guess in zip(labels, prediction.guesses, strict=True)
    ]
