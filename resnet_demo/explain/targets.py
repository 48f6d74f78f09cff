"""What a map is asked about: one class, the best ones, or why one class and not another."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from resnet_demo.texts import AppError

Target = Callable[[Tensor], Tensor]
"""Logits (N, classes) -> how much of each makes up the score that a map explains, (N, classes)."""

CHOICES_SHOWN = 12


def named(index: int) -> Target:
    """The logit of one class."""

    def target(logits: Tensor) -> Tensor:
        return _one_hot(logits, torch.full((len(logits),), index, device=logits.device))

    return target


def best(rank: int = 0) -> Target:
    """The logit of the class that each photo's network finds most probable, or of the one `rank` places behind it."""

    def target(logits: Tensor) -> Tensor:
        return _one_hot(logits, logits.argsort(dim=1, descending=True, stable=True)[:, rank])

    return target


def difference(wanted: Target, other: Target) -> Target:
    """Why one and not the other: by how much the first one's logit is above the second one's."""

    def target(logits: Tensor) -> Tensor:
        return wanted(logits) - other(logits)

    return target


def settled(wanted: Tensor) -> Target:
    """What a target came to before, (classes,), whatever is answered now."""

    def target(logits: Tensor) -> Tensor:
        return wanted.to(logits).expand_as(logits)

    return target


def _one_hot(logits: Tensor, indices: Tensor) -> Tensor:
    return torch.zeros_like(logits).scatter_(1, indices[:, None], 1.0)


def probability(logits: Tensor, wanted: Tensor) -> Tensor:
    """How probable it is that a photo shows what was asked about, (N,); of two classes, the one rather than the other.

    Args:
        logits: (N, classes).
        wanted: what a target made of them, (N, classes).
    """
    one = (logits.softmax(dim=1) * wanted).sum(dim=1)
    rather = (logits * wanted).sum(dim=1).sigmoid()
    return torch.where((wanted < 0).any(dim=1), rather, one)


def class_named(labels: Sequence[str], name: str) -> int:
    """The index of a class by its name, in capitals or not.

    Raises:
        AppError: there is none of that name; the sentence gives the choices, of many those that are spelt most alike.
    """
    folded = [label.casefold() for label in labels]
    wish = name.strip().casefold()
    if wish in folded:
        return folded.index(wish)
    if len(labels) <= CHOICES_SHOWN:
        raise AppError("explain.problem.unknown_class", name=name, choices=", ".join(labels))
    alike = difflib.get_close_matches(wish, folded, CHOICES_SHOWN, cutoff=0.0)
    choices = ", ".join(labels[folded.index(label)] for label in alike)
    raise AppError("explain.problem.unknown_of_many", name=name, classes=len(labels), choices=choices)
