"""The layer table of a network by stages: stem, stages, head; blocks that are alike stand together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from resnet_demo.explain.block_diagram import block_diagram, block_kind
from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from resnet_demo.models.summary import Row, layer_rows
from resnet_demo.plots.block_diagram import BlockDiagram
from resnet_demo.texts import AppError


@dataclass(frozen=True)
class LikeBlocks:
    """Blocks of a stage with the same layers: their names (`stage1.0`), and the layers and diagram of each of them.

    For the stem or the head it is that alone, without a diagram. Names of rows are those inside the block (`conv1`).
    """

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    diagram: BlockDiagram | None = None

    @property
    def parameters(self) -> int:
        """Of one of them."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Of one of them, for one image."""
        return sum(row.multiply_adds for row in self.rows)


@dataclass(frozen=True)
class Part:
    """The stem, a stage or the head; `kind` is that of a stage's blocks, None for stem and head.

    `output` is (C, H, W), that of the head (classes,).
    """

    name: str
    kind: str | None
    output: tuple[int, ...]
    groups: tuple[LikeBlocks, ...]

    @property
    def blocks(self) -> int:
        """How many blocks it has; the stem and the head count as one."""
        return sum(len(group.names) for group in self.groups)

    @property
    def parameters(self) -> int:
        """Of all of it."""
        return sum(len(group.names) * group.parameters for group in self.groups)

    @property
    def multiply_adds(self) -> int:
        """Of all of it, for one image."""
        return sum(len(group.names) * group.multiply_adds for group in self.groups)


@dataclass(frozen=True)
class StageTable:
    """A network's parts by name and in order, for an image of `size` x `size` pixels."""

    variant: str
    size: int
    parts: dict[str, Part] = field(hash=False)

    @property
    def parameters(self) -> int:
        """Of the whole network."""
        return sum(part.parameters for part in self.parts.values())

    @property
    def multiply_adds(self) -> int:
        """Of the whole network, for one image."""
        return sum(part.multiply_adds for part in self.parts.values())


def stage_table(name: str, size: int | None = None) -> StageTable:
    """The layer table of a variant by stages.

    Args:
        name: the variant's name.
        size: height and width of the image in pixels; the variant's own if absent.

    Raises:
        AppError: no such variant, or no pixel in the image.
    """
    size = variants.get(name).input_size if size is None else size
    if size < 1:
        raise AppError("models.summary.no_pixels", size=size)
    with torch.device("meta"):
        network = variants.build(name).eval()
        rows = layer_rows(network, torch.empty(1, 3, size, size))
        parts = _parts(network, rows, size)
    return StageTable(name, size, parts)


def _parts(network: ResNet, rows: Sequence[Row], size: int) -> dict[str, Part]:
    in_blocks = [index for index, row in enumerate(rows) if row.name.startswith("stage")]
    stem, head = rows[: in_blocks[0]], rows[in_blocks[-1] + 1 :]
    x = network.forward_stem(torch.empty(1, 3, size, size))
    parts = {"stem": Part("stem", None, tuple(x.shape[1:]), (LikeBlocks(("stem",), tuple(stem)),))}
    for stage in network.stage_names:
        blocks = {name: block for name, block in network.blocks().items() if name.startswith(f"{stage}.")}
        groups: list[LikeBlocks] = []
        for index, (name, block) in enumerate(blocks.items()):
            own = tuple(
                replace(row, name=row.name.removeprefix(f"{name}.")) for row in rows if row.name.startswith(f"{name}.")
            )
            if groups and groups[-1].rows == own and index > 1:
                groups[-1] = replace(groups[-1], names=(*groups[-1].names, name))
                continue
            drawn = block_diagram(block, tuple(x.shape[1:]))
            x = block(x)
            if groups and (groups[-1].rows, groups[-1].diagram) == (own, drawn):
                groups[-1] = replace(groups[-1], names=(*groups[-1].names, name))
            else:
                groups.append(LikeBlocks((name,), own, drawn))
        parts[stage] = Part(stage, block_kind(blocks[f"{stage}.0"]), tuple(x.shape[1:]), tuple(groups))
    parts["head"] = Part("head", None, head[-1].output, (LikeBlocks(("head",), tuple(head)),))
    return parts
