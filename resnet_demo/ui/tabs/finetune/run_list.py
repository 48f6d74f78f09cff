"""The list of runs, and the curves of several in one plot."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from resnet_demo import catalogue
from resnet_demo.models import places
from resnet_demo.plots.curves import Axis, Line, curves, sample
from resnet_demo.plots.legend import ROW
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.events import Event
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import Run, State
from resnet_demo.ui.runs import Runs
from resnet_demo.ui.tabs.finetune.knobs import shown
from resnet_demo.ui.tabs.finetune.live import accuracy_axis, accuracy_points, data_of, network_of

# A row's name opens its run, its box puts it into the comparison. What is ticked is known here: Gradio mends a changed
# list in place, where a box would keep the tick of the run that was there before.
BEHAVIOUR = """
const ticked = new Set();
element.addEventListener("click", (event) => {
    const row = event.target.closest("button[data-run]");
    if (row) trigger("open", { name: row.dataset.run });
});
element.addEventListener("change", ({ target }) => {
    if (target.checked) ticked.add(target.dataset.run);
    else ticked.delete(target.dataset.run);
    trigger("pick", { names: [...ticked] });
});
watch(["value"], () => {
    for (const box of element.querySelectorAll("input[data-run]")) box.checked = ticked.has(box.dataset.run);
});
"""
ROWS_KEPT = 1_000


@dataclass(frozen=True)
class Row:
    """A run in the list: `figures` are those of the model that it keeps, if it keeps one."""

    name: str
    state: State
    config: TrainConfig
    data: str
    figures: Mapping[str, float]


class RunList:
    """Rows for the runs of a page, made anew only where something has changed."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._rows: OrderedDict[Path, tuple[object, Row]] = OrderedDict()

    def rows(self, visitor: object) -> list[Row | Unreadable]:
        """The visitor's runs, the newest first."""
        rows = [found if isinstance(found, Unreadable) else self._row(found) for found in self._runs.listing(visitor)]
        while len(self._rows) > ROWS_KEPT:
            self._rows.popitem(last=False)
        return rows

    def _row(self, run: Run) -> Row | Unreadable:
        try:
            state = self._runs.state(run)
        except AppError as error:
            return Unreadable(run.name, error.message)
        version = state, places.stamp(run.best)
        known = self._rows.get(run.folder)
        if known and known[0] == version:
            return known[1]
        model = catalogue.of_run(run)
        row = Row(run.name, state, run.config, data_of(run), model.metrics if model else {})
        self._rows[run.folder] = version, row
        return row


def as_html(rows: Sequence[Row | Unreadable], opened: str | None, picked: Sequence[str], language: str) -> str:
    """The list, for a component with `BEHAVIOUR`."""
    if not rows:
        return f'<p class="empty">{escape(text("train.list.empty", language))}</p>'
    places = {name: place for place, name in enumerate(picked)}
    items = (
        _item(row, row.name == opened, places.get(row.name), language)
        if isinstance(row, Row)
        else _unreadable_item(row, row.name == opened, language)
        for row in rows
    )
    return f'<ul class="runs">{"".join(items)}</ul>'


def _item(row: Row, is_open: bool, place: int | None, language: str) -> str:
    """A row; `place` is that of its line in the comparison, if it is picked."""
    name, config = escape(row.name), row.config
    if config.scratch:
        depth = text("train.list.scratch", language)
    elif config.train_depth is not None:
        depth = shown("train_depth", config.train_depth, language)
    else:
        depth = text(f"train.list.preset.{config.preset}", language)
    about = f"{network_of(config)} · {depth}"
    pick = escape(text("train.list.pick", language, name=row.name))
    return (
        f"<li{' class=open' if is_open else ''}>"
        f'<input type="checkbox" data-run="{name}" aria-label="{pick}">'
        f'<button type="button" title="{name}" data-run="{name}"{" aria-current=true" if is_open else ""}>'
        f"<b>{escape(row.data)}</b><span>{escape(about)}</span>{'' if place is None else sample(place)}</button>"
        f'<span class="state {row.state}">{escape(text(f"run.state.{row.state}", language))}</span>'
        f'<span class="figure">{escape(_figure(row.figures, language))}</span>'
        f"<time>{_made(row.name)}</time></li>"
    )


def _unreadable_item(row: Unreadable, is_open: bool, language: str) -> str:
    """A row that can be opened to read why, and to delete it; there is nothing to compare."""
    name = escape(row.name)
    return (
        f"<li{' class=open' if is_open else ''}>"
        f'<input type="checkbox" disabled aria-hidden="true">'
        f'<button type="button" title="{name}" data-run="{name}"{" aria-current=true" if is_open else ""}>'
        f"<b>{name}</b></button>"
        f'<span class="state failed">{escape(text("run.state.unreadable", language))}</span>'
        f'<span class="figure"></span>'
        f"<time>{_made(row.name)}</time></li>"
    )


def _figure(figures: Mapping[str, float], language: str) -> str:
    """How right the kept model is on the photos kept back to judge it or, before those were looked at, to choose it."""
    for part in ("test", "val"):
        if figures.get(f"{part}_photos"):
            return text(f"train.list.{part}", language, percent=f"{100 * figures[f'{part}_accuracy']:.1f}")
    return ""


def _made(name: str) -> str:
    """When a run was made, which is what its name begins with, in UTC, as the clock here says."""
    try:
        made = datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return f"{made.astimezone():%Y-%m-%d %H:%M}"


def comparison(named: Sequence[tuple[str, Sequence[Event]]], language: str) -> str:
    """The accuracy of several runs over their epochs, as SVG; `named` are names and their events of epochs."""
    found = [(name, accuracy_points(epochs)) for name, epochs in named]
    longest = max((points[-1][0] for _, points in found if points), default=1.0)
    best = ", ".join(f"{name} {max(right for _, right in points):.1f} %" for name, points in found if points)
    return curves(
        [Line(name, points, marked=True) for name, points in found],
        Axis(0, longest, text("train.live.epochs", language)),
        accuracy_axis([points for _, points in found], language),
        said=text("train.list.compared", language, best=best),
        width=560,
        height=240 + ROW * len(found),
    )
