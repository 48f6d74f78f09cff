"""Does the map show what the network has learned? The same map from a network that forgets it, part by part.

The cascading randomisation of Adebayo et al. 2018: weights become random from the head down. A map that stays as it was
shows the photo's edges and the shape of the network, not what it knows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from resnet_demo.explain.cam import Progress
from resnet_demo.explain.methods import Method, explain
from resnet_demo.explain.placing import Map
from resnet_demo.explain.targets import settled
from resnet_demo.models.resnet import ResNet, stage_name
from resnet_demo.texts import Message

SEEDS = 3
ALIKE = 0.7
"""A rank correlation from which on the map counts as staying the same.

On ten ImageNet photos, ResNet-18's Grad-CAM reached -0.28 to 0.33, SmoothGrad 0.15 to 0.27, Grad-CAM++ 0.24 to 0.77,
guided backpropagation 0.82 to 0.96.
"""


@dataclass(frozen=True)
class Sanity:
    """How much the map stayed as it was.

    `similarity[part]` is Spearman's rank correlation with the map of the network as it is, -1 to 1, once this part and
    all that follow it have random weights; the parts are `head`, `stage4`, …, `stem`.
    """

    similarity: dict[str, float]

    @property
    def without_top(self) -> float:
        """Once the head and the last stage, which tell the classes apart, have random weights."""
        _head, last, *_ = self.similarity.values()
        return last

    @property
    def depends_on_weights(self) -> bool:
        """Whether the map becomes another when the network forgets."""
        return self.without_top < ALIKE

    def verdict(self) -> Message:
        """The judgement in words."""
        key = "explain.sanity.changes" if self.depends_on_weights else "explain.sanity.stays"
        return Message(key, {"similarity": f"{self.without_top:.2f}"})


def sanity(
    network: ResNet,
    image: Tensor,
    method: Method,
    layer: str | None,
    wanted: Tensor,
    *,
    seeds: int = SEEDS,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Sanity:
    """Put a method to the test on one photo.

    Args:
        network: in evaluation mode, its norms not folded; a copy of it forgets.
        image: normalised (1, 3, H, W).
        method: a row of `METHODS`; it is carried out `seeds` times for each part.
        layer: a stage or a block; the last stage if absent.
        wanted: what the map is asked about, (classes,): a row of `Maps.wanted`.
        seeds: over how many random networks the similarities are averaged.
        progress: told how many maps are made; what it raises ends the work.
    """

    def heat(of: ResNet) -> Map:
        values: Map = explain(of, image, method, layer, [settled(wanted)]).values[0, 0].cpu().numpy()
        return values

    expected = heat(network)
    found: dict[str, list[float]] = {part: [] for part in _parts(network)}
    total = seeds * len(found)
    for seed in range(seeds):
        for number, (part, forgetful) in enumerate(_forgetting(network, seed)):
            progress(seed * len(found) + number, total)
            found[part].append(rank_correlation(expected, heat(forgetful)))
    progress(total, total)
    return Sanity({part: float(np.mean(values)) for part, values in found.items()})


def _forgetting(network: ResNet, seed: int) -> Iterator[tuple[str, ResNet]]:
    """One copy of the network, whose parts get random weights one after the other, from the head down."""
    forgetful = copy.deepcopy(network)
    generator = torch.Generator(next(network.parameters()).device).manual_seed(seed)
    for part in _parts(network):
        for name, module in forgetful.named_children():
            if _part_of(name) == part:
                forget(module, generator)
        yield part, forgetful


def _parts(network: ResNet) -> list[str]:
    """From the head down."""
    return ["head", *reversed(network.stage_names), "stem"]


def _part_of(child: str) -> str:
    if child in {"fc", "norm"}:
        return "head"
    return stage_name(child) if child.startswith("layer") else "stem"


def forget(module: nn.Module, generator: torch.Generator) -> None:
    """Give a part of a network the weights that it could have started with (He et al. 2015, section 2.2)."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
        elif isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu", generator=generator)


def rank_correlation(a: Map, b: Map) -> float:
    """Spearman's, of two maps (h, w); 0 where one of them is the same everywhere."""
    ranks = np.stack([_ranks(a.ravel()), _ranks(b.ravel())])
    if ranks.std(axis=1).min() == 0:
        return 0.0
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _ranks(values: Map) -> Map:
    """Each number's rank, from 1; equal ones share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.asarray(counts.cumsum() - (counts - 1) / 2, dtype=np.float32)
    return ranks[which]
