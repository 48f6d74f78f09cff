"""What is printed for people to read: whatever names it holds, nothing in it that a terminal would obey.

File names, classes and runs may come from anybody, and a terminal takes orders from the characters of a name: to move
the cursor, to rewrite what stands above, to set its own title. What is printed for programs is escaped by its format.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any, NoReturn, TextIO

from tqdm import tqdm

from resnet_demo.texts import visible


def print_line(said: str, file: TextIO | None = None, *, flush: bool = False) -> None:
    """Print one line, above a progress bar if there is one.

    Args:
        file: where to; by default the standard output.
    """
    with tqdm.external_write_mode(file):
        print(visible(said), file=file, flush=flush)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are made visible: a shell puts names of files into arguments."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit."""
        super().error(visible(message))


class LogFormat(logging.Formatter):
    """Lines of a log made visible; of a traceback, which is several, each one."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """The line of a record."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The lines of its traceback."""
        return "\n".join(map(visible, super().formatException(ei).split("\n")))


def log_visibly() -> None:
    """Have what the log says on the terminal made visible, where nobody has set up logging in another way."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(LogFormat())
