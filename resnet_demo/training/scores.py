"""How a network does on some photos: exact sums over all of them and over all processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.training import recipe
from resnet_demo.training.feed import Batch, Feed, Labelled, Layers
from resnet_demo.training.ranks import Ranks


@dataclass(frozen=True)
class Scores:
    """Sums over `photos`; without any there is neither accuracy nor loss."""

    loss_sum: float = 0.0
    correct: int = 0
    photos: int = 0

    @property
    def accuracy(self) -> float:
        """The share that was named rightly."""
        return self.correct / self.photos if self.photos else math.nan

    @property
    def loss(self) -> float:
        """Mean cross-entropy."""
        return self.loss_sum / self.photos if self.photos else math.nan

    @classmethod
    def of(cls, probabilities: Tensor, labels: Tensor) -> Scores:
        """Those of photos whose probabilities, (N, classes), and true classes, (N,), are known."""
        loss = F.nll_loss(probabilities.double().log(), labels, reduction="sum")
        return cls(float(loss), int((probabilities.argmax(dim=1) == labels).sum()), len(labels))

    def better_than(self, other: Scores | None) -> bool:
        """Whether more were named rightly or, if as many, with a lower loss; without photos the later is better."""
        if other is None or not self.photos:
            return True
        return (self.correct, -self.loss_sum) > (other.correct, -other.loss_sum)


@torch.no_grad()
def score(answer: Callable[[Batch], Tensor], batches: Iterable[Batch], ranks: Ranks) -> Scores:
    """Ask for the logits of each batch; no photo is left out, none is counted twice."""
    loss = torch.zeros((), dtype=torch.float64)
    correct, photos = 0, 0
    with ranks.agreed():
        for batch in batches:
            logits = answer(batch).float()
            loss += recipe.loss_sum(logits, batch.targets, None, 0.0).cpu()
            correct += int((logits.argmax(dim=1) == batch.targets.argmax(dim=1)).sum())
            photos += len(logits)
    total = ranks.added(torch.stack([loss, torch.tensor(correct), torch.tensor(photos)]))
    return Scores(float(total[0]), int(total[1]), int(total[2]))


@torch.no_grad()
def probabilities(network: Layers, photos: Labelled, feed: Feed) -> Tensor:
    """What a network says of all photos that can be read, (n, classes), the same in every process."""
    ranks = feed.ranks
    with ranks.agreed():
        own = [network(batch.inputs).float().softmax(dim=1).cpu() for batch in feed.look(photos)]
    rows = torch.zeros(len(photos.readable), feed.classes)
    if own:
        rows[ranks.rank :: ranks.world] = torch.cat(own)
    ranks.fill_in(rows)
    return rows
