"""Names of classes in the reader's language, for models whose classes are known: ImageNet's, CIFAR-10's, the flowers'.

A model's files hold its labels, in English, and so do tables that programs read. `class_names.<language>.json` has a
name for each class of a label set; whoever reads English sees the labels alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels
from resnet_demo.texts import DEFAULT_LANGUAGE, known_language, text

IMAGENET = "imagenet"
MODELS_IN_USE = 32


@dataclass(frozen=True)
class ClassNames:
    """Names by label, for the classes of one model in one language; without any, labels are shown as they are.

    >>> names = class_names(("daisy", "dandelion", "roses", "sunflowers", "tulips"), "zh-CN")
    >>> names.short("daisy"), names.full("daisy")
    ('雏菊', '雏菊（daisy）')
    """

    translated: Mapping[str, str] = field(default_factory=dict)
    language: str = DEFAULT_LANGUAGE

    def short(self, label: str) -> str:
        """The name in the reader's language, or the label where there is none."""
        return self.translated.get(label, label)

    def full(self, label: str) -> str:
        """The same with the label beside it, for where there is room."""
        name = self.translated.get(label)
        return label if name is None else text("class_names.both", self.language, name=name, label=label)


def class_names(labels: Sequence[str], language: str) -> ClassNames:
    """The names of a model's classes.

    Translated as a whole or not at all: `labels` have to be those of a known label set, all of them and in its order.
    Single words are left alone, for a "crane" of somebody's own may be the bird or the machine.
    """
    return _class_names(tuple(labels), known_language(language))


@lru_cache(MODELS_IN_USE)
def _class_names(labels: tuple[str, ...], language: str) -> ClassNames:
    for known, names in label_sets(language):
        if labels == known:
            return ClassNames(dict(zip(labels, names, strict=True)), language)
    return ClassNames()


def label_sets(language: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The labels of each known label set with their names in `language`; nothing where nobody has translated any."""
    for label_set, names in _translations(language).items():
        if label_set == IMAGENET:
            yield imagenet_labels(), tuple(names[wordnet_id] for wordnet_id in imagenet_ids())
        else:
            yield tuple(names), tuple(names.values())


@cache
def _translations(language: str) -> Mapping[str, Mapping[str, str]]:
    """By label set: names by label or, since ImageNet's labels have homonyms, by WordNet id."""
    path = Path(__file__).with_name(f"class_names.{language}.json")
    if not path.exists():
        return {}
    translations: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return translations
