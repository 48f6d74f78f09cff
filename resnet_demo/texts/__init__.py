"""Every sentence a person meets, in every language of the app, and errors that carry one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

DEFAULT_LANGUAGE = "en"

Field = str | int | float

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters (C0, DEL, C1), line breaks, and what turns the direction of writing round (Trojan Source)."""


@dataclass(frozen=True)
class Message:
    """A sentence that is not yet in any language: a key into the texts and what fills its gaps."""

    key: str
    fields: Mapping[str, Field] = field(default_factory=dict)

    def say(self, language: str = DEFAULT_LANGUAGE) -> str:
        """The sentence in `language`."""
        return text(self.key, language, **self.fields)


class AppError(Exception):
    """Something a person can understand and act on; the edge (page, command line) puts it into words."""

    def __init__(self, key: str, **fields: Field) -> None:
        self.message = Message(key, fields)
        super().__init__(self.message.say())

    def say(self, language: str = DEFAULT_LANGUAGE) -> str:
        """The sentence in `language`."""
        return self.message.say(language)


@cache
def all_texts(language: str) -> Mapping[str, str]:
    """Key to sentence, as written in the language's file."""
    path = Path(__file__).with_name(f"{language}.json")
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


def _languages() -> dict[str, str]:
    tags = sorted(path.stem for path in Path(__file__).parent.glob("*.json"))
    tags.sort(key=lambda tag: tag != DEFAULT_LANGUAGE)
    return {tag: all_texts(tag)["language.name"] for tag in tags}


LANGUAGES = _languages()
"""The name of each language by its tag (RFC 5646), the default one first: a file of this folder each."""


def text(key: str, language: str = DEFAULT_LANGUAGE, **fields: Field) -> str:
    """The sentence behind `key`, its gaps (`{name}`) filled with `fields`: text that UTF-8 can hold.

    A language comes from a browser, so from anybody: one that is none of ours is taken for the default one.

    Raises:
        KeyError: no such key, or a gap without its field: a mistake of ours, found by the tests.
    """
    sentence = all_texts(known_language(language))[key]
    return writable(sentence.format_map(fields)) if fields else sentence


def known_language(told: object) -> str:
    """A language of ours: the one that was told, or else the default one."""
    return told if isinstance(told, str) and told in LANGUAGES else DEFAULT_LANGUAGE


def writable(words: str) -> str:
    """The same words, with halves of surrogate pairs, which UTF-8 has no bytes for, spelt out."""
    return words.encode("utf-8", "backslashreplace").decode("utf-8")


def visible(words: str) -> str:
    """One line to be shown as it is: what a terminal would obey, or a reader not see, is spelt out (`\\x1b`, `\\n`)."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), writable(words))


def best_language(accept_language: str | None) -> str:
    """The app's language that suits a browser's `Accept-Language` header best (RFC 9110, 12.5.4)."""
    preferences: list[tuple[float, str]] = []
    for part in (accept_language or "").split(","):
        tag, _, rest = part.strip().partition(";")
        quality = rest.strip().removeprefix("q=") or "1"
        try:
            preferences.append((float(quality), tag.strip().lower()))
        except ValueError:
            continue
    for _, tag in sorted(
        (preference for preference in preferences if preference[0] > 0), key=lambda preference: -preference[0]
    ):
        for language in LANGUAGES:
            if tag.split("-")[0] == language.lower().split("-")[0]:
                return language
    return DEFAULT_LANGUAGE


def language_of(environ: Mapping[str, str]) -> str:
    """The app's language that suits a terminal's environment (`LC_ALL`, `LC_MESSAGES`, `LANG`, as POSIX ranks them)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return best_language(environ[name].split(".")[0].replace("_", "-"))
    return DEFAULT_LANGUAGE
