"""Targets that a saliency map explains: one class, the best ones, or one class against another."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import torch
from torch import Tensor

from resnet_demo.models.class_names import class_names
from resnet_demo.models.pretrained import imagenet_ids, imagenet_labels
from resnet_demo.texts import DEFAULT_LANGUAGE, AppError

Target = Callable[[Tensor], Tensor]
"""Logits (N, classes) -> the weight of each logit in the score that a map explains, (N, classes)."""

CHOICES_SHOWN = 12


def named(index: int) -> Target:
    """The logit of one class."""

    def target(logits: Tensor) -> Tensor:
        return _one_hot(logits, torch.full((len(logits),), index, device=logits.device))

    return target


def best(rank: int = 0) -> Target:
    """The logit of each photo's most probable class, or of the class `rank` places behind it."""

    def target(logits: Tensor) -> Tensor:
        return _one_hot(logits, logits.argsort(dim=1, descending=True, stable=True)[:, rank])

    return target


def difference(target_class: Target, contrast_class: Target) -> Target:
    """One class against another: the difference of their logits."""

    def target(logits: Tensor) -> Tensor:
        return target_class(logits) - contrast_class(logits)

    return target


def fixed(weights: Tensor) -> Target:
    """The given weights (classes,), whatever the logits are."""

    def target(logits: Tensor) -> Tensor:
        return weights.to(logits).expand_as(logits)

    return target


def _one_hot(logits: Tensor, indices: Tensor) -> Tensor:
    return torch.zeros_like(logits).scatter_(1, indices[:, None], 1.0)


def probability(logits: Tensor, weights: Tensor) -> Tensor:
    """The probability of the target, (N,); of two classes, that of the first given that it is one of the two.

    Args:
        logits: (N, classes).
        weights: of the target, (N, classes).
    """
    single = (logits.softmax(dim=1) * weights).sum(dim=1)
    of_two = (logits * weights).sum(dim=1).sigmoid()
    return torch.where((weights < 0).any(dim=1), of_two, single)


def class_named(labels: Sequence[str], name: str, language: str = DEFAULT_LANGUAGE) -> int:
    """The index of a class by its label or its name in `language`, by the WordNet id of a class of ImageNet's, or by
    its index; upper and lower case count as the same.

    A label counts before an index, so that of the digits 9 to 0 the `3` is the class called 3.

    Raises:
        AppError: there is no such class; the message lists the choices or, of many, the closest names.
    """
    names = class_names(labels, language)
    known: dict[str, int] = {}
    for called in (str, names.short, names.full, _imagenets_other_name):  # labels first
        for index, label in enumerate(labels):
            known.setdefault(called(label).casefold(), index)
    asked = name.strip().casefold()
    if asked in known:
        return known[asked]
    if asked.isdecimal() and int(asked) < len(labels):
        return int(asked)
    if len(labels) <= CHOICES_SHOWN:
        raise AppError("explain.problem.unknown_class", name=name, choices=", ".join(map(names.full, labels)))
    alike = dict.fromkeys(known[one] for one in difflib.get_close_matches(asked, known, CHOICES_SHOWN, cutoff=0.0))
    choices = ", ".join(names.full(labels[index]) for index in alike)
    raise AppError("explain.problem.unknown_of_many", name=name, classes=len(labels), choices=choices)


def _imagenets_other_name(label: str) -> str:
    """The WordNet id of a class of ImageNet's that is called so, or its name where the label is its id."""
    return _other_names().get(label, label)


@cache
def _other_names() -> Mapping[str, str]:
    ids, names = imagenet_ids(), imagenet_labels()
    return {**dict(zip(ids, names, strict=True)), **dict(zip(names, ids, strict=True))}
