"""The layer tables of two networks side by side, what differs marked; below them a block of the chosen stage, drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from resnet_demo.models import variants
from resnet_demo.plots.block_diagram import shape_text
from resnet_demo.texts import AppError
from resnet_demo.ui.components.chooser import chooser, name_sent
from resnet_demo.ui.events import EACH_CLICK, LAST_CHOICE, Events
from resnet_demo.ui.services import AT_A_TIME
from resnet_demo.ui.tabs.learn.block_drawing import block_diagrams, layer_of, stage_title
from resnet_demo.ui.tabs.learn.scrolled_table import scrolled_table
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

if TYPE_CHECKING:
    from resnet_demo.explain.stage_table import LikeBlocks, Part, StageTable
    from resnet_demo.models.summary import Row

SMALLEST, LARGEST = 32, 512
"""Pixels a side."""
DEFAULTS = ("resnet18", "resnet50")
STAGES = tuple(f"stage{number}" for number in range(1, 5))
BLOCKS = ("first", "later")
MILLION = 1_000_000

BUSY: dict[str, Any] = {
    "concurrency_id": "learn",
    "concurrency_limit": AT_A_TIME,
    "api_visibility": "private",
    "show_progress": "hidden",
    **LAST_CHOICE,
}
"""Options of listeners whose work takes up to some seconds the first time."""


class LayerTableSection:
    """The choices, the table and the diagrams."""

    def __init__(self, translations: Translations, events: Events) -> None:
        names = [variant.name for variant in variants.all_variants()]
        translations.create(
            gr.HTML, {"value": lambda: f'<p class="note">{escape(say("architectures.layers.about"))}</p>'}
        )
        with gr.Row(elem_id="layers-choice"):
            left, right = (
                translations.create(
                    gr.Dropdown,
                    {"label": f"architectures.layers.{side}"},
                    choices=names,
                    value=default,
                    interactive=True,
                    min_width=150,
                    elem_id=f"layers-{side}",
                )
                for side, default in zip(("left", "right"), DEFAULTS, strict=True)
            )
            size = translations.create(
                gr.Slider,
                {"label": "architectures.layers.size"},
                minimum=SMALLEST,
                maximum=LARGEST,
                step=16,
                value=224,
                interactive=True,
                min_width=220,
                elem_id="layers-size",
            )
        self.table: Any = gr.HTML("", elem_id="layers-table")
        with gr.Row(elem_id="layers-drawn-choice"):
            stage = _radio(translations, "stage", STAGES, stage_title)
            block = _radio(translations, "block", BLOCKS, lambda name: say(f"architectures.layers.block.{name}"))
        self.diagrams: Any = chooser("parts.js", elem_id="layers-diagrams", elem_classes="parts")
        layer = gr.State("")
        choices = [left, right, size, stage, block]
        self.inputs = [*choices, layer]
        self.outputs = [self.table, self.diagrams]
        shows = events.handler(self.show, self.inputs, self.outputs, **BUSY)
        draws = events.handler(self.draw, self.inputs, [self.diagrams], **BUSY)
        gr.on([left.change, right.change, size.change], **shows)
        gr.on([stage.change, block.change], **draws)
        chooses = events.handler(self.choose, choices, [layer, self.diagrams], **BUSY | EACH_CLICK)
        self.diagrams.choose(**chooses)

    def show(self, left: str, right: str, size: float, stage: str, block: str, layer: str) -> tuple[str, str]:
        """The table of two networks, and the diagrams of a block of each.

        Raises:
            AppError: no such network, or a size out of the range.
        """
        table = tables_side_by_side(table_of(left, size), table_of(right, size))
        return table, self.draw(left, right, size, stage, block, layer)

    def draw(self, left: str, right: str, size: float, stage: str, block: str, layer: str) -> str:
        """The diagrams of a block of each of two networks, with the formulas of a layer if they have it; as `show`."""
        tables = [table_of(name, size) for name in dict.fromkeys((left, right))]
        return block_diagrams(tables, stage, layer, later=block == "later")

    def choose(
        self, left: str, right: str, size: float, stage: str, block: str, event: gr.EventData
    ) -> tuple[str, str]:
        """The layer that was clicked, and the diagrams with its formulas; as for `show`."""
        layer = layer_of(name_sent(event._data) or "")
        return layer, self.draw(left, right, size, stage, block, layer)


def _radio(translations: Translations, name: str, choices: tuple[str, ...], words: Callable[[str], str]) -> Any:
    said: dict[str, Any] = {
        "label": f"architectures.layers.{name}",
        "choices": lambda: [(words(choice), choice) for choice in choices],
    }
    more: dict[str, Any] = {"value": choices[0], "interactive": True, "min_width": 200, "elem_id": f"layers-{name}"}
    return translations.create(gr.Radio, said, **more)


def table_of(name: str, size: float) -> StageTable:
    """The table of a network, counted once.

    Raises:
        AppError: no such network, or a size out of the range.
    """
    if not isinstance(size, int | float) or not SMALLEST <= size <= LARGEST:
        raise AppError("architectures.problem.size", low=SMALLEST, high=LARGEST)
    return _counted(variants.get(name).name, int(size))


@lru_cache(maxsize=64)
def _counted(name: str, size: int) -> StageTable:
    from resnet_demo.explain.stage_table import stage_table  # brings torch

    return stage_table(name, size)


def tables_side_by_side(left: StageTable, right: StageTable) -> str:
    """Two networks part by part, as HTML; what differs is marked. One network beside itself is shown once."""
    names = list(dict.fromkeys([*left.parts, *right.parts]))
    names.sort(key=lambda name: name == "head")  # where one has fewer stages, the head still comes last
    pair = (left,) if left == right else (left, right)
    rows = [_headings(pair)]
    for name in names:
        parts = [table.parts.get(name) for table in pair]
        sides = "".join(_part(part, _facts(part), parts) for part in parts)
        rows.append(f'<section><h3>{escape(_part_name(name))}</h3><div class="pair">{sides}</div></section>')
    rows.append(_totals(pair))
    note = "" if len(pair) == 1 else f'<p class="note">{_marked_note()}</p>'
    return f'<div class="layer-tables">{"".join(rows)}{note}</div>'


def _marked_note() -> str:
    return f"<mark>{escape(say('architectures.layers.marked'))}</mark>"


def _headings(pair: tuple[StageTable, ...]) -> str:
    sides = "".join(f"<h2>{escape(table.variant)}</h2>" for table in pair)
    return f'<div class="pair names">{sides}</div>'


def _part_name(name: str) -> str:
    return stage_title(name) if name.startswith("stage") else say(f"architectures.layers.part.{name}")


def _facts(part: Part | None) -> dict[str, str]:
    """What is said of a part in its folded row, by what it is called."""
    if part is None:
        return {}
    facts = {"output": shape_text(part.output)}
    facts["parameters"] = say("architectures.layers.parameters", count=f"{part.parameters:,}")
    facts["multiply_adds"] = say("architectures.layers.multiply_adds", count=millions(part.multiply_adds))
    return {"what": _what(part), **facts}


def _what(part: Part) -> str:
    """`3 × bottleneck, 256 channels`; of stem and head the layers."""
    if part.kind is None:
        kinds = [row.kind.say(current_language()) for row in part.groups[0].rows]
        return ", ".join(kinds)
    kind = say(f"lab.block.{part.kind}")
    return say("architectures.layers.blocks", count=part.blocks, kind=kind, channels=part.output[0])


def millions(count: int) -> str:
    """A number in millions, with one decimal: `1,814.1 M`."""
    return f"{count / MILLION:,.1f} M"


def _part(part: Part | None, facts: dict[str, str], both: list[Part | None]) -> str:
    """One side of a row: folded what it comes to, unfolded its layers."""
    if part is None:
        return f'<p class="absent">{escape(say("architectures.layers.absent"))}</p>'
    others = [_facts(other) for other in both if other is not part]
    said = {name: _marked(fact, any(other.get(name) != fact for other in others)) for name, fact in facts.items()}
    line = f"<span>{said['output']}</span> <span>{said['parameters']}</span> <span>{said['multiply_adds']}</span>"
    layers = "".join(_group(group, folded=part.kind is not None) for group in part.groups)
    return f'<details><summary><b>{said["what"]}</b><span class="facts">{line}</span></summary>{layers}</details>'


def _marked(words: str, differs: bool) -> str:
    return f"<mark>{escape(words)}</mark>" if differs else escape(words)


def _group(group: LikeBlocks, *, folded: bool) -> str:
    """Blocks that are alike: their names, and the layers of one of them."""
    first, last, count = group.names[0], group.names[-1], len(group.names)
    name = first if count == 1 else say("architectures.layers.alike", first=first, last=last, count=count)
    title = f"<h4>{escape(name)}</h4>" if folded else ""
    headings = [say(f"models.summary.{column}") for column in ("layer", "output", "parameters", "multiply_adds")]
    return title + scrolled_table(name, headings, "".join(map(_layer, group.rows)))


def _layer(row: Row) -> str:
    name, kind = escape(row.name), escape(row.kind.say(current_language()))
    formula = f"{row.numbers} = {row.parameters:,}" if row.numbers else "–"
    cost = f"{row.multiply_adds:,}" if row.multiply_adds else "–"
    return (
        f"<tr><th><code>{name}</code><br>{kind}</th><td>{escape(shape_text(row.output))}</td>"
        f"<td>{escape(formula)}</td><td>{escape(cost)}</td></tr>"
    )


def _totals(pair: tuple[StageTable, ...]) -> str:
    """Parameters and multiply-adds of each; of the second also how many times those of the first."""
    sides = []
    for table in pair:
        rows = ""
        for name in ("parameters", "multiply_adds"):
            count, first = getattr(table, name), getattr(pair[0], name)
            times = f" <small>× {count / first:.2f}</small>" if table is not pair[0] else ""
            rows += f"<dt>{escape(say(f'models.summary.{name}'))}</dt><dd>{count:,}{times}</dd>"
        sides.append(f"<dl>{rows}</dl>")
    title = escape(say("models.summary.total"))
    return f'<section class="total"><h3>{title}</h3><div class="pair">{"".join(sides)}</div></section>'
