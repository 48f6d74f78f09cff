"""The encoding of the file names of one archive, which says nothing of it: the one in which all of them are words.

The names are weighed by a model of each encoding's languages: how likely their letters are, and letters of such kinds
side by side. It knows the letters that are common in a language from the standards themselves, which list the common
ones first (GB 2312, Big5, JIS X 0208), and a few hundred of the most common ones by name.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from resnet_demo.data import file_names
from resnet_demo.texts import Message

UTF8 = "utf-8"
_TITLES = {
    "gbk": "GBK",
    "big5": "Big5",
    "cp932": "Shift-JIS",
    "cp949": "EUC-KR (CP949)",
    **{f"cp{page}": f"CP{page}" for page in (437, 850, 866, 1251, 1252)},
}
"""What people call the encodings."""
MOST_NAMES = 2_000
"""Names that are looked at: more tell no more."""
MOST_EXAMPLES = 8
ENOUGH = 5.0
"""Nats by which an encoding has to be likelier than what each name by itself suggests."""

_NO_CHARACTERS = {"Cc", "Co", "Cn", "Cs"}
_NEVER = -20.0
_ASCII = -3.5
_SWITCH = -5.0
"""Two kinds of letters side by side in a word, or capitals in its midst: seldom, but for Japanese scripts."""
_ACCENTS, _CAPITAL = -3.0, -1.0
"""Two Latin letters with accents side by side; a word with a capital, or of capitals."""

Log = Callable[[str], float]


@dataclass(frozen=True)
class _Candidate:
    """An encoding: how often archives are in it (a logarithm), and how likely a letter is in its languages."""

    encoding: str
    prior: float
    letter: Log


class ArchiveNames:
    """Decodes the names of one archive, all in one encoding.

    Args:
        collect: gives all its names, and is called once a name is not UTF-8.
    """

    def __init__(self, collect: Callable[[], Iterable[bytes]]) -> None:
        self._collect: Callable[[], Iterable[bytes]] | None = collect
        self._encoding = UTF8
        self._examples: dict[str, None] = {}

    def found(self, raw: Iterable[bytes]) -> None:
        """Choose the encoding for these, which are all the names there are."""
        self._collect = None
        self._encoding = find_encoding(raw) or UTF8

    def decoded(self, raw: bytes) -> str:
        """A name in the encoding of all, or where it is not, in one that it may have by itself."""
        text = _in_encoding(raw, self._encoding)
        if text is None and self._collect is not None:
            self.found(self._collect())
            text = _in_encoding(raw, self._encoding)
        text = file_names.decoded(raw) if text is None else text
        if not text.isascii() and len(self._examples) < MOST_EXAMPLES:
            folders, _, file = text.rstrip("/").rpartition("/")
            self._examples |= dict.fromkeys(part for part in (folders or file).split("/") if not part.isascii())
        return text

    @property
    def note(self) -> Message | None:
        """Which encoding it is and what names it gave, if it is not the usual one."""
        if self._encoding == UTF8:
            return None
        names = ", ".join(map(file_names.display_name, list(self._examples)[:MOST_EXAMPLES]))
        return Message("photo_import.note.encoding", {"encoding": _TITLES[self._encoding], "names": names})


def find_encoding(raw: Iterable[bytes]) -> str | None:
    """The encoding of the names of one archive, None where they are ASCII.

    UTF-8 where all are valid; else that in which they are likeliest words; what `file_names.decoded` takes each for,
    where there are too few of them to tell.
    """
    names = {name for name in raw if not name.isascii()}
    if not names:
        return None
    if all(_decoded(name, UTF8) is not None for name in names):
        return UTF8
    parts = sorted({part for name in names for part in name.split(b"/") if not part.isascii()})
    parts = parts[:: max(1, len(parts) // MOST_NAMES)]
    weights = {}
    for candidate in _CANDIDATES:
        if all(_decoded(name, candidate.encoding) is not None for name in names):
            weights[candidate.encoding] = candidate.prior + sum(_weight(part, candidate) for part in parts)
    if not weights:
        return None
    alone = [encoding for encoding in ("gbk", "cp437") if all(_is_decoded_as(part, encoding) for part in parts)]
    best = max(weights, key=weights.__getitem__)
    if alone and weights[best] - weights[alone[0]] < ENOUGH:
        return alone[0]
    return best


def _is_decoded_as(part: bytes, encoding: str) -> bool:
    return file_names.decoded(part) == _decoded(part, encoding)


def _in_encoding(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _decoded(raw: bytes, encoding: str) -> str | None:
    """A name in an encoding; None where it is none there, for what is no character or controls something."""
    text = _in_encoding(raw, encoding)
    return None if text is None or any(unicodedata.category(letter) in _NO_CHARACTERS for letter in text) else text


def _weight(part: bytes, candidate: _Candidate) -> float:
    """The logarithm of how likely the name of a file or a folder is, if it is in this encoding."""
    text = part.decode(candidate.encoding)
    weight = sum(_ASCII if letter.isascii() else candidate.letter(letter) for letter in text)
    for word in re.findall(r"[^\W\d_]+", text):
        neighbours = list(itertools.pairwise(word))
        weight += _SWITCH * sum(_kind(a) != _kind(b) for a, b in neighbours)
        weight += _ACCENTS * sum(_is_accented(a) and _is_accented(b) for a, b in neighbours)
        if _has_case(word) and not word.islower():
            weight += _CAPITAL if word.isupper() or word[1:].islower() or len(word) == 1 else _SWITCH
    return weight


def _is_accented(letter: str) -> bool:
    return not letter.isascii() and _kind(letter) == "LATIN"


def _has_case(text: str) -> bool:
    return any(letter.lower() != letter.upper() for letter in text)


@cache
def _kind(letter: str) -> str:
    """The script of a letter; those of Japanese are one."""
    script = unicodedata.name(letter, "").split(" ")[0]
    return {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK"}.get(script, script)


def _share(share: float, letters: int) -> float:
    return math.log(share / letters)


def _lead(letter: str, encoding: str) -> int:
    """The first of a letter's two bytes; 0 where it has no two."""
    try:
        raw = letter.encode(encoding)
    except UnicodeEncodeError:
        return 0
    return raw[0] if len(raw) == 2 else 0


@cache
def _common(name: str) -> frozenset[str]:
    """The most common letters of a script as a language writes it."""
    path = Path(__file__).with_name("common_letters.json")
    return frozenset(json.loads(path.read_text(encoding="utf-8"))[name])


def _han(name: str, encoding: str, first: int, last: int, letters: int) -> Log:
    """Chinese characters: the most common ones, those that the standard has on its first level, and the others."""

    def letter(of: str) -> float:
        if _kind(of) != "CJK" or unicodedata.category(of) != "Lo":
            return _NEVER
        if of in _common(name):
            return _share(0.6, len(_common(name)))
        if first <= _lead(of, encoding) <= last:
            return _share(0.37, letters)
        return _share(0.025, 3_000) if _lead(of, encoding) else _share(0.005, 15_000)

    return letter


_japanese_han = _han("japanese", "shift_jis", 0x88, 0x97, 2_965)


def _japanese(letter: str) -> float:
    if "\u3041" <= letter <= "\u30fe":
        return _share(0.5, 2 * 83)
    return _share(0.02, 63) - 3 if "\uff66" <= letter <= "\uff9f" else _japanese_han(letter) + math.log(0.5)


def _korean(letter: str) -> float:
    common = _common("korean")
    if letter in common:
        return _share(0.85, len(common))
    if "\uac00" <= letter <= "\ud7a3":
        return _share(0.145, 2_000) if _lead(letter, "euc_kr") else _share(0.003, 8_822)
    return _share(0.002, 4_888) if _kind(letter) == "CJK" else _NEVER


def _cyrillic(letter: str) -> float:
    if letter.lower() not in _common("cyrillic"):
        return _NEVER
    return _share(1, 33)


def _latin(letter: str) -> float:
    common = _common("latin")
    if letter.lower() not in common:
        return -9.0 if letter.isalpha() else -12.0
    return _share(1, len(common))


_CANDIDATES = (
    _Candidate("gbk", 0.0, _han("simplified", "gb2312", 0xB0, 0xD7, 3_755)),
    _Candidate("big5", -1.0, _han("traditional", "big5", 0xA4, 0xC6, 5_401)),
    _Candidate("cp932", -1.0, _japanese),
    _Candidate("cp949", -1.0, _korean),
    _Candidate("cp866", -1.0, _cyrillic),
    _Candidate("cp1251", -2.0, _cyrillic),
    _Candidate("cp437", -1.0, _latin),
    _Candidate("cp850", -1.5, _latin),
    _Candidate("cp1252", -1.0, _latin),
)
"""What archivers on Windows and DOS write: code pages of the system's language."""
