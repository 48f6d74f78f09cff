"""The layer table of a network: output sizes, parameters, multiply-adds; computed without its weights."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import nn

from resnet_demo.models import variants
from resnet_demo.models.resnet import stage_name
from resnet_demo.texts import AppError, Message, text


@dataclass(frozen=True)
class Row:
    """One layer: its name (`stage1.0.conv1`), what it is, its output for one image, (C, H, W) or (classes,).

    Multiply-adds are those of convolutions and linear layers, as everybody counts them; norms, pools, ReLUs
    and sums have none. `numbers` is the formula of the parameters with the numbers put in, `3² · 64 · 128`; empty where
    there are none.
    """

    name: str
    kind: Message
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    numbers: str = ""
    groups: int = 1


@dataclass(frozen=True)
class Summary:
    """A network's layers in order, for an image of `size` x `size` pixels."""

    variant: str
    size: int
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Of the whole network."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Of the whole network, for one image."""
        return sum(row.multiply_adds for row in self.rows)


def summarise(name: str, size: int | None = None, classes: int | None = None) -> Summary:
    """The layer table of a variant.

    Args:
        name: the variant's name.
        size: height and width of the image in pixels; the variant's own if absent.
        classes: how many logits; the variant's own if absent.

    Raises:
        AppError: no such variant, or no pixel in the image.
    """
    size = variants.get(name).input_size if size is None else size
    if size < 1:
        raise AppError("models.summary.no_pixels", size=size)
    with torch.device("meta"):  # shapes without memory
        network = variants.build(name, classes).eval()
        image = torch.empty(1, 3, size, size)
        return Summary(name, size, layer_rows(network, image))


def layer_rows(module: nn.Module, x: torch.Tensor) -> tuple[Row, ...]:
    """The layers of a network, or of a block alone, for one input (1, C, H, W); on the device `meta` at no cost."""
    rows = (_row(name, layer, output) for name, layer, output in layers_as_run(module, x))
    return tuple(row for row in rows if row is not None)


def layers_as_run(module: nn.Module, x: torch.Tensor) -> list[tuple[str, nn.Module, torch.Tensor]]:
    """The name of each layer, the layer and its output, in the order in which they run for an input (N, C, H, W).

    By hooks: tracing with torch.fx replaces what all modules of the process are called by, in other threads too.
    """
    found: list[tuple[str, nn.Module, torch.Tensor]] = []

    def record(name: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        return lambda layer, _, output: found.append((name, layer, output))

    with ExitStack() as stack, torch.no_grad():
        for name, layer in module.named_modules():
            if next(layer.children(), None) is None:
                stack.callback(layer.register_forward_hook(record(name)).remove)
        module(x)
    return found


def _row(name: str, layer: nn.Module, output: torch.Tensor) -> Row | None:
    """What the table says of a layer; None for activations."""
    kind = _kind(layer)
    if kind is None:
        return None
    return Row(
        name=stage_name(name),
        kind=kind,
        output=tuple(output.shape[1:]),
        parameters=sum(parameter.numel() for parameter in layer.parameters()),
        # Each number that comes out took one row of the weights.
        multiply_adds=output.numel() * layer.weight[0].numel() if isinstance(layer, nn.Conv2d | nn.Linear) else 0,
        numbers=_numbers(layer),
        groups=layer.groups if isinstance(layer, nn.Conv2d) else 1,
    )


def _kind(layer: nn.Module) -> Message | None:
    """The kind of a layer in the papers' notation (`7x7 conv, /2`); None for activations."""
    match layer:
        case nn.Conv2d(kernel_size=(side, _), stride=(stride, _), groups=groups):
            grouped = f", C={groups}" if groups > 1 else ""
            return Message("models.summary.conv", {"side": side, "rest": _stride(stride) + grouped})
        case nn.MaxPool2d(kernel_size=int(side), stride=int(stride)):
            return Message("models.summary.max_pool", {"side": side, "rest": _stride(stride)})
        case nn.AvgPool2d(kernel_size=int(side), stride=int(stride)):
            return Message("models.summary.average_pool", {"side": side, "rest": _stride(stride)})
        case nn.AdaptiveAvgPool2d():
            return Message("models.summary.mean")
        case nn.BatchNorm2d():
            return Message("models.summary.batch_norm")
        case nn.Linear():
            return Message("models.summary.linear")
    return None


def _numbers(layer: nn.Module) -> str:
    """The formula of a layer's parameters with its numbers: k² · in · out / groups + biases."""
    match layer:
        case nn.Conv2d(kernel_size=(side, _), in_channels=into, out_channels=out, groups=groups):
            square = f"{side}² · " if side > 1 else ""
            grouped = f" / {groups:,}" if groups > 1 else ""
            return f"{square}{into:,} · {out:,}{grouped}" + (f" + {out:,}" if layer.bias is not None else "")
        case nn.Linear(in_features=into, out_features=out):
            return f"{into:,} · {out:,}" + (f" + {out:,}" if layer.bias is not None else "")
        case nn.BatchNorm2d(num_features=channels):
            return f"2 · {channels:,}"
    return ""


def _stride(stride: int) -> str:
    return f", /{stride}" if stride > 1 else ""


def as_text(summary: Summary, language: str) -> str:
    """The table for a terminal: a header, a line for each layer, the totals."""
    columns = ("layer", "kind", "output", "parameters", "multiply_adds")
    header = tuple(text(f"models.summary.{column}", language) for column in columns)
    lines = [
        (
            row.name,
            row.kind.say(language),
            " x ".join(map(str, row.output)),
            f"{row.parameters:,}",
            f"{row.multiply_adds:,}",
        )
        for row in summary.rows
    ]
    total = (
        text("models.summary.total", language),
        "",
        "",
        f"{summary.parameters:,}",
        f"{summary.multiply_adds:,}",
    )
    title = text("models.summary.title", language, variant=summary.variant, size=summary.size)
    return "\n".join([title, "", *_align([header, *lines, total])])


def _align(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Align text columns to the left, the last three columns to the right."""
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    aligned = []
    for line in lines:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = [
            gap + cell if index > 1 else cell + gap for index, (cell, gap) in enumerate(zip(line, gaps, strict=True))
        ]
        aligned.append("  ".join(cells).rstrip())
    return aligned


def _width(cell: str) -> int:
    """Columns on a terminal, where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in cell)
