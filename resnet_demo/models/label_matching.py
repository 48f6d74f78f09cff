"""Names of classes matched with a model's labels, where they are spelled otherwise and mean the same beyond doubt."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels

_WORDNET_ID = re.compile(r"(n\d{8})(?:[-_ ].*)?", re.IGNORECASE | re.DOTALL)
"""A WordNet id alone, or with a name behind it, as in `n02085620-Chihuahua`."""
_NUMBERED = re.compile(r"(.+) \(\d+\)")
"""What `models.description` makes of a label that a model has twice."""


@dataclass(frozen=True)
class LabelMatches:
    """What names mean among a model's labels.

    `index` has the label's index of each name that means one, `respelled` those of them that are spelled otherwise,
    with the label, and `ambiguous` the names that could mean several labels, with these.
    """

    index: Mapping[str, int]
    respelled: Mapping[str, str]
    ambiguous: Mapping[str, tuple[str, ...]]


def match_labels(names: Iterable[str], labels: Sequence[str]) -> LabelMatches:
    """Match names with labels, by the first of these rules that finds any label for a name.

    It is the label; it is the label but for case, blanks, hyphens and underscores (Unicode NFKC); it is the WordNet id
    of the label, or the label is that of the name; one of the two is the first of the other's synonyms, as in "koala,
    koala bear". Where a rule finds several labels, the name means none.
    """
    rules = [_by_key(labels, keys) for keys in _RULES]
    index, respelled, ambiguous = {}, {}, {}
    for name in names:
        found = next(
            (found for keys, rule in zip(_RULES, rules, strict=True) if (found := _found(name, keys, rule))), ()
        )
        if len(found) == 1:
            index[name] = found[0]
            if labels[found[0]] != name:
                respelled[name] = labels[found[0]]
        elif found:
            ambiguous[name] = tuple(labels[number] for number in found)
    return LabelMatches(index, respelled, ambiguous)


Keys = Callable[[str], set[str]]


def _by_key(labels: Sequence[str], keys: Keys) -> Mapping[str, set[int]]:
    by_key: dict[str, set[int]] = defaultdict(set)
    for number, label in enumerate(labels):
        numbered = _NUMBERED.fullmatch(label)
        twice = {numbered[1]} if numbered and numbered[1] in labels else set()
        for spelling in {label} | twice:
            for key in keys(spelling):
                by_key[key].add(number)
    return by_key


def _found(name: str, keys: Keys, by_key: Mapping[str, set[int]]) -> tuple[int, ...]:
    return tuple(sorted(set().union(*(by_key.get(key, set()) for key in keys(name)))))


def _spelled(name: str) -> str:
    """A name without what spellings of it differ in."""
    return " ".join(re.split(r"[\s_\-]+", unicodedata.normalize("NFKC", name).casefold())).strip()


def _first_synonym(name: str) -> str:
    return _spelled(name.partition(",")[0])


def _wordnet_ids(name: str) -> set[str]:
    """The WordNet ids that a name is or that ImageNet's class of this name has."""
    given = _WORDNET_ID.fullmatch(name.strip())
    if given:
        return {given[1].lower()}
    ids = _imagenet_ids_by_name()
    return ids.get(_spelled(name), set()) | ids.get(_first_synonym(name), set())


@cache
def _imagenet_ids_by_name() -> Mapping[str, set[str]]:
    ids = defaultdict(set)
    for wordnet_id, label in zip(imagenet_ids(), imagenet_labels(), strict=True):
        ids[_spelled(label)].add(wordnet_id)
    return ids


_RULES: tuple[Keys, ...] = (
    lambda name: {name},
    lambda name: {_spelled(name)} - {""},
    _wordnet_ids,
    lambda name: {_spelled(name), _first_synonym(name)} - {""},
)
