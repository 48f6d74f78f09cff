"""The folder of photos that a command is given, or the one that an archive is unpacked to."""

from __future__ import annotations

import os

from resnet_demo.commands.progress import say, unpacking_bar
from resnet_demo.data.photo_import import from_archive_once
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import text

MOST_FILES = 10


def photo_folder(given: str, settings: Settings, language: str) -> str:
    """What was given where it is a folder, or nothing; an archive is unpacked into the data home, once.

    What a person has to know of the archive is printed: how its names were read, and which files were left out.

    Raises:
        AppError: the archive cannot be unpacked.
    """
    path = expanded(given)
    if not os.path.isfile(path):  # noqa: PTH113  Path's own raises where a folder above is closed
        return given
    with unpacking_bar(language) as progress:
        imported = from_archive_once(path, settings, progress)
    say(text("cli.train.unpacked", language, folder=str(imported.folder)))
    for note in imported.notes:
        say(note.say(language))
    for problem in imported.problems[:MOST_FILES]:
        say(f"  {problem.file}: {problem.say(language)}")
    if len(imported.problems) > MOST_FILES:
        say("  " + text("cli.train.more_left_out", language, count=len(imported.problems) - MOST_FILES))
    return str(imported.folder)
