"""Faithfulness of a saliency map: its deletion and insertion curves, compared with those of random maps.

Deletion and insertion follow Petsiuk et al. 2018 (RISE): the more important a pixel, the sooner the probability falls
when pixels are deleted in the map's order, and the sooner it rises when they are inserted. Any deletion harms a photo,
so the areas alone say little; they are compared with those of random maps of the same resolution.
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
from resnet_demo.explain.overlay import Map
from resnet_demo.texts import Message

STEPS = 10
"""Steps in which a photo is deleted or inserted."""
RANDOM_MAPS = 9
"""With nine random maps, a tenth random map would be best by chance one time in ten."""
BLUR_RADIUS, BLUR_SIGMA = 5, 5.0
"""Pixels; as in RISE."""
CHUNK = 16


@dataclass(frozen=True)
class Curves:
    """Probability of the target with shares 0, 1/steps, …, 1 of the photo deleted or inserted."""

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve, 0 to 1; smaller is better."""
        return float(np.trapezoid(self.deletion, dx=1 / (len(self.deletion) - 1)))

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve, 0 to 1; larger is better."""
        return float(np.trapezoid(self.insertion, dx=1 / (len(self.insertion) - 1)))


@dataclass(frozen=True)
class Faithfulness:
    """A map's curves, and those of random maps for the same photo."""

    curves: Curves
    random: tuple[Curves, ...]

    @property
    def beaten_by_deletion(self) -> int:
        """The number of random maps with a larger deletion area."""
        return sum(curves.deletion_area > self.curves.deletion_area for curves in self.random)

    @property
    def beaten_by_insertion(self) -> int:
        """The number of random maps with a smaller insertion area."""
        return sum(curves.insertion_area < self.curves.insertion_area for curves in self.random)

    def verdict(self) -> Message:
        """The result as a sentence."""
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
    saliency: Map,
    target_weights: Tensor,
    *,
    steps: int = STEPS,
    random_maps: int = RANDOM_MAPS,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Faithfulness:
    """Measure the faithfulness of a map of one photo.

    Args:
        network: images (N, 3, H, W) -> logits (N, classes).
        image: normalised (1, 3, H, W).
        saliency: the map as the method returns it, (h, w).
        target_weights: the target that the map explains, (classes,): a row of `Maps.target_weights`.
        steps: the number of steps in which the photo is deleted or inserted.
        random_maps: the number of random maps, of the same resolution, upsampled in the same way.
        progress: called with the number of maps done; an exception it raises ends the work.
    """
    generator = torch.Generator().manual_seed(0)
    maps = [torch.from_numpy(saliency), *(torch.rand(saliency.shape, generator=generator) for _ in range(random_maps))]
    photo = _Photo(network, image, target_weights, steps)
    curves = []
    for number, values in enumerate(maps):
        progress(number, len(maps))
        curves.append(photo.curves(_order(values, image[0, 0].shape, generator).to(image.device)))
    progress(len(maps), len(maps))
    return Faithfulness(curves[0], tuple(curves[1:]))


def _order(values: Tensor, size: torch.Size, generator: torch.Generator) -> Tensor:
    """The pixels of a photo, (H W,), sorted by the map from its largest value to its smallest.

    Equal values are in the order of a random map of the same resolution.
    """
    flat = F.interpolate(values[None, None], list(size), mode="bilinear").flatten()
    noise = torch.rand(values.shape, generator=generator)
    shuffled = F.interpolate(noise[None, None], list(size), mode="bilinear").flatten().argsort()
    return shuffled[flat[shuffled].argsort(descending=True, stable=True)]


class _Photo:
    """One photo, whose pixels are replaced by the average colour (deletion) or come from a blurred copy (insertion)."""

    def __init__(self, network: Callable[[Tensor], Tensor], image: Tensor, target_weights: Tensor, steps: int) -> None:
        self._network = network
        self._image = image
        self._blurred = _blurred(image)
        self._target_weights = target_weights.to(image)
        self._steps = steps
        # The ends are the same for every map.
        self._whole, self._empty, self._dim = self._ask(
            torch.cat([image, torch.zeros_like(image), self._blurred])
        ).tolist()

    def curves(self, order: Tensor) -> Curves:
        """The deletion and insertion curves for pixels in this order."""
        deletion = self._curve(order, self._image, torch.zeros_like(self._image))
        insertion = self._curve(order, self._blurred, self._image)
        return Curves((self._whole, *deletion, self._empty), (self._dim, *insertion, self._whole))

    def _curve(self, order: Tensor, before: Tensor, after: Tensor) -> list[float]:
        """The probabilities between the ends, while pixels of `before` are replaced by those of `after`."""
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
        return targets.probability(self._network(images), self._target_weights.expand(len(images), -1))


def _blurred(image: Tensor) -> Tensor:
    """An image (1, 3, H, W) blurred by a Gaussian of `BLUR_SIGMA`, cut off at `BLUR_RADIUS`."""
    distance = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=image.device)
    kernel = torch.exp(-((distance / BLUR_SIGMA) ** 2) / 2)
    kernel /= kernel.sum()
    padded = F.pad(image.transpose(0, 1), (BLUR_RADIUS,) * 4, mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 1, -1))
    return F.conv2d(rows, kernel.view(1, 1, -1, 1)).transpose(0, 1)
