"""Folders that do not name a class: containers such as `images`, and pieces of a class such as `batch1`."""

from __future__ import annotations

import re

from resnet_demo.data.part_names import normalised, words_for

_CONTAINERS = words_for("containers")

_PIECE_WORDS = words_for("pieces")
_SESSION_WORDS = words_for("sessions")
_LETTERS = re.compile(r"[^\W\d_]+")


def is_container(name: str) -> bool:
    """Whether a folder's name says only that something is in it."""
    return "".join(_LETTERS.findall(normalised(name))) in _CONTAINERS


def is_piece(name: str) -> bool:
    """Whether a folder's name says nothing of what its photos show: `images`, `batch1`, `augmented`."""
    words = _LETTERS.findall(normalised(name))
    return is_container(name) or (
        bool(words) and all(word in _PIECE_WORDS or len(word) == 1 for word in words[1:]) and words[0] in _PIECE_WORDS
    )


def is_number_or_letter(name: str) -> bool:
    """Whether a folder is only counted: `1`, `02`, `a`; a class may be called so, and a piece of one too."""
    return not _LETTERS.findall(normalised(name)) or len(normalised(name)) == 1


def is_session(name: str) -> bool:
    """Whether a folder's name says when, where or by whom photos were taken: `monday`, `session 2`, `2024-05-01`."""
    words = _LETTERS.findall(normalised(name))
    return all(word in _SESSION_WORDS for word in words)


_OUTPUT_WORDS = words_for("outputs")
_BESIDE_IMAGES = words_for("beside_images")


def is_output(name: str) -> bool:
    """Whether a folder seems to hold what a program made: `results`, `runs`, `seg_pred`."""
    return any(word in _OUTPUT_WORDS for word in _LETTERS.findall(normalised(name)))


def is_no_class(name: str) -> bool:
    """Whether a folder of photos names no class where all others are so too: `images`, `masks`."""
    return is_container(name) or is_beside_images(name)


def is_beside_images(name: str) -> bool:
    """Whether a folder holds what is drawn or written about photos: `masks`, `annotations`."""
    return normalised(name) in _BESIDE_IMAGES
