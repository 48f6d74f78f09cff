"""A head fitted to features: multinomial logistic regression by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PENALTIES = (1e-3, 1e-2, 1e-1)
"""Tried weights of the penalty on the squared coefficients of standardised features; the mean loss has weight 1."""

ITERATIONS = 100
SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True)
class LabelledFeatures:
    """Features (N, C), float32, of photos whose classes are `labels` (N,)."""

    features: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def fit_head(
    train: LabelledFeatures, val: LabelledFeatures, classes: int, *, class_weights: Tensor | None = None
) -> nn.Linear:
    """The linear head with the least loss on the training features.

    Coefficients of standardised features are pulled towards zero, as strongly as suits the validation features best:
    of the `PENALTIES` the one with the lowest loss there counts, the strongest where there are none.

    Args:
        class_weights: (classes,), weights of the loss.

    Raises:
        ValueError: there is nothing to learn from.
    """
    if not len(train):
        raise ValueError("no features")
    mean = train.features.mean(dim=0)
    deviation = train.features.std(dim=0, correction=0).clamp(min=SMALLEST_DEVIATION)
    inputs = (train.features - mean) / deviation
    heads = []
    for penalty in PENALTIES:
        head = _minimised(inputs, train.labels, classes, penalty, class_weights)
        with torch.no_grad():  # from now on for features as they are
            head.weight /= deviation
            head.bias.sub_(head.weight @ mean)
        heads.append(head)
    return min(reversed(heads), key=lambda head: _loss(head, val)) if len(val) else heads[-1]


def _minimised(inputs: Tensor, labels: Tensor, classes: int, penalty: float, weights: Tensor | None) -> nn.Linear:
    head = nn.Linear(inputs.shape[1], classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(head(inputs), labels, weights) + penalty * head.weight.square().sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.inference_mode(False), torch.enable_grad():
        optimiser.step(objective)  # type: ignore[no-untyped-call]
    return head.requires_grad_(False)


@torch.no_grad()
def _loss(head: nn.Linear, part: LabelledFeatures) -> float:
    return float(F.cross_entropy(head(part.features), part.labels))
