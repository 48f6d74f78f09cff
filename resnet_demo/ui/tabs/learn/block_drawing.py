"""A block of a network, drawn; each layer of it can be chosen, and then stands below with its formulas."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import prod
from typing import TYPE_CHECKING

from resnet_demo.plots.block_diagram import Choice, block_diagram, shape_text
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.explain.stage_table import LikeBlocks, StageTable
    from resnet_demo.models.summary import Row


def block_diagrams(tables: Sequence[StageTable], stage: str, layer: str, *, later: bool) -> str:
    """The first or a later block of a stage of each network, as HTML; `layer` is the one whose formulas are shown."""
    figures = "".join(_figure(table, stage, layer, later) for table in tables)
    hint = escape(say("architectures.layers.choose"))
    return f'<p class="note">{hint}</p><div class="diagrams">{figures}</div>'


def layer_of(part: str) -> str:
    """The layer in the name of a diagram's part: `conv1` of `resnet18 conv1`."""
    return part.partition(" ")[2]


def stage_title(name: str) -> str:
    """`Stage 1` of `stage1`."""
    return say("plots.network.stage", number=name.removeprefix("stage"))


def _figure(table: StageTable, stage: str, layer: str, later: bool) -> str:
    part = table.parts.get(stage)
    if part is None or part.kind is None:
        said = say("architectures.layers.no_stage", name=table.variant, stage=stage_title(stage))
        return f'<figure class="absent"><figcaption>{escape(said)}</figcaption></figure>'
    group = part.groups[-1] if later else part.groups[0]
    name = group.names[-1] if later else group.names[0]
    assert group.diagram is not None
    said = say("architectures.layers.drawn", name=table.variant, block=name, kind=say(f"lab.block.{part.kind}"))
    drawn = block_diagram(
        group.diagram, f"{table.variant} {name}", current_language(), Choice(table.variant, chosen=layer)
    )
    return f"<figure>{drawn}<figcaption>{escape(said)}</figcaption>{_formulas(group, layer)}</figure>"


def _formulas(group: LikeBlocks, layer: str) -> str:
    assert group.diagram is not None
    chosen = group.diagram.layers_beside(layer)
    rows = "".join(_formula(row) for row in group.rows if row.name in chosen)
    return f'<div class="formulas" role="status">{f"<dl>{rows}</dl>" if rows else ""}</div>'


def _formula(row: Row) -> str:
    """A layer's parameters as a formula, with its numbers, and what it multiplies and adds."""
    title = f"<code>{escape(row.name)}</code> {escape(row.kind.say(current_language()))}"
    lines = [
        say(f"architectures.layers.formula.{_form(row)}"),
        say("architectures.layers.formula.parameters", numbers=row.numbers, count=f"{row.parameters:,}"),
    ]
    if row.multiply_adds:
        places = prod(row.output[1:])
        lines.append(
            say(
                "architectures.layers.formula.multiply_adds",
                weights=f"{row.multiply_adds // places:,}",
                places=shape_text(row.output[1:]),
                count=f"{row.multiply_adds:,}",
            )
        )
    return f"<dt>{title}</dt>" + "".join(f"<dd>{escape(line)}</dd>" for line in lines)


def _form(row: Row) -> str:
    """The name of the formula of a layer that has parameters."""
    if not row.multiply_adds:
        return "norm"
    if row.groups > 1:
        return "grouped_conv"
    form = "pointwise" if row.kind.fields.get("side") == 1 else "conv"
    return f"{form}_bias" if row.parameters > row.multiply_adds // prod(row.output[1:]) else form
