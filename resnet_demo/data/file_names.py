"""Untrusted names of files and folders: decoded, checked, and made displayable."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from pathlib import PureWindowsPath

from resnet_demo.texts import AppError

MAX_NAME_BYTES = 255
"""Of one file or folder, in UTF-8: the limit of common file systems."""

MAX_PATH_BYTES = 900
MAX_DEPTH = 32
MAX_SHOWN = 200
"""Characters: also the longest label of a saved model."""

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Lone surrogates that do not stand for a byte of a file name (PEP 383)."""


def decoded(raw: bytes) -> str:
    """Decode a name of unknown encoding, each folder and file by itself.

    UTF-8 if it is valid; else GBK, as on Chinese Windows, if most of the non-ASCII bytes are GB 2312 characters (both
    bytes high); else code page 437, the default of the zip specification (APPNOTE 6.3.10, appendix D).
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
    """Split a relative name at `/` and `\\` into its folders and its file, normalised to NFC.

    Raises:
        AppError: the name leads out of its folder, or is not valid on common file systems.
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if name.startswith("/") or PureWindowsPath(name).drive or any(not part.strip(" .") for part in parts):
        raise AppError("file_names.problem.outside", name=display_name(name))
    if not parts or any(_is_control(letter) for letter in name):
        raise AppError("file_names.problem.characters", name=display_name(name))
    longest = max(len(part.encode()) for part in parts)
    if longest > MAX_NAME_BYTES or len(name.encode()) > MAX_PATH_BYTES or len(parts) > MAX_DEPTH:
        raise AppError("file_names.problem.long", name=display_name(name))
    return parts


def one_part(preferred: str) -> str:
    """A valid name of a single file or folder close to `preferred`; empty if nothing is left."""
    name = unicodedata.normalize("NFC", re.sub(r"[\\/:]+", "-", preferred))
    name = "".join(letter for letter in name if not _is_control(letter)).strip(" .")
    return name.encode()[: MAX_NAME_BYTES // 2].decode(errors="ignore").strip(" .")


def display_name(name: str) -> str:
    """A name fit for display and for labels: control characters replaced, truncated."""
    text = decoded(_NO_BYTE.sub("\N{REPLACEMENT CHARACTER}", name).encode("utf-8", "surrogateescape"))
    text = "".join("\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in text)
    return unicodedata.normalize("NFC", text)[:MAX_SHOWN]


def natural_order(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """A sort key by which `class 2` comes before `Class 10`, and numbers before letters."""
    pieces = re.findall(r"([0-9]+)|([^0-9]+)", name.casefold())
    return [(not digits, int(digits or 0), letters) for digits, letters in pieces], name


class TakenPaths:
    """The paths in use in a folder; names that differ only in case or Unicode normalisation count as the same."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, ...]] = {}
        self._files: set[str] = set()
        self._numbers: dict[str, int] = {}

    def claim(self, parts: tuple[str, ...], *, folder: bool = False) -> None:
        """Take the path of a file or a folder, and of the folders above it.

        Raises:
            AppError: the path, or one of its folders, is in use by a file or in another spelling.
        """
        for end in range(1, len(parts) + folder):
            above = parts[:end]
            key = _key(above)
            if key in self._files or self._folders.setdefault(key, above) != above:
                raise AppError("file_names.problem.collision", name=display_name("/".join(parts)))
        if not folder:
            key = _key(parts)
            if key in self._files or key in self._folders:
                raise AppError("file_names.problem.collision", name=display_name("/".join(parts)))
            self._files.add(key)

    def claim_free(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Take a free path for a file close to `parts`: in existing folders, with a number at the end if needed."""
        folder: tuple[str, ...] = ()
        for part in parts[:-1]:
            folder = self._folders.get(_key((*folder, part)), (*folder, part))
        stem, dot, suffix = parts[-1].rpartition(".")
        stem, ending = (stem, dot + suffix) if stem else (parts[-1], "")
        place = (*folder, parts[-1])
        wished = _key(place)
        while _key(place) in self._files or _key(place) in self._folders:
            number = self._numbers[wished] = self._numbers.get(wished, 1) + 1
            place = (*folder, f"{stem}-{number}{ending}")
        self.claim(place)
        return place


def _key(parts: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts).casefold())


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs"}
