"""Accuracy and loss of a network on some photos: exact sums over all of them and over all processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.training import optimisation
from resnet_demo.training.batch_loader import Batch, BatchLoader, LabelledPhotos, Layers
from resnet_demo.training.decoded_photos import Report, unreported
from resnet_demo.training.distributed import DistributedContext


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


def metrics(**scores: Scores) -> dict[str, float]:
    """Scores by the name of the part of the photos, as a saved model has them; parts without photos are left out."""
    found: dict[str, float] = {}
    for part, of_part in scores.items():
        if of_part.photos:
            found |= {f"{part}_accuracy": of_part.accuracy, f"{part}_photos": float(of_part.photos)}
    return found


@torch.no_grad()
def score(
    predict: Callable[[Batch], Tensor],
    batches: Iterable[Batch],
    distributed: DistributedContext,
    report: Report = unreported,
) -> Scores:
    """Ask for the logits of each batch; no photo is left out, none is counted twice.

    `report` is told how many photos are done.
    """
    loss = torch.zeros((), dtype=torch.float64)
    correct, photos = 0, 0
    with distributed.fail_together():
        for batch in batches:
            logits = predict(batch).float()
            loss += optimisation.loss_sum(logits, batch.targets, None, 0.0).cpu()
            correct += int((logits.argmax(dim=1) == batch.targets.argmax(dim=1)).sum())
            photos += len(logits)
            report(photos * distributed.world_size)
    total = distributed.all_sum(torch.stack([loss, torch.tensor(correct), torch.tensor(photos)]))
    return Scores(float(total[0]), int(total[1]), int(total[2]))


@torch.no_grad()
def probabilities(network: Layers, photos: LabelledPhotos, loader: BatchLoader) -> Tensor:
    """What a network says of all photos that can be read, (n, classes), the same in every process."""
    distributed = loader.distributed
    with distributed.fail_together():
        own = [network(batch.inputs).float().softmax(dim=1).cpu() for batch in loader.eval_batches(photos)]
    rows = torch.zeros(len(photos.readable), loader.classes)
    if own:
        rows[distributed.rank :: distributed.world_size] = torch.cat(own)
    distributed.merge_rows(rows)
    return rows
