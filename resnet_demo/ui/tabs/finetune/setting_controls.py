"""The components for the settings of the next training, made from their specifications, and their values read back.

A number is a text box: left empty, its placeholder says what will be used instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import gradio as gr

from resnet_demo.catalogue import Entry
from resnet_demo.models import model_folders, variants
from resnet_demo.texts import AppError
from resnet_demo.training.config import READING_SETTINGS, TRAIN_SETTINGS, ResolvedConfig, TrainConfig
from resnet_demo.training.presets import PRESETS
from resnet_demo.training.setting_specs import SettingSpec
from resnet_demo.training.training_forecast import Forecast
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

NETWORK = "network"
DEFAULT_NETWORK = TrainConfig("photos").network
FIRST = ("scratch", "train_depth", "preset")
ELSEWHERE = ("data", "variant", "parent", "labels", *READING_SETTINGS)
"""Settings without a component of their own: the photos are those in hand, read as was said there, `NETWORK` stands for
two others, and the names of a file's classes are found beside it."""
REST = tuple(name for name in TRAIN_SETTINGS if name not in {*FIRST, *ELSEWHERE})
NAMES = (NETWORK, *FIRST, *REST)
FROM_PRESET = ""
"""The value of a setting that is left to the preset."""
YES_NO = {"yes": True, "no": False}
SUGGESTED = "suggested"
"""Beside the values, the preset that the page chose: as long as it stands, another may be suggested."""
MAX_TYPED = 40
MAX_NETWORK = 4096

Values = Mapping[str, object]


def create(translations: Translations, name: str, **options: Any) -> Any:
    """The component of a setting, with its texts."""
    spec = TRAIN_SETTINGS[name]
    said: dict[str, Any] = {"label": spec.label.key, "info": spec.hint.key}
    options = {"value": initial(name), "interactive": True, "elem_id": f"train-{name}", **options}
    if spec.kind == "switch" and not spec.optional:
        return translations.create(gr.Checkbox, said, **options)
    if spec.kind in {"choice", "switch"}:
        kind = gr.Radio if name == "preset" else gr.Dropdown
        return translations.create(kind, {**said, "choices": lambda: choices(name)}, **options)
    return translations.create(gr.Textbox, said, placeholder=placeholder(name, None), max_lines=1, **options)


def initial(name: str) -> Any:
    """The value of a setting's component until it is changed."""
    if name == NETWORK:
        return DEFAULT_NETWORK
    spec = TRAIN_SETTINGS[name]
    if spec.optional or spec.kind in {"whole", "number"}:
        return FROM_PRESET
    return spec.default


def choices(name: str, resolved: ResolvedConfig | None = None) -> list[tuple[str, str]]:
    """The choices of a setting, in words; for one that is left to the preset, with the resolved value."""
    spec = TRAIN_SETTINGS[name]
    given = list(YES_NO) if spec.kind == "switch" else [str(choice) for choice in spec.choices]
    found = [(_said(spec, choice), choice) for choice in given]
    if not spec.optional:
        return found
    left = say("train.form.from_preset")
    if resolved is not None:
        left = say("train.form.from_preset_value", value=value_text(name, getattr(resolved, name)))
    return [(left, FROM_PRESET), *found]


def value_text(name: str, value: object) -> str:
    """A setting's value as text for people."""
    spec = TRAIN_SETTINGS[name]
    if isinstance(value, bool):
        return say("train.form.yes" if value else "train.form.no")
    if spec.kind == "choice":
        return _said(spec, str(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def placeholder(name: str, resolved: ResolvedConfig | None) -> str:
    """The placeholder of an empty text box: the value that will be used, as far as it is known."""
    spec = TRAIN_SETTINGS[name]
    value = getattr(resolved, name) if resolved is not None else spec.default
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def hinted(name: str, resolved: ResolvedConfig) -> dict[str, Any]:
    """Properties of a setting's component that show the resolved value of an unchanged one."""
    if name == NETWORK or not (TRAIN_SETTINGS[name].optional or TRAIN_SETTINGS[name].kind in {"whole", "number"}):
        return {}
    if TRAIN_SETTINGS[name].kind in {"choice", "switch"}:
        return {"choices": choices(name, resolved)}
    return {"placeholder": placeholder(name, resolved)}


def number(name: str, held: object) -> Any:
    """A number within the bounds of a setting.

    Raises:
        AppError: it is none, or out of them.
    """
    return _validated(TRAIN_SETTINGS[name], held)


def networks(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """What a training can begin with: published weights, models of one's own, and networks that nobody published."""
    trained = [entry for entry in entries if entry.kind != "published"]
    bare = [variant.name for variant in variants.all_variants() if starting_point(variant.name, entries) == "scratch"]
    return [
        *((entry.say(current_language()), entry.name) for entry in entries if entry.kind == "published"),
        *((say("train.form.go_on", model=entry.say(current_language())), entry.name) for entry in trained),
        *((say("train.form.scratch_only", name=name), name) for name in bare),
    ]


def starting_point(network: str, entries: Sequence[Entry]) -> Literal["published", "trained", "scratch"]:
    """What a choice of `networks` can begin with; what is in no list is taken for a trained model."""
    name = network.partition(":")[0]
    if model_folders.looks_like_file(network):
        return "trained"
    if any(entry.kind == "published" and entry.variant == name for entry in entries):
        return "published"
    return "scratch" if name in {variant.name for variant in variants.all_variants()} else "trained"


def read(values: Values, folder: str, entries: Sequence[Entry]) -> TrainConfig:
    """The settings that the components hold, for the photos in a folder.

    Raises:
        AppError: one of them is not what it may be; the sentence calls it as the page does.
    """
    given = {name: _validated(TRAIN_SETTINGS[name], values[name]) for name in (*FIRST, *REST)}
    network = str(values[NETWORK] or DEFAULT_NETWORK).strip()
    begins = starting_point(network, entries)
    if begins == "trained":
        return TrainConfig(data=folder, **{**given, "parent": network, "scratch": False})
    return TrainConfig(data=folder, **{**given, "variant": network, "scratch": given["scratch"] or begins == "scratch"})


def suggested(stored: object) -> str:
    """The preset that the page chose last, of what a browser has kept."""
    name = stored.get(SUGGESTED) if isinstance(stored, dict) else None
    return name if isinstance(name, str) and name in PRESETS else initial("preset")


def timed_presets(told: Forecast) -> list[tuple[str, str]]:
    """The presets, each with the time that it takes here as far as that is known."""
    found = []
    for label, name in choices("preset"):
        taken = told.time_text(name, current_language())
        found.append((label if taken is None else say("train.form.preset_time", preset=label, time=taken), name))
    return found


def restored(stored: object) -> dict[str, Any]:
    """What the components shall hold, of what a browser has kept: anything may stand there."""
    kept = stored if isinstance(stored, dict) else {}
    return {name: kept[name] if name in kept and _fits(name, kept[name]) else initial(name) for name in NAMES}


def _fits(name: str, value: object) -> bool:
    if name == NETWORK:
        return isinstance(value, str) and 0 < len(value) <= MAX_NETWORK
    spec = TRAIN_SETTINGS[name]
    if spec.kind == "switch" and not spec.optional:
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if spec.kind in {"choice", "switch"}:
        return value in {choice for _, choice in choices(name)}
    return len(value) <= MAX_TYPED and value.isprintable()


def _validated(spec: SettingSpec, held: object) -> Any:
    """The value of one setting; an error names it as the page does, not by its flag."""
    try:
        return _READERS[spec.kind](spec, held)
    except AppError as error:
        fields = {**error.message.fields, "name": spec.label.say(current_language())}
        raise AppError(error.message.key, **fields) from error


def _number(spec: SettingSpec, held: object) -> Any:
    word = str(held if held is not None else FROM_PRESET).strip()
    if not word:
        return spec.default
    try:
        return spec.check(float(word))
    except ValueError:
        raise spec.refusal(word) from None


def _choice(spec: SettingSpec, held: object) -> Any:
    if spec.optional and not held:
        return None
    return spec.check(next((choice for choice in spec.choices if str(choice) == held), held))


def _switch(spec: SettingSpec, held: object) -> Any:
    return spec.check(YES_NO.get(str(held)) if spec.optional else held)


_READERS: Mapping[str, Callable[[SettingSpec, object], Any]] = {
    "whole": _number,
    "number": _number,
    "choice": _choice,
    "switch": _switch,
}


def _said(spec: SettingSpec, choice: str) -> str:
    return say(f"train.form.{choice}") if spec.kind == "switch" else spec.choice_label(choice).say(current_language())
