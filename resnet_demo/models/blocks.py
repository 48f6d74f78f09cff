"""The blocks of the networks: residual, pre-activation, Res2Net, Highway and plain.

Each is drawn in its docstring as in its paper, and written in the same order. Throughout, `x` is
(N, C, H, W), `width` is the channels of a stage's 3x3 convolutions in a ResNet (64, 128, 256, 512), and a
stride of 2 halves H and W. Nothing is overwritten in place: whoever holds a block's input, a part of it or a
layer's output may keep it. Every ReLU reads a tensor made for it alone, so a copy of a network that nobody
inspects may set `relu.inplace`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_demo.texts import Message

ShortcutKind = Literal["same", "projected", "padded"]
"""`x` itself, W x, or `x` with zero padding."""
ShapeChange = Callable[[int, int, int], nn.Module]
"""(channels in, channels out, stride) -> the module that brings a shortcut to the shape of its residual."""


def conv3x3(in_channels: int, out_channels: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps H and W at stride 1; without bias, since the norms have one."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, groups=groups, bias=False)


def conv1x1(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution; without bias, since the norms have one."""
    return nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """W x of He et al. 2016, eqn. (2); option B of section 3.3: a 1x1 convolution and its norm."""
    return nn.Sequential(conv1x1(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


def bare_projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """A projection without norm, for pre-activation blocks, where the next block begins with one."""
    return nn.Sequential(conv1x1(in_channels, out_channels, stride))


class PaddedShortcut(nn.Module):
    """Option A, without parameters: every `stride`-th row and column, with zero padding for the new channels.

    Half of the new channels come before x's own, half after.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = (out_channels - in_channels) // 2
        self.after = out_channels - in_channels - self.before

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.before, self.after))


class ResidualBlock(nn.Module):
    """y = activation(F(x) + shortcut(x)): He et al. 2016, figure 2.

    The parts can be called one by one. For every kind of block `forward(x)` is
    `activation(residual(x) + shortcut(x))`, each layer computed once.
    """

    has_shortcut: ClassVar[Literal[True]] = True
    can_zero_init: ClassVar[bool] = True
    """Whether it can begin as its shortcut alone, and still learn."""
    norms_before_conv1: ClassVar[int] = 0

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, shape_change: ShapeChange = projection
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.relu = nn.ReLU()
        changes = stride != 1 or in_channels != out_channels
        self.downsample = shape_change(in_channels, out_channels, stride) if changes else None

    @property
    def shortcut_kind(self) -> ShortcutKind:
        """What its shortcut does to `x`."""
        if self.downsample is None:
            return "same"
        return "padded" if isinstance(self.downsample, PaddedShortcut) else "projected"

    @property
    def description(self) -> tuple[Message, ...]:
        """Sentences on what x, F(x) and their sum are: first on the shortcut, then on the rest."""
        return (Message(f"explain.blocks.means.{self.shortcut_kind}"), *self._residual_description())

    def _residual_description(self) -> tuple[Message, ...]:
        return (Message("explain.blocks.means.relu"),)

    def bypass(self, x: Tensor) -> Tensor:
        """What a network passes on where this block is removed: `x`, whose shape the block must not change."""
        return x

    def residual(self, x: Tensor) -> Tensor:
        """F(x), the residual: (N, out_channels, H / stride, W / stride)."""
        raise NotImplementedError

    def shortcut(self, x: Tensor) -> Tensor:
        """The shortcut: `x` itself, or `x` brought to the shape of F(x)."""
        if self.downsample is None:
            return x
        shortcut: Tensor = self.downsample(x)
        return shortcut

    def activation(self, total: Tensor) -> Tensor:
        """The activation after the sum."""
        y: Tensor = self.relu(total)
        return y

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus shortcut, then the activation."""
        return self.activation(self.residual(x) + self.shortcut(x))

    def residual_scale(self) -> Tensor:
        """The parameter of F's last layer; F(x) is zero if it is zero."""
        raise NotImplementedError

    def zero_residual(self) -> None:
        """Zero-initialise the residual branch (Goyal et al. 2017, section 5.1).

        Not with a padded shortcut: its new channels would be zero in both branches and stay so, since a ReLU
        passes no gradient at zero.
        """
        if self.shortcut_kind != "padded":
            nn.init.zeros_(self.residual_scale())


class BasicBlock(ResidualBlock):
    """Two 3x3 layers: He et al. 2016, figure 5, left.

    ```
    x ─┬─ 3x3 ─ BN ─ ReLU ─ 3x3 ─ BN ─(+)─ ReLU ─ y
       └─────────── shortcut ──────────┘
    ```
    """

    def __init__(
        self, in_channels: int, width: int, stride: int = 1, *, shape_change: ShapeChange = projection
    ) -> None:
        super().__init__(in_channels, width, stride, shape_change)
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)

    def residual(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        residual: Tensor = self.bn2(self.conv2(x))
        return residual

    def residual_scale(self) -> Tensor:
        return self.bn2.weight


class Bottleneck(ResidualBlock):
    """A 1x1 layer that reduces the channels, a 3x3, and a 1x1 that restores them: He et al. 2016, figure 5, right.

    ```
    x ─┬─ 1x1 ─ BN ─ ReLU ─ 3x3 ─ BN ─ ReLU ─ 1x1 ─ BN ─(+)─ ReLU ─ y
       └──────────────────── shortcut ───────────────────┘
    ```
    More `groups` make it ResNeXt (Xie et al. 2017, figure 3c), a larger `width_per_group` Wide ResNet
    (Zagoruyko and Komodakis 2016). `stride_on` is the convolution that halves H and W: the first 1x1 in the
    paper, the 3x3 in "v1.5", which torchvision has. Their weights have the same keys and shapes, and either's
    in the other answer wrongly.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int = 1,
        *,
        groups: int = 1,
        width_per_group: int = 64,
        stride_on: Literal["1x1", "3x3"] = "3x3",
    ) -> None:
        super().__init__(in_channels, width * self.expansion, stride)
        inner = width * width_per_group // 64 * groups
        self.conv1 = conv1x1(in_channels, inner, stride if stride_on == "1x1" else 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv3x3(inner, inner, stride if stride_on == "3x3" else 1, groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = conv1x1(inner, self.out_channels)
        self.bn3 = nn.BatchNorm2d(self.out_channels)

    def residual(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        residual: Tensor = self.bn3(self.conv3(x))
        return residual

    def residual_scale(self) -> Tensor:
        return self.bn3.weight


class Res2NetBlock(ResidualBlock):
    """A bottleneck whose 3x3 layer is split hierarchically: Gao et al. 2019, figure 2b (here scale 4).

    ```
                   ┌─ x1 ─ 3x3 ─┬───────────────── y1 ─┐
    x ─ 1x1 ─ split├─ x2 ──────(+)─ 3x3 ─┬──────── y2 ─┤join ─ 1x1 ─(+ shortcut)─ ReLU ─ y
                   ├─ x3 ───────────────(+)─ 3x3 ─ y3 ─┤
                   └─ x4 ───────────────────────── y4 ─┘
    ```
    Norms and ReLUs are placed as in the bottleneck. Two things follow the authors' code and weights, not the
    figure: the group without convolution is the last, not the first; and in the first block of a stage no group
    receives the output of the one before, and an average pool with the block's stride takes x4 to y4.
    """

    expansion = 4

    def __init__(
        self, in_channels: int, width: int, stride: int = 1, *, width_per_group: int = 26, scale: int = 4
    ) -> None:
        super().__init__(in_channels, width * self.expansion, stride)
        self.part = width * width_per_group // 64
        inner = self.part * scale
        self.conv1 = conv1x1(in_channels, inner)
        self.bn1 = nn.BatchNorm2d(inner)
        self.convs = nn.ModuleList(conv3x3(self.part, self.part, stride) for _ in range(scale - 1))
        self.bns = nn.ModuleList(nn.BatchNorm2d(self.part) for _ in range(scale - 1))
        self.pool = None if self.downsample is None else nn.AvgPool2d(3, stride, padding=1)
        self.conv3 = conv1x1(inner, self.out_channels)
        self.bn3 = nn.BatchNorm2d(self.out_channels)

    def _residual_description(self) -> tuple[Message, ...]:
        return (Message("explain.blocks.means.ladder"), *super()._residual_description())

    def residual(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        parts = torch.split(x, self.part, dim=1)
        rungs: list[Tensor] = []
        for index, (conv, bn) in enumerate(zip(self.convs, self.bns, strict=True)):
            x = parts[index] + rungs[-1] if rungs and self.pool is None else parts[index]
            rungs.append(self.relu(bn(conv(x))))
        rungs.append(parts[-1] if self.pool is None else self.pool(parts[-1]))
        residual: Tensor = self.bn3(self.conv3(torch.cat(rungs, dim=1)))
        return residual

    def residual_scale(self) -> Tensor:
        return self.bn3.weight


class PreActivationBlock(ResidualBlock):
    """Norm and ReLU before each convolution, nothing after the sum: He et al. 2016b, figure 4e.

    ```
    x ─┬─ BN ─ ReLU ─ layers ─(+)─ y        or        x ─ BN ─ ReLU ─┬─── layers ───(+)─ y
       └────────── x ──────────┘                                     └── shortcut ───┘
    ```
    Left, the usual block: from block to block `x` is carried untouched. Right, where the shape changes: the
    activation comes before the split. `activates_before_split` says which; a network sets it for its first
    block too (the paper's appendix).
    """

    norms_before_conv1 = 1

    def __init__(self, in_channels: int, out_channels: int, stride: int, shape_change: ShapeChange) -> None:
        super().__init__(in_channels, out_channels, stride, shape_change)
        self.activates_before_split = self.downsample is not None
        self.bn1 = nn.BatchNorm2d(in_channels)

    def _residual_description(self) -> tuple[Message, ...]:
        split = "before" if self.activates_before_split else "inside"
        return Message(f"explain.blocks.means.activated_{split}"), Message("explain.blocks.means.bare_sum")

    def bypass(self, x: Tensor) -> Tensor:
        """`x`; with the norm and ReLU that come before the split, if they do."""
        return self.shortcut(x)

    def preactivation(self, x: Tensor) -> Tensor:
        """The norm and ReLU at the beginning of the block."""
        activated: Tensor = self.relu(self.bn1(x))
        return activated

    def layers(self, activated: Tensor) -> Tensor:
        """The residual branch from its first convolution on."""
        raise NotImplementedError

    def residual(self, x: Tensor) -> Tensor:
        return self.layers(self.preactivation(x))

    def shortcut(self, x: Tensor) -> Tensor:
        return super().shortcut(self.preactivation(x) if self.activates_before_split else x)

    def activation(self, total: Tensor) -> Tensor:
        return total

    def forward(self, x: Tensor) -> Tensor:
        activated = self.preactivation(x)
        return self.layers(activated) + super().shortcut(activated if self.activates_before_split else x)


class PreActivationBasic(PreActivationBlock):
    """BN ─ ReLU ─ 3x3 ─ BN ─ ReLU ─ 3x3."""

    def __init__(
        self, in_channels: int, width: int, stride: int = 1, *, shape_change: ShapeChange = bare_projection
    ) -> None:
        super().__init__(in_channels, width, stride, shape_change)
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)

    def layers(self, activated: Tensor) -> Tensor:
        x = self.relu(self.bn2(self.conv1(activated)))
        residual: Tensor = self.conv2(x)
        return residual

    def residual_scale(self) -> Tensor:
        return self.conv2.weight  # not the last norm's: the ReLU behind it would let no gradient through


class PreActivationBottleneck(PreActivationBlock):
    """BN ─ ReLU ─ 1x1 ─ BN ─ ReLU ─ 3x3 (with the stride) ─ BN ─ ReLU ─ 1x1."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__(in_channels, width * self.expansion, stride, bare_projection)
        self.conv1 = conv1x1(in_channels, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, self.out_channels)

    def layers(self, activated: Tensor) -> Tensor:
        x = self.relu(self.bn2(self.conv1(activated)))
        x = self.relu(self.bn3(self.conv2(x)))
        residual: Tensor = self.conv3(x)
        return residual

    def residual_scale(self) -> Tensor:
        return self.conv3.weight  # not the last norm's, as in PreActivationBasic


class HighwayBlock(BasicBlock):
    """y = T(x) H(x) + (1 - T(x)) x: Srivastava et al. 2015, eqn. (3).

    ```
       ┌─ 1x1 ─ sigmoid ── T ──────────────────┐
    x ─┼─ 3x3 ─ BN ─ ReLU ─ 3x3 ─ BN ─ ReLU ─(* T)─(+)─ y
       └──────────── shortcut ────────────(* 1 - T)─┘
    ```
    `residual` is T(x) H(x) and `shortcut` is (1 - T(x)) x, with x projected where the shape changes. The gate
    is a 1x1 convolution, as in He et al. 2016b, section 3.1; its bias starts below zero, so that the block
    starts by carrying (Srivastava et al. 2015, section 2.2).
    """

    can_zero_init = False
    """H(x) ends in a ReLU: from zero it could not learn."""
    initial_gate_bias = -3.0

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__(in_channels, width, stride)
        gate = nn.Conv2d(in_channels, width, 1, stride)
        nn.init.constant_(gate.get_parameter("bias"), self.initial_gate_bias)
        self.gate = nn.Sequential(gate, nn.Sigmoid())

    def _residual_description(self) -> tuple[Message, ...]:
        return (Message("explain.blocks.means.gated"),)

    def transform(self, x: Tensor) -> Tensor:
        """H(x)."""
        transformed: Tensor = self.relu(super().residual(x))
        return transformed

    def residual(self, x: Tensor) -> Tensor:
        residual: Tensor = self.gate(x) * self.transform(x)
        return residual

    def shortcut(self, x: Tensor) -> Tensor:
        shortcut: Tensor = (1 - self.gate(x)) * super().shortcut(x)
        return shortcut

    def activation(self, total: Tensor) -> Tensor:
        return total

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.gate(x)
        return gate * self.transform(x) + (1 - gate) * super().shortcut(x)


class PlainBlock(nn.Module):
    """The basic block without its shortcut: a piece of the "plain network" of He et al. 2016, section 3.3.

    ```
    x ─── 3x3 ─ BN ─ ReLU ─ 3x3 ─ BN ─ ReLU ─ y
    ```
    It is no ResidualBlock and has neither `shortcut` nor `residual`: with nothing to be added to, what its
    layers compute is the whole answer and no residual.
    """

    has_shortcut: ClassVar[Literal[False]] = False
    can_zero_init: ClassVar[Literal[False]] = False
    norms_before_conv1: ClassVar[int] = 0

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.out_channels = width
        self.relu = nn.ReLU()
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)

    @property
    def description(self) -> tuple[Message, ...]:
        """A sentence on what is missing."""
        return (Message("explain.blocks.means.plain"),)

    def bypass(self, x: Tensor) -> Tensor:
        """What a network passes on where this block is removed: `x`, whose shape the block must not change."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        y: Tensor = self.relu(self.bn2(self.conv2(x)))
        return y
