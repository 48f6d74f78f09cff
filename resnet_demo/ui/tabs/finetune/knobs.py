"""The settings of the next training as components, made from the register of knobs; and what they hold, read back.

A number is a line of text: left empty, its placeholder says what will be taken instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import gradio as gr

from resnet_demo.catalogue import Entry
from resnet_demo.models import variants
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import KNOBS, Settled, TrainConfig
from resnet_demo.training.knobs import Knob
from resnet_demo.ui.language import Words

NETWORK = "network"
USUAL_NETWORK = TrainConfig("photos").network
FIRST = ("scratch", "train_depth", "preset")
ELSEWHERE = ("data", "variant", "parent")
"""Knobs without a component of their own: the photos are those in hand, and `NETWORK` stands for the two others."""
REST = tuple(name for name in KNOBS if name not in {*FIRST, *ELSEWHERE})
NAMES = (NETWORK, *FIRST, *REST)
LEFT = ""
"""What a knob holds that is left to the preset."""
ANSWERS = {"yes": True, "no": False}
MAX_TYPED = 40
MAX_NETWORK = 4096

Values = Mapping[str, object]


def make(words: Words, name: str, **options: Any) -> Any:
    """The component of a knob, with its words."""
    knob = KNOBS[name]
    said: dict[str, Any] = {"label": knob.label.key, "info": knob.hint.key}
    options = {"value": usual(name), "interactive": True, "elem_id": f"train-{name}", **options}
    if knob.kind == "switch" and not knob.optional:
        return words.make(gr.Checkbox, said, **options)
    if knob.kind in {"choice", "switch"}:
        kind = gr.Radio if name == "preset" else gr.Dropdown
        return words.make(kind, {**said, "choices": lambda language: choices(name, language)}, **options)
    return words.make(gr.Textbox, said, placeholder=placeholder(name, None), max_lines=1, **options)


def usual(name: str) -> Any:
    """What the component of a knob holds as long as nobody has touched it."""
    if name == NETWORK:
        return USUAL_NETWORK
    knob = KNOBS[name]
    if knob.optional or knob.kind in {"whole", "number"}:
        return LEFT
    return knob.default


def choices(name: str, language: str, settled: Settled | None = None) -> list[tuple[str, str]]:
    """What can be chosen for a knob, in words; for what is left to the preset with what that comes to."""
    knob = KNOBS[name]
    given = list(ANSWERS) if knob.kind == "switch" else [str(choice) for choice in knob.choices]
    found = [(_said(knob, choice, language), choice) for choice in given]
    if not knob.optional:
        return found
    left = text("train.form.left", language)
    if settled is not None:
        left = text("train.form.left_to", language, value=shown(name, getattr(settled, name), language))
    return [(left, LEFT), *found]


def shown(name: str, value: object, language: str) -> str:
    """A knob's value as a person reads it."""
    knob = KNOBS[name]
    if isinstance(value, bool):
        return text("train.form.yes" if value else "train.form.no", language)
    if knob.kind == "choice":
        return _said(knob, str(value), language)
    return f"{value:g}" if isinstance(value, float) else str(value)


def placeholder(name: str, settled: Settled | None) -> str:
    """What stands in an empty line: what will be taken, as far as that is known."""
    knob = KNOBS[name]
    value = getattr(settled, name) if settled is not None else knob.default
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def hinted(name: str, settled: Settled, language: str) -> dict[str, Any]:
    """Properties of a knob's component that tell what an untouched one comes to."""
    if name == NETWORK or not (KNOBS[name].optional or KNOBS[name].kind in {"whole", "number"}):
        return {}
    if KNOBS[name].kind in {"choice", "switch"}:
        return {"choices": choices(name, language, settled)}
    return {"placeholder": placeholder(name, settled)}


def number(name: str, held: object, language: str) -> Any:
    """A number given for something that a knob has the bounds of.

    Raises:
        AppError: it is none, or out of them.
    """
    return _called(KNOBS[name], held, language)


def networks(entries: Sequence[Entry], language: str) -> list[tuple[str, str]]:
    """What a training can begin with: published weights, models of one's own, and networks that nobody published."""
    taught = [entry for entry in entries if entry.kind != "published"]
    bare = [variant.name for variant in variants.all_variants() if beginning(variant.name, entries) == "scratch"]
    return [
        *((entry.say(language), entry.name) for entry in entries if entry.kind == "published"),
        *((text("train.form.go_on", language, model=entry.say(language)), entry.name) for entry in taught),
        *((text("train.form.scratch_only", language, name=name), name) for name in bare),
    ]


def beginning(network: str, entries: Sequence[Entry]) -> Literal["published", "taught", "scratch"]:
    """What a choice of `networks` can begin with; what is in no list is taken for a model that was taught."""
    name = network.partition(":")[0]
    if any(entry.kind == "published" and entry.variant == name for entry in entries):
        return "published"
    return "scratch" if name in {variant.name for variant in variants.all_variants()} else "taught"


def read(values: Values, folder: str, entries: Sequence[Entry], language: str) -> TrainConfig:
    """The settings that the components hold, for the photos in a folder.

    Raises:
        AppError: one of them is not what it may be; the sentence calls it as the page does.
    """
    given = {name: _called(KNOBS[name], values[name], language) for name in (*FIRST, *REST)}
    network = str(values[NETWORK] or USUAL_NETWORK).strip()
    begins = beginning(network, entries)
    if begins == "taught":
        return TrainConfig(data=folder, **{**given, "parent": network, "scratch": False})
    return TrainConfig(data=folder, **{**given, "variant": network, "scratch": given["scratch"] or begins == "scratch"})


def restored(stored: object) -> dict[str, Any]:
    """What the components shall hold, of what a browser has kept: anything may stand there."""
    kept = stored if isinstance(stored, dict) else {}
    return {name: kept[name] if name in kept and _fits(name, kept[name]) else usual(name) for name in NAMES}


def _fits(name: str, value: object) -> bool:
    if name == NETWORK:
        return isinstance(value, str) and 0 < len(value) <= MAX_NETWORK
    knob = KNOBS[name]
    if knob.kind == "switch" and not knob.optional:
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if knob.kind in {"choice", "switch"}:
        return value in {choice for _, choice in choices(name, "en")}
    return len(value) <= MAX_TYPED and value.isprintable()


def _called(knob: Knob, held: object, language: str) -> Any:
    """The value of one knob; what is wrong with it is said with the knob's name on the page, not its flag."""
    try:
        return _READERS[knob.kind](knob, held)
    except AppError as error:
        fields = {**error.message.fields, "name": knob.label.say(language)}
        raise AppError(error.message.key, **fields) from error


def _number(knob: Knob, held: object) -> Any:
    word = str(held if held is not None else LEFT).strip()
    if not word:
        return knob.default
    try:
        return knob.check(float(word))
    except ValueError:
        raise knob.refusal(word) from None


def _choice(knob: Knob, held: object) -> Any:
    if knob.optional and not held:
        return None
    return knob.check(next((choice for choice in knob.choices if str(choice) == held), held))


def _switch(knob: Knob, held: object) -> Any:
    return knob.check(ANSWERS.get(str(held)) if knob.optional else held)


_READERS: Mapping[str, Callable[[Knob, object], Any]] = {
    "whole": _number,
    "number": _number,
    "choice": _choice,
    "switch": _switch,
}


def _said(knob: Knob, choice: str, language: str) -> str:
    return text(f"train.form.{choice}", language) if knob.kind == "switch" else knob.choice_label(choice).say(language)
