"""Which part of a data set a folder's name stands for: training, validation or test photos, in many languages."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "val", "test"]
"""A split of a data set: training, validation or test photos."""

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What programs call them."""


@lru_cache(maxsize=65_536)
def normalised(name: str) -> str:
    """A name without capitals, accents and blanks at its ends, for comparing."""
    plain = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Mn")


@cache
def words_for(kind: str) -> frozenset[str]:
    """The words of one kind in `folder_words.json`, in every language, normalised."""
    listed: dict[str, str] = json.loads(Path(__file__).with_name("folder_words.json").read_text(encoding="utf-8"))
    return frozenset(map(normalised, listed[kind].split()))


_PARTS: tuple[SplitName, ...] = ("train", "val", "test")
PART_WORDS: dict[str, SplitName] = {word: part for part in _PARTS for word in words_for(part)}
FILLERS = words_for("fillers")
_TWO_WORDS = re.compile(r"\b(hold|held)[\s_.-]+out\b", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class PartName:
    """What a name says: the part, and the words in it that say something else (`seg` of `seg_train`)."""

    part: SplitName
    rest: str = ""


@lru_cache(maxsize=65_536)
def part_name(name: str) -> PartName | None:
    """Which part a folder's name stands for; None if for none, or for more than one.

    Numbers, capitals, separators and words such as `set` or `images` do not matter: `training_set`, `Train-2017`,
    `testImages`; in Chinese too, where no blank parts the words.
    """
    words = unicodedata.normalize("NFKC", _TWO_WORDS.sub("holdout", name))
    whole = "".join(_LETTERS.findall(normalised(words)))
    if whole in PART_WORDS:
        return PartName(PART_WORDS[whole])
    found: set[SplitName] = set()
    rest: list[str] = []
    for word in _LETTERS.findall(_HUMP.sub(" ", words)):
        part, other = _read_word(normalised(word))
        if part:
            found.add(part)
        if other:
            rest.append(word)
    return PartName(found.pop(), " ".join(rest)) if len(found) == 1 else None


def _read_word(word: str) -> tuple[SplitName | None, bool]:
    """The part that a word stands for, and whether it says something else; `trainset` is two words in one."""
    if word in PART_WORDS:
        return PART_WORDS[word], False
    for size in range(len(word) - 1, 1, -1):
        for known, left in ((word[:size], word[size:]), (word[-size:], word[:-size])):
            if known in PART_WORDS and left in FILLERS and (len(left) > 2 or not left.isascii()):  # not "latest"
                return PART_WORDS[known], False
    return None, word not in FILLERS


def hinted_part(name: str) -> SplitName | None:
    """The part that a name may stand for where folders beside it are alike: `tr`, `xtrain`, `learn`; None if for none.

    Far too little to go by for a name alone: `latest` and `station` have nothing to do with it.
    """
    if found := part_name(name):
        return found.part
    plain = "".join(_LETTERS.findall(normalised(name)))
    kinds = {part for part in _PARTS if plain in words_for(f"{part}_hints")}
    kinds |= {PART_WORDS[word] for word in ("train", "test", "valid") if word in plain}
    return kinds.pop() if len(kinds) == 1 else None


def split_of(word: str) -> SplitName | None:
    """The part that a word in a table stands for."""
    found = part_name(word)
    return found.part if found and not found.rest else None
