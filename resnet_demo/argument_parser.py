"""The parser of command lines, in the reader's language: help, usage and errors, argparse's own words among them."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable
from functools import partial
from typing import Any, NoReturn

from resnet_demo.terminal import columns
from resnet_demo.texts import DEFAULT_LANGUAGE, LANGUAGES, all_texts, text, visible

WRONG_REQUEST = 2

# argparse makes its sentences in English and passes them on; these are they, in Python 3.11 to 3.14, with the names of
# what stands in their gaps.
_ABOUT_ARGUMENT = re.compile(r"argument (\S.*?): (.+)", re.DOTALL)
_PROBLEMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "required": (r"the following arguments are required: (.+)", ("arguments",)),
    "one_required": (r"one of the arguments (.+) is required", ("arguments",)),
    "unknown": (r"unrecognized arguments: (.+)", ("given",)),
    "ambiguous": (r"ambiguous option: (.+) could match (.+)", ("given", "matches")),
    "choice": (r"invalid choice: (.+?)(?:, maybe you meant .+?\?)? \(choose from (.+)\)", ("given", "choices")),
    "excluded": (r"not allowed with argument (.+)", ("other",)),
    "one_value": (r"expected one argument", ()),
    "some_values": (r"expected at least one argument", ()),
    "kind": (r"invalid \S+ value: (.+)", ("given",)),
    "no_value": (r"ignored explicit argument (.+)", ("given",)),
}

# What a line of Chinese may be broken into: a letter or a word, with the punctuation that belongs to it.
_PIECE = re.compile(
    r"[\uff08\u201c\u300a]*(?:[\u2e80-\u2fff\u3040-\ufeff]|[^\s\u2e80-\uffef]+)?"
    r"[\uff09\u201d\u300b\uff0c\u3002\uff1a\uff1b\uff01\uff1f\u3001\u2026]*\s*"
)


class Parser(argparse.ArgumentParser):
    """An argument parser in one language, whose error messages are escaped, since arguments may be file names."""

    def __init__(self, *, language: str = DEFAULT_LANGUAGE, **options: Any) -> None:
        self.language = language
        ours: dict[str, Any] = {"add_help": False, "formatter_class": partial(_Formatter, language=language)}
        super().__init__(**options, **ours)
        self._positionals.title = text("arguments.positional", language)
        self._optionals.title = text("arguments.options", language)
        self.add_argument("-h", "--help", action="help", help=text("arguments.help", language))

    def add_subparsers(self, **options: Any) -> Any:
        """As argparse does it; the commands' parsers are in the same language."""
        parser_class: Any = partial(Parser, language=self.language)  # argparse only ever calls it
        return super().add_subparsers(parser_class=parser_class, **options)

    def error(self, message: str) -> NoReturn:
        """Print usage and error, and exit with 2."""
        self.print_usage(sys.stderr)
        said = text("arguments.error", self.language, program=self.prog, message=self._translated(message))
        self.exit(WRONG_REQUEST, visible(said) + "\n")

    def _translated(self, message: str) -> str:
        about = _ABOUT_ARGUMENT.fullmatch(message)
        if about is not None:
            argument, problem = _translated_metavars(about[1], self.language), self._translated(about[2])
            return text("arguments.problem.argument", self.language, argument=argument, problem=problem)
        for name, (pattern, gaps) in _PROBLEMS.items():
            found = re.fullmatch(pattern, message, re.DOTALL)
            if found is not None:
                fields = dict(zip(gaps, found.groups(), strict=True))
                if "arguments" in fields:
                    fields["arguments"] = _translated_metavars(fields["arguments"], self.language)
                return text(f"arguments.problem.{name}", self.language, **fields)
        return message  # a sentence of our own


class _Formatter(argparse.HelpFormatter):
    """Help with translated headings and placeholders, aligned and wrapped by columns: Chinese letters take two."""

    def __init__(self, prog: str, *, language: str, **options: Any) -> None:
        super().__init__(prog, **options)
        self._language = language

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        said = text("arguments.usage", self._language)
        ours = said + " " * said.isascii()  # a Chinese colon brings its own space
        super().add_usage(usage, actions, groups, ours if prefix is None else prefix)

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None) -> str:
        drawn = super()._format_usage(usage, actions, groups, prefix)
        return drawn.replace("\n ", "\n " + " " * (columns(prefix or "") - len(prefix or "")))

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Any:
        formatted = super()._metavar_formatter(action, default_metavar)
        return lambda count: tuple(one and _translated_metavars(one, self._language) for one in formatted(count))

    def _split_lines(self, words: str, width: int) -> list[str]:
        return list(_wrapped(" ".join(words.split()), width))

    def _fill_text(self, words: str, width: int, indent: str) -> str:
        lines = _wrapped(" ".join(words.split()), width - len(indent))
        return "\n".join(indent + line for line in lines)

    def _format_action(self, action: argparse.Action) -> str:
        drawn = super()._format_action(action)
        called = self._format_action_invocation(action)
        wider = columns(called) - len(called)
        first, rest = drawn.split("\n", 1)
        end = self._current_indent + len(called)
        said = first[end:].lstrip()
        if not wider or not said:
            return drawn
        gap = len(first) - end - len(said) - wider
        between = " " * gap if gap > 1 else "\n" + " " * (len(first) - len(said))
        return f"{first[:end]}{between}{said}\n{rest}"


def _wrapped(words: str, width: int) -> Iterable[str]:
    if columns(words) == len(words):
        return textwrap.wrap(words, width)
    lines = [""]
    for piece in _PIECE.findall(words):
        if columns(lines[-1] + piece.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _translated_metavars(words: str, language: str) -> str:
    """Placeholders such as FILE, in capital letters, in the reader's language."""
    if language == DEFAULT_LANGUAGE or language not in LANGUAGES:
        return words
    return re.sub(r"[A-Z]+", lambda found: _translated_metavar(found[0], language), words)


def _translated_metavar(word: str, language: str) -> str:
    known = f"arguments.metavar.{word.lower()}" in all_texts(language)
    return text(f"arguments.metavar.{word.lower()}", language) if known else word
