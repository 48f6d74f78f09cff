"""Classes in the names of files: `cat.0.jpg`, `rose_12.png`, `003-tulip.jpg`."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from resnet_demo.data.part_names import PART_WORDS, normalised, words_for

FEWEST_EACH = 2
"""Photos that a prefix needs to be a class."""

MOST_CLASSES = 1_000
_LEAST_NAMED = 0.9
_BEFORE = re.compile(r"^(.*[^\W\d_].*?)[\s._()\[\]#-]*\d[\d\s._()\[\]-]*$")
_AFTER = re.compile(r"^\d[\d\s._()\[\]-]*([^\W\d_].*?)$")
_CAMERAS = words_for("cameras")


def labels_in_names(photos: Iterable[str]) -> Mapping[str, str]:
    """The class of each photo by what its name begins (or ends) with; empty unless these are few and regular.

    Args:
        photos: paths, separated by `/`; only the last name counts.
    """
    paths = list(photos)
    for pattern in (_BEFORE, _AFTER):
        found = {path: label for path in paths if (label := _label(path, pattern))}
        spellings: dict[str, Counter[str]] = defaultdict(Counter)
        for label in found.values():
            spellings[normalised(label)][label] += 1
        counts = {key: sum(spelt.values()) for key, spelt in spellings.items()}
        regular = {key for key, count in counts.items() if count >= FEWEST_EACH}
        named = sum(counts[key] for key in regular)
        if 2 <= len(regular) <= min(MOST_CLASSES, len(paths) // FEWEST_EACH) and named >= _LEAST_NAMED * len(paths):
            return {path: label for path, label in found.items() if normalised(label) in regular}
    return {}


def _label(path: str, pattern: re.Pattern[str]) -> str:
    """What a name says besides its number; empty where that is what cameras and programs write."""
    stem = unicodedata.normalize("NFC", PurePosixPath(path).stem)
    found = pattern.match(stem)
    if not found:
        return ""
    label = found[1].strip(" ._-()[]#")
    words = re.findall(r"[^\W\d_]+", normalised(label))
    return "" if all(word in _CAMERAS or word in PART_WORDS for word in words) else label
