"""Shortcuts that are not the identity, and other orders of norm, ReLU and sum: He et al. 2016b, tables 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from resnet_demo.labs import configs, networks
from resnet_demo.labs.context import Figures, LabContext, never
from resnet_demo.labs.lab_training import EpochRecord, Recipe, pictures_and_recipe, train
from resnet_demo.labs.pictures import Pictures
from resnet_demo.models import cifar
from resnet_demo.models.blocks import BasicBlock, PaddedShortcut, PreActivationBasic, conv1x1
from resnet_demo.models.resnet import MakeBlock, PreActivationResNet, ResNet


class _PaddedBlock(BasicBlock):
    """The basic block; where the shape changes, x is padded."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__(in_channels, width, stride, shape_change=PaddedShortcut)


class ConstantShortcut(_PaddedBlock):
    """Both branches halved: figure 2b."""

    scale = 0.5

    def residual(self, x: Tensor) -> Tensor:
        return self.scale * super().residual(x)

    def shortcut(self, x: Tensor) -> Tensor:
        return self.scale * super().shortcut(x)


class _GatedBlock(_PaddedBlock):
    """With a gate g(x), a 1x1 convolution and a sigmoid, of the output's shape."""

    gate_bias = 0.0

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__(in_channels, width, stride)
        gate = nn.Conv2d(in_channels, width, 1, stride)
        nn.init.constant_(gate.get_parameter("bias"), self.gate_bias)
        self.gate = nn.Sequential(gate, nn.Sigmoid())


class ExclusiveGate(_GatedBlock):
    """g(x) F(x) + (1 - g(x)) x, as in Highway networks: figure 2c. The bias is that of the best row, -6."""

    gate_bias = -6.0

    def residual(self, x: Tensor) -> Tensor:
        residual: Tensor = self.gate(x) * super().residual(x)
        return residual

    def shortcut(self, x: Tensor) -> Tensor:
        shortcut: Tensor = (1 - self.gate(x)) * super().shortcut(x)
        return shortcut


class ShortcutGate(_GatedBlock):
    """F(x) + (1 - g(x)) x: figure 2d, with the bias 0, so that the shortcut begins halved."""

    def shortcut(self, x: Tensor) -> Tensor:
        shortcut: Tensor = (1 - self.gate(x)) * super().shortcut(x)
        return shortcut


class ConvolutionShortcut(BasicBlock):
    """A 1x1 convolution on every shortcut: figure 2e."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__(in_channels, width, stride)
        self.downsample = conv1x1(in_channels, width, stride)


class DropoutShortcut(_PaddedBlock):
    """Dropout of a half on the shortcut: figure 2f."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__(in_channels, width, stride)
        self.dropout = nn.Dropout(0.5)

    def shortcut(self, x: Tensor) -> Tensor:
        shortcut: Tensor = self.dropout(super().shortcut(x))
        return shortcut


class NormAfterSum(_PaddedBlock):
    """The second norm behind the sum: figure 4b."""

    def residual(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv2(self.relu(self.bn1(self.conv1(x))))
        return residual

    def activation(self, total: Tensor) -> Tensor:
        return super().activation(self.bn2(total))


class ReluBeforeSum(_PaddedBlock):
    """The last ReLU before the sum, so that F(x) is never negative: figure 4c."""

    def residual(self, x: Tensor) -> Tensor:
        residual: Tensor = self.relu(super().residual(x))
        return residual

    def activation(self, total: Tensor) -> Tensor:
        return total


class ReluFirst(_PaddedBlock):
    """The last ReLU at the beginning of the branch, the norms behind the convolutions: figure 4d."""

    def residual(self, x: Tensor) -> Tensor:
        return super().residual(self.relu(x))

    def activation(self, total: Tensor) -> Tensor:
        return total


class ReluHeadResNet(ResNet):
    """A network whose last sum has a ReLU in the head, since its blocks have none behind theirs."""

    head_is_linear = False

    def forward_head(self, features: Tensor) -> Tensor:
        """The output of the last stage (N, C, H, W) -> logits (N, classes)."""
        return super().forward_head(self.relu(features))


def _padded_preactivation(in_channels: int, width: int, stride: int) -> PreActivationBasic:
    return PreActivationBasic(in_channels, width, stride, shape_change=PaddedShortcut)


@dataclass(frozen=True)
class ShortcutVariant:
    """One row of the tables; `published` is the paper's test error in percent, of ResNet-110 on CIFAR-10.

    None: the paper gives no figure of it, since it failed to converge to a good one.
    """

    table: int
    block: MakeBlock
    published: float | None
    network: type[ResNet] = ResNet

    def build(self, depth: int, seed: int, classes: int) -> ResNet:
        """A network of `depth` layers of such blocks, in training mode.

        Raises:
            AppError: there is no network of this depth.
        """
        networks.check_depth(depth)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network(self.block, [(depth - 2) // 6] * 3, cifar.WIDTHS, classes=classes, small_images=True)


VARIANTS: Mapping[str, ShortcutVariant] = {
    "identity": ShortcutVariant(1, _PaddedBlock, 6.61),
    "constant": ShortcutVariant(1, ConstantShortcut, 12.35),
    "exclusive_gate": ShortcutVariant(1, ExclusiveGate, 8.70),
    "shortcut_gate": ShortcutVariant(1, ShortcutGate, 12.86),
    "convolution": ShortcutVariant(1, ConvolutionShortcut, 12.22),
    "dropout": ShortcutVariant(1, DropoutShortcut, None),
    "norm_after_sum": ShortcutVariant(2, NormAfterSum, 8.17),
    "relu_before_sum": ShortcutVariant(2, ReluBeforeSum, 7.84),
    "relu_first": ShortcutVariant(2, ReluFirst, 6.71, ReluHeadResNet),
    "preactivation": ShortcutVariant(2, _padded_preactivation, 6.37, PreActivationResNet),
}
"""The rows by name, the identity with the original order first."""


@dataclass(frozen=True)
class ShortcutResult:
    """How one variant was trained with one seed."""

    name: str
    seed: int
    records: tuple[EpochRecord, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: errors are shares, `published` is in percent and of another network."""
        variant = VARIANTS[self.name]
        errors = {
            "train_error": [round(record.train_error, 4) for record in self.records],
            "test_error": [round(record.test_error, 4) for record in self.records],
        }
        return {"name": self.name, "table": variant.table, "seed": self.seed, **errors, "published": variant.published}


def compare(
    pictures: Pictures,
    depth: int,
    seeds: Sequence[int],
    recipe: Recipe,
    folder: Path | None = None,
    stopped: Callable[[], bool] = never,
) -> Iterator[list[ShortcutResult]]:
    """Train every variant with every seed, one after the other; yields all results so far after each epoch.

    Raises:
        LabStopped, AppError: as `lab_training.train`.
    """
    done: list[ShortcutResult] = []
    for seed in seeds:
        for name, variant in VARIANTS.items():
            network = variant.build(depth, seed, len(pictures.classes))
            own = None if folder is None else folder / f"{name}-{seed}"
            records: list[EpochRecord] = []
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)  # of dropout; a training that is resumed drops others
                for record in train(network, pictures, replace(recipe, seed=seed), own, stopped):
                    records.append(record)
                    yield [*done, ShortcutResult(name, seed, tuple(records))]
            done.append(ShortcutResult(name, seed, tuple(records)))


def run(config: configs.Shortcuts, context: LabContext) -> Iterator[Figures]:
    """The experiment `shortcuts`."""
    pictures, recipe = pictures_and_recipe(config, context)
    seeds = range(config.seed, config.seed + config.seeds)
    for results in compare(pictures, config.depth, seeds, recipe, context.folder, context.stopped):
        yield {"pictures": pictures.facts(), "variants": [result.as_dict() for result in results]}
