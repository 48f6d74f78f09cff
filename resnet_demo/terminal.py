"""Output for people in a terminal, with control characters escaped.

Names of files, classes and runs are untrusted, and control characters in them could move the cursor, overwrite earlier
output or set the title of the terminal. Output for programs is escaped by its format.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from tqdm import tqdm

from resnet_demo.texts import visible


def print_line(line: str, file: TextIO | None = None, *, flush: bool = False) -> None:
    """Print one line, above a progress bar if there is one.

    Args:
        file: where to; by default the standard output.
    """
    with tqdm.external_write_mode(file):
        print(visible(line), file=file, flush=flush)


def columns(words: str) -> int:
    """Columns that words take on a terminal: Chinese letters take two each (Unicode Standard Annex 11)."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def padded(words: str, width: int) -> str:
    """Words with spaces behind them, up to so many columns."""
    return words + " " * (width - columns(words))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines: the first column to the left, the others to the right."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            padded(cell, width) if number == 0 else " " * (width - columns(cell)) + cell
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


class LogFormat(logging.Formatter):
    """A log formatter that escapes each line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """The line of a record."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The lines of its traceback."""
        return "\n".join(map(visible, super().formatException(ei).split("\n")))


def log_visibly() -> None:
    """Escape log output on the terminal, unless logging was configured otherwise."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(LogFormat())
