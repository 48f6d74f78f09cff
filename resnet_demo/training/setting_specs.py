"""The specification of one setting: its kind, range, choices, flag and labels; parsing and validation."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from resnet_demo.texts import AppError, Message

Kind = Literal["whole", "number", "choice", "switch", "text"]
METADATA = "setting"
MAX_CHARACTERS = 4096


@dataclass(frozen=True)
class SettingSpec:
    """What values one setting may have.

    A `whole` or a `number` lies between `low` and `high`, both included. An `optional` setting may be None: then a
    preset or the data decide. `flag` is what the command line calls it, None where it is given by place, and
    `metavar` what stands for its value there.
    """

    name: str
    kind: Kind
    default: Any
    low: float = -math.inf
    high: float = math.inf
    choices: Collection[str | int] = ()
    optional: bool = False
    flag: str | None = None
    metavar: str = "X"

    @property
    def label(self) -> Message:
        """What it is called, for people."""
        return Message(f"train.setting.{self.name}")

    @property
    def hint(self) -> Message:
        """What it does, in a sentence."""
        return Message(f"train.setting.{self.name}.hint")

    def choice_label(self, choice: str | int) -> Message:
        """What one of its `choices` means, for people."""
        return Message(f"train.setting.{self.name}.{choice}")

    def check(self, value: Any) -> Any:
        """The value, converted to the type of this setting.

        Raises:
            AppError: it is of another kind, or out of range; the sentence says what would do.
        """
        if value is None and self.optional:
            return None
        if self.kind == "switch" and isinstance(value, bool):
            return value
        if self.kind == "text" and isinstance(value, str) and 0 < len(value) <= MAX_CHARACTERS:
            return value
        if self.kind == "choice" and type(value) in (str, int) and value in self.choices:
            return value
        if self.kind in {"whole", "number"} and type(value) in (int, float):
            fits = self.low <= value <= self.high and (self.kind == "number" or value == int(value))
            if fits:
                return int(value) if self.kind == "whole" else float(value)
        raise self.refusal(value)

    def refusal(self, value: object) -> AppError:
        """The sentence that says what would do instead of this value."""
        said = {"name": self.display_name, "value": str(value)[:80]}
        if self.kind in {"whole", "number"}:
            key = "train.problem.whole" if self.kind == "whole" else "train.problem.number"
            return AppError(key, low=f"{self.low:g}", high=f"{self.high:g}", **said)
        if self.kind == "choice":
            return AppError("train.problem.choice", choices=", ".join(map(str, self.choices)), **said)
        return AppError("train.problem.switch" if self.kind == "switch" else "train.problem.text", **said)

    @property
    def display_name(self) -> str:
        """How a sentence names it: as one would type it."""
        return self.flag or self.name

    def parse(self, value: str) -> Any:
        """A word of the command line, checked.

        Raises:
            AppError: as `check`; argparse lets it through, so that no usage is printed above the sentence.
        """
        converters: Mapping[str, Callable[[str], Any]] = {"whole": int, "number": float, "choice": self._chosen}
        try:
            return self.check(converters.get(self.kind, str)(value))
        except ValueError:
            raise self.refusal(value) from None

    def _chosen(self, value: str) -> str | int:
        return next((choice for choice in self.choices if str(choice) == value), value)

    def words(self, value: Any) -> list[str]:
        """The words of a command line that give it this value."""
        if self.flag is None:
            return [str(value)]
        if self.kind == "switch":
            return [self.flag if value else f"--no-{self.flag[2:]}"]
        return [self.flag, f"{value:g}" if self.kind == "number" and float(f"{value:g}") == value else str(value)]


def setting(kind: Kind, default: Any = None, *, flag: str | None = "", **limits: Any) -> Any:
    """A dataclass field with a specification; optional if its default is None. Its flag is made from its name."""
    entries = {"kind": kind, "default": default, "flag": flag, **limits}
    return dataclasses.field(default=default, metadata={METADATA: entries})


def setting_specs(settings: type, make: type[SettingSpec] = SettingSpec) -> dict[str, SettingSpec]:
    """The specification of each setting of a dataclass by name, in its order; `make` says where their texts are."""
    found = {}
    for field in dataclasses.fields(settings):
        entries = dict(field.metadata[METADATA])
        if entries["flag"] == "":
            entries["flag"] = f"--{field.name.replace('_', '-')}"
        found[field.name] = make(name=field.name, optional=entries["default"] is None, **entries)
    return found


def unknown(name: str, known: Sequence[str]) -> AppError:
    """The refusal of a setting that there is none of, with the nearest that there is."""
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return AppError("train.problem.unknown_setting", name=name[:80], nearest=nearest[0])


def add_flags(parser: argparse.ArgumentParser, specs: Mapping[str, SettingSpec], language: str) -> None:
    """An argument for each setting; one that is not given leaves no trace in the parsed arguments."""
    for one in specs.values():
        hint = one.hint.say(language).replace("%", "%%")
        if one.flag is None:
            parser.add_argument(one.name, type=one.parse, metavar=one.metavar, help=hint)
            continue
        options: dict[str, Any] = {"dest": one.name, "default": argparse.SUPPRESS, "help": hint}
        if one.kind == "switch":
            options["action"] = argparse.BooleanOptionalAction
        elif one.kind == "choice":
            options |= {"type": one.parse, "metavar": "|".join(map(str, one.choices))}
        else:
            options |= {"type": one.parse, "metavar": "N" if one.kind == "whole" else one.metavar}
        parser.add_argument(one.flag, **options)
