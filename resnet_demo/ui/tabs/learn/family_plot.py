"""Networks compared: cost against published accuracy as a plot and a table, and the speed of two on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from typing import Any

import gradio as gr

from resnet_demo.labs.shipped import shipped_results
from resnet_demo.plots.family import Cost, Point, family
from resnet_demo.texts import AppError
from resnet_demo.ui.errors import redact_paths
from resnet_demo.ui.events import Events
from resnet_demo.ui.server import time_limit
from resnet_demo.ui.tabs.learn.layer_table import millions
from resnet_demo.ui.tabs.learn.scrolled_table import scrolled_table
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, say

COSTS: tuple[Cost, ...] = ("multiply_adds", "parameters")
COLUMNS = ("year", "depth", "parameters", "multiply_adds", "accuracy", "ten_crop_accuracy")
DEFAULTS = ("resnet50", "efficientnet_b0")
NONE = "–"

LONG: dict[str, Any] = {
    "concurrency_id": "measure",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "hidden",
}
"""One measurement at a time on this machine: two would slow each other down."""


class FamilySection:
    """The plot, the table and the measurement."""

    def __init__(self, translations: Translations, events: Events) -> None:
        translations.create(
            gr.HTML, {"value": lambda: f'<p class="note">{escape(say("architectures.family.about"))}</p>'}
        )
        costs = {"choices": lambda: [(say(f"architectures.family.cost.{cost}"), cost) for cost in COSTS]}
        axis = translations.create(
            gr.Radio,
            {"label": "architectures.family.axis", **costs},
            value=COSTS[0],
            interactive=True,
            elem_id="family-axis",
        )
        self.plot, self.table = (gr.HTML("", elem_id=f"family-{name}") for name in ("plot", "table"))
        self.inputs, self.outputs = [axis], [self.plot, self.table]
        options: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        axis.change(**events.handler(plot, [axis], [self.plot], **options))
        title = {"value": _speed_heading}
        translations.create(gr.HTML, title)
        with gr.Row(elem_id="family-speed-choice"):
            names = [
                translations.create(
                    gr.Dropdown,
                    {"label": f"architectures.family.{which}"},
                    choices=list(members()),
                    value=default,
                    interactive=True,
                    min_width=150,
                    elem_id=f"family-{which}",
                )
                for which, default in zip(("first", "second"), DEFAULTS, strict=True)
            ]
        button = translations.create(
            gr.Button, {"value": "architectures.family.measure"}, elem_id="family-measure", size="sm"
        )
        self.speeds: Any = gr.HTML("", elem_id="family-speeds")
        button.click(**events.handler(measure, names, [self.speeds], **LONG))

    def show(self, cost: str) -> tuple[str, str]:
        """The plot and the table."""
        return plot(cost), table()


@cache
def _shipped() -> Mapping[str, Any]:
    [result] = shipped_results("family").values()
    return result


def members() -> dict[str, Mapping[str, Any]]:
    """The shipped figures of each network by its name, as `labs.family.FamilyMember`."""
    return {one["name"]: one for one in _shipped()["members"]}


def plot(cost: str) -> str:
    """The plot with this cost on its horizontal axis; with the first one if there is no such cost."""
    shown = next((one for one in COSTS if one == cost), COSTS[0])
    points = [
        Point(one["name"], one[shown], one["accuracy"], _title(one), guest=one["guest"]) for one in members().values()
    ]
    return family(points, shown, current_language())


def _title(one: Mapping[str, Any]) -> str:
    return say(
        "architectures.family.title",
        name=one["name"],
        parameters=f"{one['parameters'] / 1e6:,.1f}",
        multiply_adds=f"{one['multiply_adds'] / 1e6:,.0f}",
        accuracy=f"{one['accuracy']:.2f}",
        source=one["source"],
    )


def table() -> str:
    """All figures, folded, and the command that counts them again."""
    headings = {
        "year": say("architectures.family.year"),
        "depth": say("architectures.family.depth"),
        "parameters": say("models.summary.parameters"),
        "multiply_adds": say("models.summary.multiply_adds"),
        "accuracy": say("lab.column.accuracy"),
        "ten_crop_accuracy": say("architectures.family.ten_crop"),
    }
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{_cell(column, one[column])}</td>' for column in COLUMNS)}</tr>"
        for name, one in members().items()
    )
    title, network = say("architectures.family.table"), say("lab.column.network")
    command = escape(say("architectures.family.command", command=_shipped()["command"]))
    shown = scrolled_table(title, [network, *(headings[column] for column in COLUMNS)], rows)
    return f'<details><summary>{escape(title)}</summary>{shown}<p class="note">{command}</p></details>'


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return NONE
    match column:
        case "parameters":
            return f"{value:,}"
        case "multiply_adds":
            return millions(int(value))
        case "accuracy" | "ten_crop_accuracy":
            return f"{value:.2f} %"
    return f"{value}"


def _speed_heading() -> str:
    title, about = (escape(say(f"architectures.family.speed.{part}")) for part in ("title", "about"))
    return f'<h2>{title}</h2><p class="note">{about}</p>'


def measure(first: str, second: str) -> Iterator[str]:
    """Time two networks one after the other; yields what is under way, then what is known so far.

    Raises:
        AppError: no such network; or it was ended, because others wait or nobody does.
    """
    from resnet_demo.labs import speed  # brings torch
    from resnet_demo.labs.machine import description

    known = members()
    rows = ""
    threads = 0
    for name in dict.fromkeys((first, second)):
        if name not in known:
            raise AppError("lab.problem.no_member", name=str(name)[:80], names=", ".join(known))
        said = escape(say("architectures.family.measuring", name=name))
        yield f'<dl>{rows}</dl><p class="note" role="status">{said}</p>'
        found = speed.measure(name, go_on=time_limit.go_on)
        count = say("architectures.family.speed.images", count=f"{found.images_per_second:.1f}")
        cost = say("architectures.layers.multiply_adds", count=millions(known[name]["multiply_adds"]))
        rows += f"<dt>{escape(name)}</dt><dd>{escape(count)} <small>{escape(cost)}</small></dd>"
        threads = found.threads
    said = say("architectures.family.measured", threads=threads, machine=redact_paths(description()))
    yield f'<dl>{rows}</dl><p class="note" role="status">{escape(said)}</p>'
