"""The words of one experiment for `static/experiment.js`: the question, what it means, and the form of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from resnet_demo.labs.configs import LabConfig
from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.labs.findings import right_option
from resnet_demo.labs.shipped import shipped_results
from resnet_demo.settings import Settings
from resnet_demo.texts import all_texts
from resnet_demo.training.setting_specs import SettingSpec
from resnet_demo.ui.visitor_context import current_language, say

SHOWN = ("degradation", "gradients", "identity", "shortcuts", "paths", "landscape", "schedules", "twins")
"""The experiments in the order of the tour."""
FIXED = ("skip", "how", "run_title", "run", "runs", "stop", "resume", "remove", "guess_right", "guess_wrong")
TITLES = ("means_title", "limits_title", "published_title")
DRAWN, CIFAR10, MINE = "drawn", "cifar10", "mine"
"""The pictures that the form offers; `mine` are those that were chosen on the Fine-tune tab."""


def shipped(name: str) -> dict[str, Any] | None:
    """The first result of an experiment that comes with the app, if there is one."""
    return next(iter(shipped_results(name).values()), None)


def experiment_texts(name: str, settings: Settings) -> dict[str, Any]:
    """All words of an experiment in the current language; `means`, `limits`, `published` and `next` are HTML."""
    result = shipped(name)
    return {
        "name": name,
        **{key: say(f"learn.{key}") for key in (*FIXED, *TITLES)},
        "question": say(f"learn.{name}.question"),
        "options": _options(name),
        "right": None if result is None else right_option(result),
        **{key: escape(say(f"learn.{name}.{key}")) for key in ("means", "limits", "published")},
        "next": _next(name),
        "settings": _form(EXPERIMENTS[name].config, name, settings),
    }


def _options(name: str) -> list[str]:
    known = all_texts(current_language())
    keys = (f"learn.{name}.option.{number}" for number in range(9))
    return [say(key) for key in keys if key in known]


def _next(name: str) -> str:
    """The link to the next stop of the tour."""
    after = SHOWN[SHOWN.index(name) + 1 :]
    place, key = (after[0], f"learn.{after[0]}.tab") if after else ("questions", "learn.part.questions")
    return f'<a href="#learn/{place}">{escape(say("learn.next", name=say(key)))}</a>'


def _form(config: type[LabConfig], name: str, settings: Settings) -> list[dict[str, Any]]:
    fields = []
    for spec in config.specs().values():
        choices = _choices(spec, settings)
        default = MINE if spec.name == "pictures" and name == "twins" else spec.default
        fields.append(
            {
                "name": spec.name,
                "kind": spec.kind,
                "label": spec.label.say(current_language()),
                "hint": spec.hint.say(current_language()),
                "value": default,
                "low": spec.low if choices is None else None,
                "high": spec.high if choices is None else None,
                "step": 1 if spec.kind == "whole" else "any",
                "choices": choices,
            }
        )
    return fields


def _choices(spec: SettingSpec, settings: Settings) -> Sequence[tuple[str, str]] | None:
    if spec.name == "pictures":
        offered = (DRAWN, MINE) if not settings.local_paths_allowed else (DRAWN, CIFAR10, MINE)
        return [(choice, say(f"learn.pictures.{choice}")) for choice in offered]
    if spec.kind == "choice":
        return [(str(choice), say(f"lab.kind.{choice}")) for choice in spec.choices]
    return None
