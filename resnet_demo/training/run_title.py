"""What people call a run: the title that was given to it, and what tells it from others of the same data set."""

from __future__ import annotations

from pathlib import Path
from unicodedata import bidirectional

from resnet_demo.data.file_names import display_name
from resnet_demo.models.model_folders import file_only
from resnet_demo.texts import text
from resnet_demo.training import atomic_writes
from resnet_demo.training.config import TRAIN_SETTINGS, TrainConfig

TITLE = "title.txt"
MOST_CHARACTERS = 80
_MOST_BYTES = 4 * MOST_CHARACTERS
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Explicit directional formatting (Unicode Standard Annex 9, section 2)."""


def read_title(folder: Path) -> str | None:
    """The title in a run's folder; None where it was given none that can be read."""
    try:
        with open(folder / TITLE, "rb", opener=file_only) as file:
            return clean_title(file.read(_MOST_BYTES).decode("utf-8", "ignore")) or None
    except OSError:
        return None


def write_title(folder: Path, preferred: str) -> None:
    """Give the run in a folder a title, as much of `preferred` as can be one; an empty one takes it away.

    Raises:
        AppError: the disk is full or the folder cannot be written to.
    """
    title = clean_title(preferred)
    with atomic_writes.disk_errors(folder, "run.problem.not_renamed"):
        if title:
            atomic_writes.write_atomic(folder / TITLE, title.encode())
        else:
            (folder / TITLE).unlink(missing_ok=True)


def clean_title(preferred: str) -> str:
    """What of `preferred` can be a title: `MOST_CHARACTERS` in one line, none that turns the text around it."""
    words = "".join(letter for letter in preferred[: 10 * MOST_CHARACTERS] if bidirectional(letter) not in _TURNING)
    return display_name(" ".join(words.split()))[:MOST_CHARACTERS].strip()


def setup_text(config: TrainConfig, language: str) -> str:
    """What is trained, and how, in a few words: from scratch, the layers that learn, or the preset."""
    if config.scratch:
        depth = text("train.list.scratch", language)
    elif config.train_depth is not None:
        depth = TRAIN_SETTINGS["train_depth"].choice_label(config.train_depth).say(language)
    else:
        return text(f"train.list.preset.{config.preset}", language)
    return text("train.list.setup", language, depth=depth, preset=text(f"train.list.preset.{config.preset}", language))
