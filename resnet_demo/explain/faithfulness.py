"""Is the map true? What the network says while the places that the map names are taken away, or shown alone.

Deletion and insertion are those of Petsiuk et al. 2018 (RISE): the more the network needs a place, the sooner the
probability falls when it is deleted, and the sooner it rises when it is inserted. By themselves the areas say little,
for any hole harms a photo; so random maps, as coarse as this one, are judged beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.explain import targets
from resnet_demo.explain.cam import Progress
from resnet_demo.explain.placing import Map
from resnet_demo.texts import Message

STEPS = 10
"""Parts in which a photo is taken away."""
RANDOM_MAPS = 9
"""One more map than these: a random one would come out best of all by chance once in ten times."""
BLUR_RADIUS, BLUR_SIGMA = 5, 5.0
"""Pixels; as in RISE."""
CHUNK = 16


@dataclass(frozen=True)
class Curves:
    """How probable what was asked about is, at shares 0, 1/steps, …, 1 of the photo taken away or shown."""

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]

    @property
    def deletion_area(self) -> float:
        """Below the curve, 0 to 1; the smaller the better."""
        return float(np.trapezoid(self.deletion, dx=1 / (len(self.deletion) - 1)))

    @property
    def insertion_area(self) -> float:
        """Below the curve, 0 to 1; the larger the better."""
        return float(np.trapezoid(self.insertion, dx=1 / (len(self.insertion) - 1)))


@dataclass(frozen=True)
class Faithfulness:
    """A map's curves, and those of random maps for the same photo."""

    curves: Curves
    random: tuple[Curves, ...]

    @property
    def beaten_by_deletion(self) -> int:
        """How many of the random maps name places whose loss harms less."""
        return sum(curves.deletion_area > self.curves.deletion_area for curves in self.random)

    @property
    def beaten_by_insertion(self) -> int:
        """How many of the random maps name places that alone help less."""
        return sum(curves.insertion_area < self.curves.insertion_area for curves in self.random)

    @property
    def better_than_random(self) -> bool:
        """Whether all of them do worse, in both."""
        return self.beaten_by_deletion == self.beaten_by_insertion == len(self.random)

    def verdict(self) -> Message:
        """The judgement in words."""
        deletion, insertion, random = self.beaten_by_deletion, self.beaten_by_insertion, len(self.random)
        key = {
            (True, True): "explain.faithful.better",
            (True, False): "explain.faithful.only_deletion",
            (False, True): "explain.faithful.only_insertion",
            (False, False): "explain.faithful.no_better",
        }[deletion == random, insertion == random]
        return Message(key, {"deletion": deletion, "insertion": insertion, "random": random})


@torch.no_grad()
def faithfulness(
    network: Callable[[Tensor], Tensor],
    image: Tensor,
    heat: Map,
    wanted: Tensor,
    *,
    steps: int = STEPS,
    random_maps: int = RANDOM_MAPS,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Faithfulness:
    """Judge a map of one photo.

    Args:
        network: images (N, 3, H, W) -> logits (N, classes).
        image: normalised (1, 3, H, W).
        heat: the map as a method gives it, (h, w), before it is laid over the photo.
        wanted: what the map was asked about, (classes,): a row of `Maps.wanted`.
        steps: parts in which the photo is taken away.
        random_maps: maps of as many random numbers, stretched over the photo in the same way.
        progress: told how many maps are judged; what it raises ends the work.
    """
    generator = torch.Generator().manual_seed(0)
    judged = [torch.from_numpy(heat), *(torch.rand(heat.shape, generator=generator) for _ in range(random_maps))]
    photo = _Photo(network, image, wanted, steps)
    curves = []
    for number, values in enumerate(judged):
        progress(number, len(judged))
        curves.append(photo.curves(_order(values, image[0, 0].shape, generator).to(image.device)))
    progress(len(judged), len(judged))
    return Faithfulness(curves[0], tuple(curves[1:]))


def _order(values: Tensor, size: torch.Size, generator: torch.Generator) -> Tensor:
    """The pixels of a photo from the one where the map is largest to the one where it is smallest, (H W,).

    Where it is the same, in the order of a random map as coarse as this one.
    """
    flat = F.interpolate(values[None, None], list(size), mode="bilinear").flatten()
    noise = torch.rand(values.shape, generator=generator)
    shuffled = F.interpolate(noise[None, None], list(size), mode="bilinear").flatten().argsort()
    return shuffled[flat[shuffled].argsort(descending=True, stable=True)]


class _Photo:
    """One photo, and what can be put in the place of its pixels: nothing (the average colour), or a blurred copy."""

    def __init__(self, network: Callable[[Tensor], Tensor], image: Tensor, wanted: Tensor, steps: int) -> None:
        self._network = network
        self._image = image
        self._blurred = _blurred(image)
        self._wanted = wanted.to(image)
        self._steps = steps
        # The ends are the same for every map.
        self._whole, self._empty, self._dim = self._ask(
            torch.cat([image, torch.zeros_like(image), self._blurred])
        ).tolist()

    def curves(self, order: Tensor) -> Curves:
        """Deletion and insertion for pixels in this order."""
        deletion = self._curve(order, self._image, torch.zeros_like(self._image))
        insertion = self._curve(order, self._blurred, self._image)
        return Curves((self._whole, *deletion, self._empty), (self._dim, *insertion, self._whole))

    def _curve(self, order: Tensor, before: Tensor, after: Tensor) -> list[float]:
        """The probabilities between the ends, while the pixels of `before` give way to those of `after`."""
        pixels = len(order)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(pixels, device=order.device)
        rank = rank.view(1, 1, *before.shape[-2:])
        shares = [round(pixels * step / self._steps) for step in range(1, self._steps)]
        values: list[float] = []
        for first in range(0, len(shares), CHUNK):
            images = [torch.where(rank < share, after, before) for share in shares[first : first + CHUNK]]
            values += self._ask(torch.cat(images)).tolist()
        return values

    def _ask(self, images: Tensor) -> Tensor:
        return targets.probability(self._network(images), self._wanted.expand(len(images), -1))


def _blurred(image: Tensor) -> Tensor:
    """An image (1, 3, H, W) after a Gaussian of `BLUR_SIGMA`, cut off at `BLUR_RADIUS`."""
    distance = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=image.device)
    kernel = torch.exp(-((distance / BLUR_SIGMA) ** 2) / 2)
    kernel /= kernel.sum()
    padded = F.pad(image.transpose(0, 1), (BLUR_RADIUS,) * 4, mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 1, -1))
    return F.conv2d(rows, kernel.view(1, 1, -1, 1)).transpose(0, 1)
