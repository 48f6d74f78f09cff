"""Degradation: a deeper plain network has a higher training error than a shallower one; with shortcuts it has not.

He et al. 2016, figures 1 and 6: training error, so it is no overfitting. Plain and residual networks of two depths are
trained alike, with several seeds each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from resnet_demo.labs import configs, networks
from resnet_demo.labs.configs import Kind
from resnet_demo.labs.context import Figures, LabContext, never
from resnet_demo.labs.lab_training import EpochRecord, Recipe, pictures_and_recipe, train
from resnet_demo.labs.pictures import Pictures

KINDS: tuple[Kind, ...] = ("plain", "residual")
MARGIN = 0.01
"""One point: networks that fit nearly all pictures differ by a few of them."""


@dataclass(frozen=True)
class Curve:
    """How the training of one network went, epoch by epoch; errors are shares from 0 to 1."""

    kind: Kind
    depth: int
    seed: int
    records: tuple[EpochRecord, ...]

    def as_dict(self) -> dict[str, Any]:
        """The curve for JSON: a list for each figure, with four digits."""
        rows = [asdict(record) for record in self.records]
        figures = ("train_loss", "train_error", "test_error")
        lists = {name: [None if row[name] is None else round(row[name], 4) for row in rows] for name in figures}
        seconds = round(sum(record.seconds for record in self.records), 1)
        return {"kind": self.kind, "depth": self.depth, "seed": self.seed, **lists, "seconds": seconds}


def compare(
    pictures: Pictures,
    depths: Sequence[int],
    seeds: Sequence[int],
    recipe: Recipe,
    folder: Path | None = None,
    stopped: Callable[[], bool] = never,
) -> Iterator[list[Curve]]:
    """Train all networks one after the other, all of a seed before the next; yields all curves after each epoch.

    Args:
        recipe: of every training; its seed is replaced.
        folder: where checkpoints are kept; a call with the same arguments goes on where the last one ended.

    Raises:
        LabStopped, AppError: as `lab_training.train`.
    """
    for depth in depths:
        networks.check_depth(depth)
    done: list[Curve] = []
    for seed, depth, kind in product(seeds, depths, KINDS):
        network = networks.build(kind, depth, seed, classes=len(pictures.classes))
        own = None if folder is None else folder / f"{kind}-{depth}-{seed}"
        of_seed = Recipe(**{**asdict(recipe), "seed": seed})
        records: list[EpochRecord] = []
        for record in train(network, pictures, of_seed, own, stopped):
            records.append(record)
            yield [*done, Curve(kind, depth, seed, tuple(records))]
        done.append(Curve(kind, depth, seed, tuple(records)))


def final_errors(curves: Sequence[Curve], kind: Kind, depth: int, last: int = 1) -> list[float]:
    """The training errors of a kind and depth, one for each seed: means over the `last` epochs."""
    return [
        fmean(record.train_error for record in curve.records[-last:])
        for curve in curves
        if (curve.kind, curve.depth) == (kind, depth)
    ]


def findings(curves: Sequence[Curve], shallow: int, deep: int, epochs: int) -> dict[str, Any]:
    """The orderings of training errors in the last epoch: for each kind the mean of each depth, and the gap by seed.

    `deeper_is_worse` says of a kind whether the deeper network's training error is higher with every seed, by more than
    `MARGIN`; it is None until both have been trained with one, all `epochs` of them.
    """
    curves = [curve for curve in curves if len(curve.records) == epochs or curve.records[-1].train_loss is None]
    found: dict[str, Any] = {}
    for kind in KINDS:
        by_depth = [final_errors(curves, kind, depth) for depth in (shallow, deep)]
        gaps = [round(far - near, 4) for near, far in zip(*by_depth, strict=False)]
        means = {
            str(depth): round(fmean(errors), 4)
            for depth, errors in zip((shallow, deep), by_depth, strict=True)
            if errors
        }
        worse = all(gap > MARGIN for gap in gaps) if gaps else None
        found[kind] = {"train_error": means, "gaps": gaps, "deeper_is_worse": worse}
    return found


def run(config: configs.Degradation, context: LabContext) -> Iterator[Figures]:
    """The experiment `degradation`."""
    pictures, recipe = pictures_and_recipe(config, context)
    depths, seeds = (config.shallow, config.deep), range(config.seed, config.seed + config.seeds)
    for curves in compare(pictures, depths, seeds, recipe, context.folder, context.stopped):
        yield {
            "pictures": pictures.facts(),
            "curves": [curve.as_dict() for curve in curves],
            "findings": findings(curves, *depths, config.epochs),
        }
