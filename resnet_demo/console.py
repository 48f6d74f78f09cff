"""`resnet-demo`, once the package is installed: a command of the command line, or the page where none is named."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from resnet_demo import cli
from resnet_demo.ui import app

PROGRAM = "resnet-demo"
ABOUT_COMMANDS = {"-h", "--help", "--version"}


def main() -> int:
    """Carry out the command, or open the page with its own flags; returns the exit code."""
    if names_command(sys.argv[1:]):
        return cli.main()
    app.main(PROGRAM)
    return 0


def names_command(words: Sequence[str]) -> bool:
    """Whether these arguments are the command line's, and not the page's."""
    free = {word for before, word in zip(("", *words), words, strict=False) if not before.startswith("--")}
    return bool(free & (cli.command_names() | ABOUT_COMMANDS))
