"""Names of files and folders that came from elsewhere, made fit to be used and shown here."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from pathlib import PureWindowsPath

from resnet_demo.texts import AppError

MAX_NAME_BYTES = 255
"""Of one file or folder, in UTF-8: what the usual file systems take."""

MAX_PATH_BYTES = 900
MAX_DEPTH = 32
MAX_SHOWN = 200
"""Characters: the longest label that a saved model may have."""

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of surrogate pairs that stand for no byte of a file's name (PEP 383)."""


def decoded(raw: bytes) -> str:
    """The text of a name whose encoding nobody told, one folder or file after the other.

    UTF-8 where it is that; else GBK, as Chinese Windows writes, where most of what is not ASCII falls on GB 2312's
    characters, both bytes high; else code page 437, which zip's specification (APPNOTE 6.3.10, appendix D) names.
    """
    return "/".join(_decoded(part) for part in raw.split(b"/"))


def _decoded(raw: bytes) -> str:
    for encoding in ("utf-8", "gbk") if _looks_chinese(raw) else ("utf-8",):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("cp437")


def _looks_chinese(raw: bytes) -> bool:
    pairs: list[bytes] = re.findall(rb"[\x81-\xfe][\x40-\xfe]", raw)
    return 2 * sum(min(pair) >= 0xA1 for pair in pairs) > len(pairs)


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file of a relative name, with `/` or `\\` between them, in Unicode's form NFC.

    Raises:
        AppError: the name leads out of its folder, or no file system of ours can hold it.
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if name.startswith("/") or PureWindowsPath(name).drive or any(not part.strip(" .") for part in parts):
        raise AppError("names.problem.outside", name=shown(name))
    if not parts or any(_is_control(letter) for letter in name):
        raise AppError("names.problem.characters", name=shown(name))
    longest = max(len(part.encode()) for part in parts)
    if longest > MAX_NAME_BYTES or len(name.encode()) > MAX_PATH_BYTES or len(parts) > MAX_DEPTH:
        raise AppError("names.problem.long", name=shown(name))
    return parts


def one_part(wish: str) -> str:
    """What comes nearest to `wish` as the name of a single file or folder; empty where nothing is left."""
    name = unicodedata.normalize("NFC", re.sub(r"[\\/:]+", "-", wish))
    name = "".join(letter for letter in name if not _is_control(letter)).strip(" .")
    return name.encode()[: MAX_NAME_BYTES // 2].decode(errors="ignore").strip(" .")


def shown(name: str) -> str:
    """A name as it can be shown, stored, and used as a label: control characters replaced, its end cut off."""
    text = decoded(_NO_BYTE.sub("\N{REPLACEMENT CHARACTER}", name).encode("utf-8", "surrogateescape"))
    text = "".join("\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in text)
    return unicodedata.normalize("NFC", text)[:MAX_SHOWN]


def natural_order(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """A sort key by which `class 2` comes before `Class 10`, and numbers before letters."""
    pieces = re.findall(r"([0-9]+)|([^0-9]+)", name.casefold())
    return [(not digits, int(digits or 0), letters) for digits, letters in pieces], name


class Places:
    """The places taken in a folder, compared as by a file system that minds neither case nor Unicode's form."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, ...]] = {}
        self._files: set[str] = set()
        self._numbers: dict[str, int] = {}

    def claim(self, parts: tuple[str, ...], *, folder: bool = False) -> None:
        """Take a place for a file or a folder, and its folders with it.

        Raises:
            AppError: it, or one of its folders, is taken by a file or under another spelling.
        """
        for end in range(1, len(parts) + folder):
            above = parts[:end]
            key = _key(above)
            if key in self._files or self._folders.setdefault(key, above) != above:
                raise AppError("names.problem.collision", name=shown("/".join(parts)))
        if not folder:
            key = _key(parts)
            if key in self._files or key in self._folders:
                raise AppError("names.problem.collision", name=shown("/".join(parts)))
            self._files.add(key)

    def settle(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Take the free place for a file that is nearest to a wish: in folders already there, a number at its end."""
        settled: tuple[str, ...] = ()
        for part in parts[:-1]:
            settled = self._folders.get(_key((*settled, part)), (*settled, part))
        stem, dot, suffix = parts[-1].rpartition(".")
        stem, ending = (stem, dot + suffix) if stem else (parts[-1], "")
        place = (*settled, parts[-1])
        wished = _key(place)
        while _key(place) in self._files or _key(place) in self._folders:
            number = self._numbers[wished] = self._numbers.get(wished, 1) + 1
            place = (*settled, f"{stem}-{number}{ending}")
        self.claim(place)
        return place


def _key(parts: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts).casefold())


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs"}
