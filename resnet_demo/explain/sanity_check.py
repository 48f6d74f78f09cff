"""Sanity check of a saliency method: how much its map changes when the weights are randomised, part by part.

Cascading randomisation (Adebayo et al. 2018) from the head down. A map that does not change shows edges of the photo
and the architecture of the network, not what the network has learned.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from resnet_demo.explain.cam import Progress
from resnet_demo.explain.methods import Method
from resnet_demo.explain.overlay import Map
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.explain.targets import fixed
from resnet_demo.models.resnet import ResNet, stage_name
from resnet_demo.texts import Message

SEEDS = 3
ALIKE = 0.7
"""From this rank correlation on, the map counts as unchanged.

On ten ImageNet photos, ResNet-18's Grad-CAM reached -0.28 to 0.33, SmoothGrad 0.15 to 0.27, Grad-CAM++ 0.24 to 0.77,
guided backpropagation 0.82 to 0.96.
"""


@dataclass(frozen=True)
class SanityCheck:
    """Similarity of the map to the original one.

    `similarity[part]` is Spearman's rank correlation with the map of the trained network, -1 to 1, with random weights
    in this part and all later ones; the parts are `head`, `stage4`, …, `stem`.
    """

    similarity: dict[str, float]

    @property
    def without_top(self) -> float:
        """The similarity with random weights in the head and the last stage."""
        _head, last, *_ = self.similarity.values()
        return last

    @property
    def depends_on_weights(self) -> bool:
        """Whether the map changes when these weights are randomised."""
        return self.without_top < ALIKE

    def verdict(self) -> Message:
        """The result as a sentence."""
        key = "explain.sanity.changes" if self.depends_on_weights else "explain.sanity.stays"
        return Message(key, {"similarity": f"{self.without_top:.2f}"})


def sanity_check(
    network: ResNet,
    image: Tensor,
    method: Method,
    layer: str | None,
    target_weights: Tensor,
    *,
    seeds: int = SEEDS,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> SanityCheck:
    """Run the sanity check of a method on one photo.

    Args:
        network: in evaluation mode, its norms not folded; a copy of it is randomised.
        image: normalised (1, 3, H, W).
        method: a row of `METHODS`; it is run `seeds` times for each part.
        layer: a stage or a block; the last stage if absent.
        target_weights: the target, (classes,): a row of `Maps.target_weights`.
        seeds: the number of random networks to average over.
        progress: called with the number of maps done; an exception it raises ends the work.
    """

    def saliency(of: ResNet) -> Map:
        values: Map = explain(of, image, method, layer, [fixed(target_weights)]).values[0, 0].cpu().numpy()
        return values

    expected = saliency(network)
    found: dict[str, list[float]] = {part: [] for part in _parts(network)}
    total = seeds * len(found)
    for seed in range(seeds):
        for number, (part, randomised) in enumerate(_randomised(network, seed)):
            progress(seed * len(found) + number, total)
            found[part].append(rank_correlation(expected, saliency(randomised)))
    progress(total, total)
    return SanityCheck({part: float(np.mean(values)) for part, values in found.items()})


def _randomised(network: ResNet, seed: int) -> Iterator[tuple[str, ResNet]]:
    """A copy of the network whose parts are randomised one after the other, from the head down."""
    randomised = copy.deepcopy(network)
    generator = torch.Generator(next(network.parameters()).device).manual_seed(seed)
    for part in _parts(network):
        for name, module in randomised.named_children():
            if _part_of(name) == part:
                randomise(module, generator)
        yield part, randomised


def _parts(network: ResNet) -> list[str]:
    """The parts of the network, from the head down."""
    return ["head", *reversed(network.stage_names), "stem"]


def _part_of(child: str) -> str:
    if child in {"fc", "norm"}:
        return "head"
    return stage_name(child) if child.startswith("layer") else "stem"


def randomise(module: nn.Module, generator: torch.Generator) -> None:
    """Initialise a part of a network at random (He et al. 2015, section 2.2)."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
        elif isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu", generator=generator)


def rank_correlation(a: Map, b: Map) -> float:
    """Spearman's rank correlation of two maps (h, w); 0 if one of them is constant."""
    ranks = np.stack([_ranks(a.ravel()), _ranks(b.ravel())])
    if ranks.std(axis=1).min() == 0:
        return 0.0
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _ranks(values: Map) -> Map:
    """The rank of each value, from 1; equal values share their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.asarray(counts.cumsum() - (counts - 1) / 2, dtype=np.float32)
    return ranks[which]
