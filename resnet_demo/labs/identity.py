"""Identity: how large the residual branch is beside the shortcut, by block and through training.

He et al. 2016, figure 7, found small residuals; De and Smith 2020 explain it at initialisation: the shortcut's variance
grows with each block, and a batch norm gives every residual the same, so that the branch counts less by about the root
of the number of blocks before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from resnet_demo.explain.block_parts import ratios
from resnet_demo.labs import configs, networks
from resnet_demo.labs.context import Figures, LabContext, never
from resnet_demo.labs.lab_training import Recipe, pictures_and_recipe, train
from resnet_demo.labs.networks import with_statistics_of
from resnet_demo.labs.pictures import Pictures
from resnet_demo.models.resnet import ResNet

IdentityKind = Literal["residual", "preactivation"]
MEASURED_ON = 32
"""Pictures."""


@dataclass(frozen=True)
class BranchSizes:
    """‖F(x)‖ / ‖x‖ of each block after so many epochs, 0 being the initialisation; None where x is zero.

    `exponent` is that of the block's number in its stage to which the ratios of the first stage are proportional:
    about -0.5 where the shortcut's variance grows by as much with each block.
    """

    kind: IdentityKind
    zero_init: bool
    epoch: int
    ratios: Mapping[str, float | None]
    exponent: float | None
    train_error: float | None

    def as_dict(self) -> dict[str, Any]:
        """Everything for JSON."""
        return asdict(self)


def through_training(
    kind: IdentityKind,
    depth: int,
    pictures: Pictures,
    recipe: Recipe,
    *,
    zero_init: bool,
    stopped: Callable[[], bool] = never,
) -> Iterator[BranchSizes]:
    """The sizes at initialisation, with norms over the pictures themselves, and after each epoch of training.

    It keeps no checkpoint, which would have the network as it was last: an interrupted one begins anew.

    Args:
        zero_init: whether the residual branches start at zero (Goyal et al. 2017, section 5.1); those with a padded
            shortcut do not.
    """
    network = networks.build(kind, depth, recipe.seed, classes=len(pictures.classes))
    if zero_init:
        network.zero_init_residual()
    yield branch_sizes(network, pictures, kind, zero_init=zero_init)
    for record in train(network, pictures, recipe, stopped=stopped):
        measured = branch_sizes(network, pictures, kind, zero_init=zero_init)
        yield BranchSizes(kind, zero_init, record.epoch, measured.ratios, measured.exponent, record.train_error)


def branch_sizes(network: ResNet, pictures: Pictures, kind: IdentityKind, *, zero_init: bool = False) -> BranchSizes:
    """The sizes in a network as it is, its norms taking the statistics of the pictures that are measured on."""
    images = pictures.train[:MEASURED_ON]
    found = ratios(with_statistics_of(network, images), images)
    finite = {name: ratio if math.isfinite(ratio) else None for name, ratio in found.items()}
    first_stage = [ratio for name, ratio in finite.items() if name.startswith("stage1.")]
    return BranchSizes(kind, zero_init, 0, finite, exponent(first_stage), None)


def exponent(sizes: list[float | None]) -> float | None:
    """The slope of log(size) over log(number of the block), by least squares from the second block on.

    None with fewer than three blocks or where a size is zero.
    """
    points = [(math.log(number), size) for number, size in enumerate(sizes, start=1) if number > 1]
    if len(points) < 3 or not all(size for _, size in points):
        return None
    x = [one for one, _ in points]
    y = [math.log(size) for _, size in points if size]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return over / sum((a - mean_x) ** 2 for a in x)


def run(config: configs.Identity, context: LabContext) -> Iterator[Figures]:
    """The experiment `identity`: with residual branches as they are initialised, then beginning at zero."""
    pictures, recipe = pictures_and_recipe(config, context)
    rows: list[Figures] = []
    for zero_init in (False, True):
        measured = through_training(
            config.kind, config.depth, pictures, recipe, zero_init=zero_init, stopped=context.stopped
        )
        for sizes in measured:
            rows.append(sizes.as_dict())
            yield {"pictures": pictures.facts(), "branches": rows}
