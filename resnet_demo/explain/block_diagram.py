"""A real block as data for its diagram: its layers in the order in which they run, their shapes, its shortcut."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from resnet_demo.models.blocks import (
    Bottleneck,
    HighwayBlock,
    PlainBlock,
    PreActivationBlock,
    PreActivationBottleneck,
    Res2NetBlock,
)
from resnet_demo.models.resnet import Block
from resnet_demo.models.summary import Row, layer_rows, layers_as_run
from resnet_demo.plots.block_diagram import BlockDiagram, Shortcut, Step, Unit
from resnet_demo.texts import Message

_RELU = Message("plots.block.relu")
_NORM = Message("models.summary.batch_norm")
_SHORTCUTS: dict[str, Shortcut] = {"same": "identity", "projected": "projected", "padded": "padded"}


def block_diagram(block: Block, shape: tuple[int, ...]) -> BlockDiagram:
    """The diagram of a block for an input (C, H, W); computed on the device where the block is, `meta` at no cost."""
    with torch.device("meta"):
        x = torch.empty(1, *shape)
        rows, names = layer_rows(block, x), _names(block, x)
        output = block(x).shape[1:]
    return BlockDiagram((_unit(block, names, {row.name: row for row in rows}),), shape, tuple(output))


def block_kind(block: Block) -> str:
    """The kind of a block, as the texts `lab.block.<kind>` call it."""
    match block:
        case Res2NetBlock():
            return "res2net"
        case Bottleneck(conv2=nn.Conv2d(groups=groups)):
            return "resnext" if groups > 1 else "bottleneck"
        case PreActivationBottleneck():
            return "preactivation_bottleneck"
        case PreActivationBlock():
            return "preactivation"
        case HighwayBlock():
            return "highway"
        case PlainBlock():
            return "plain"
    return "basic"


def _unit(block: Block, names: list[str], rows: dict[str, Row]) -> Unit:
    if not block.has_shortcut:
        return Unit(_steps(names, rows))
    beside = tuple(_layer(row) for name, row in rows.items() if name.startswith("downsample"))
    kind = _SHORTCUTS[block.shortcut_kind]
    if isinstance(block, HighwayBlock):
        gate, carry = (Step((Message("plots.block.gate", {"formula": one}),)) for one in ("T(x)", "1 − T(x)"))
        gate = replace(gate, layers=tuple(name for name in rows if name.startswith("gate")))
        return Unit((*_steps(names, rows), gate), "gated", (*beside, carry))
    if isinstance(block, PreActivationBlock):
        steps, before = _steps(names, rows), int(block.activates_before_split)
        return Unit(steps[before:], kind, beside, before=steps[:before])
    steps = _res2net(block, rows) if isinstance(block, Res2NetBlock) else _steps(names[:-1], rows)
    return Unit(steps, kind, beside, after=(Step((_RELU,)),))


def _names(block: Block, x: torch.Tensor) -> list[str]:
    """Names of the layers that a block runs one after the other, without those of its shortcut and its gate."""
    names = [name for name, _, _ in layers_as_run(block, x)]
    return [name for name in names if not name.startswith(("downsample", "gate"))]


def _steps(names: list[str], rows: dict[str, Row]) -> tuple[Step, ...]:
    """Convolutions with their shapes; a norm and the ReLU behind it are one step."""
    steps: list[Step] = []
    for index, name in enumerate(names):
        behind_norm = index > 0 and names[index - 1].startswith("bn")
        if name == "relu" and behind_norm:
            steps[-1] = replace(steps[-1], words=(_NORM, _RELU))
        elif name == "relu":
            steps.append(Step((_RELU,)))
        else:
            steps.append(_layer(rows[name]))
    return tuple(steps)


def _layer(row: Row) -> Step:
    """A layer: a convolution has its shape, and lanes for its groups."""
    layers = (row.name,) if row.parameters else ()
    if not row.multiply_adds:
        return Step((row.kind,), layers=layers)
    return Step((row.kind,), row.output, lanes=row.groups, layers=layers)


def _res2net(block: Res2NetBlock, rows: dict[str, Row]) -> tuple[Step, ...]:
    """Its 3x3 convolutions as one step with a lane for each group of channels."""
    inner, first = rows["conv1"], rows["convs.0"]
    shape = (inner.output[0], *first.output[1:])
    chained = block.pool is None
    groups = range(len(block.convs))
    convs, norms = (tuple(f"{name}.{index}" for index in groups) for name in ("convs", "bns"))
    split = Step((first.kind,), shape, lanes=len(block.convs) + 1, chained=chained, layers=convs)
    activated = Step((_NORM, _RELU), layers=("bn1",))
    return (
        _layer(inner),
        activated,
        split,
        replace(activated, layers=norms),
        _layer(rows["conv3"]),
        _layer(rows["bn3"]),
    )
