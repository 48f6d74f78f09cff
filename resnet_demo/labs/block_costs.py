"""What a block costs: parameters and multiply-adds by formula, layer by layer, and of a real module, side by side.

He et al. 2016, figure 5 (basic and bottleneck), Xie et al. 2017, figure 3c (ResNeXt), He et al. 2016b, figure 4e
(pre-activation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import nn

from resnet_demo.labs import configs
from resnet_demo.labs.context import Figures, LabContext
from resnet_demo.models.blocks import (
    BasicBlock,
    Bottleneck,
    PlainBlock,
    PreActivationBasic,
    PreActivationBottleneck,
    bare_projection,
    conv1x1,
    projection,
)
from resnet_demo.models.resnet import Block
from resnet_demo.models.summary import layer_rows
from resnet_demo.texts import AppError

BlockKind = Literal["basic", "plain", "preactivation", "bottleneck", "resnext", "preactivation_bottleneck"]
BLOCK_KINDS: tuple[BlockKind, ...] = (
    "basic",
    "plain",
    "preactivation",
    "bottleneck",
    "resnext",
    "preactivation_bottleneck",
)
TWO_LAYERS = {"basic", "plain", "preactivation"}
_NORM_FIRST = {"preactivation", "preactivation_bottleneck"}


@dataclass(frozen=True)
class BlockShape:
    """The sizes of a block: C channels in, D out, B inside, kernels of k x k, g groups, on maps of `size` a side.

    `size` is that of the input in pixels. Only a ResNeXt block has groups. An even kernel is refused: it would not keep
    H and W.

    Raises:
        AppError: the sizes do not go together; the sentence says which.
    """

    channels_in: int
    channels_out: int
    inner: int
    kernel: int = 3
    groups: int = 1
    stride: int = 1
    size: int = 56

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise AppError("lab.problem.even_kernel", kernel=self.kernel)
        if self.inner % self.groups:
            raise AppError("lab.problem.groups", inner=self.inner, groups=self.groups)

    @property
    def size_out(self) -> int:
        """Pixels a side after the stride."""
        return -(-self.size // self.stride)


@dataclass(frozen=True)
class LayerCost:
    """One layer: its formula in letters, with the numbers put in, and what they come to."""

    name: str
    formula: str
    numbers: str
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class BlockCost:
    """A block's layers by formula; `counted_*` are those of a real module of the same sizes.

    `weights` are those of convolutions alone, as papers compare them; `parameters` are all, the norms' too.
    """

    kind: BlockKind
    layers: tuple[LayerCost, ...]
    counted_weights: int
    counted_parameters: int
    counted_multiply_adds: int

    @property
    def weights(self) -> int:
        """Of convolutions, by formula."""
        return sum(layer.parameters for layer in self.layers if layer.multiply_adds)

    @property
    def parameters(self) -> int:
        """Of all layers, by formula."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """For one input, by formula."""
        return sum(layer.multiply_adds for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Everything for JSON."""
        totals = {"weights": self.weights, "parameters": self.parameters, "multiply_adds": self.multiply_adds}
        return {**asdict(self), **totals}


def block_cost(kind: BlockKind, shape: BlockShape) -> BlockCost:
    """What a block of this kind costs, by formula and counted."""
    with torch.device("meta"):
        block = real_block(kind, shape).eval()
        rows = layer_rows(block, torch.empty(1, shape.channels_in, shape.size, shape.size))
    weights = sum(row.parameters for row in rows if row.multiply_adds)
    parameters = sum(parameter.numel() for parameter in block.parameters())
    multiply_adds = sum(row.multiply_adds for row in rows)
    return BlockCost(kind, tuple(_layers(kind, shape)), weights, parameters, multiply_adds)


def _layers(kind: BlockKind, shape: BlockShape) -> list[LayerCost]:
    """The layers in the order of the block, then the projection where the shape changes."""
    groups = shape.groups if kind == "resnext" else 1
    full, strided, stride = shape.size, shape.size_out, shape.stride
    if kind in TWO_LAYERS:
        convolutions = [
            _conv("conv1", ("k", "C", "B"), shape, strided),
            _conv("conv2", ("k", "B", "D"), shape, strided),
        ]
        norms: tuple[str, ...] = ("C", "B") if kind in _NORM_FIRST else ("B", "D")
    else:
        convolutions = [
            _conv("conv1", ("1", "C", "B"), shape, full),
            _conv("conv2", ("k", "B", "B"), shape, strided, groups),
            _conv("conv3", ("1", "B", "D"), shape, strided),
        ]
        norms = ("C", "B", "B") if kind in _NORM_FIRST else ("B", "B", "D")
    layers: list[LayerCost] = []
    for number, (convolution, channels) in enumerate(zip(convolutions, norms, strict=True), start=1):
        pair = [convolution, _norm(f"bn{number}", channels, shape)]
        layers += reversed(pair) if kind in _NORM_FIRST else pair
    if kind != "plain" and (stride > 1 or shape.channels_in != shape.channels_out):
        layers.append(_conv("downsample.0", ("1", "C", "D"), shape, strided))
        if kind not in _NORM_FIRST:
            layers.append(_norm("downsample.1", "D", shape))
    return layers


def _conv(name: str, letters: tuple[str, str, str], shape: BlockShape, side: int, groups: int = 1) -> LayerCost:
    """A convolution: k² · in · out / groups weights, each used once at each place of the output."""
    values = {"k": shape.kernel, "1": 1, "C": shape.channels_in, "B": shape.inner, "D": shape.channels_out}
    kernel, into, out = letters
    squared = "" if kernel == "1" else "²"
    product = f"{kernel}{squared} · {into} · {out}" if squared else f"{into} · {out}"
    numbers = f"{values[into]:,} · {values[out]:,}"
    if squared:
        numbers = f"{values[kernel]}² · {numbers}"
    if groups > 1:
        product, numbers = f"{product} / g", f"{numbers} / {groups}"
    weights = values[kernel] ** 2 * values[into] * values[out] // groups
    return LayerCost(name, product, numbers, weights, weights * side * side)


def _norm(name: str, letter: str, shape: BlockShape) -> LayerCost:
    """A batch norm: a scale and a shift for each channel, which no one counts as multiply-adds."""
    channels = {"C": shape.channels_in, "B": shape.inner, "D": shape.channels_out}[letter]
    return LayerCost(name, f"2 · {letter}", f"2 · {channels:,}", 2 * channels, 0)


def real_block(kind: BlockKind, shape: BlockShape) -> Block:
    """The block of `models.blocks`, its layers brought to these sizes; in training mode."""
    groups = shape.groups if kind == "resnext" else 1
    into, out, inner, stride = shape.channels_in, shape.channels_out, shape.inner, shape.stride
    classes: dict[BlockKind, type[Block]] = {
        "basic": BasicBlock,
        "plain": PlainBlock,
        "preactivation": PreActivationBasic,
        "bottleneck": Bottleneck,
        "resnext": Bottleneck,
        "preactivation_bottleneck": PreActivationBottleneck,
    }
    block = classes[kind](into, out, stride)

    def wide(a: int, b: int, step: int, g: int = 1) -> nn.Conv2d:
        return nn.Conv2d(a, b, shape.kernel, step, shape.kernel // 2, groups=g, bias=False)

    if kind in TWO_LAYERS:
        layers = {"conv1": wide(into, inner, stride), "conv2": wide(inner, out, 1)}
        norms: tuple[int, ...] = (into, inner) if kind in _NORM_FIRST else (inner, out)
    else:
        layers = {
            "conv1": conv1x1(into, inner),
            "conv2": wide(inner, inner, stride, groups),
            "conv3": conv1x1(inner, out),
        }
        norms = (into, inner, inner) if kind in _NORM_FIRST else (inner, inner, out)
    for name, layer in layers.items():
        setattr(block, name, layer)
    for number, channels in enumerate(norms, start=1):
        setattr(block, f"bn{number}", nn.BatchNorm2d(channels))
    block.out_channels = out
    if block.has_shortcut:
        changes = stride != 1 or into != out
        make = bare_projection if kind in _NORM_FIRST else projection
        block.downsample = make(into, out, stride) if changes else None
    return block


def costs(config: configs.Blocks) -> list[BlockCost]:
    """What every kind of block costs for the same channels.

    Raises:
        AppError: the sizes do not go together.
    """
    out = config.channels_out or config.channels
    found = []
    for kind in BLOCK_KINDS:
        inner = out if kind in TWO_LAYERS else config.inner * (2 if kind == "resnext" else 1)
        groups = config.groups if kind == "resnext" else 1
        shape = BlockShape(config.channels, out, inner, config.kernel, groups, config.stride, config.size)
        found.append(block_cost(kind, shape))
    return found


def run(config: configs.Blocks, context: LabContext) -> Iterator[Figures]:  # noqa: ARG001
    """The experiment `blocks`: the costs of every kind of block for the same channels."""
    yield {"blocks": [cost.as_dict() for cost in costs(config)]}
