"""The list of runs, and the curves of several in one plot."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from resnet_demo import catalogue
from resnet_demo.models import model_folders
from resnet_demo.plots.curves import Axis, Line, curves, sample
from resnet_demo.plots.legend import ROW
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.events import Event
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import State
from resnet_demo.training.run_title import setup_text
from resnet_demo.ui.runs import Runs
from resnet_demo.ui.tabs.finetune.run_progress import accuracy_axis, accuracy_points, dataset_name, network_name
from resnet_demo.ui.visitor_context import current_language, say

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
    trigger("compare", { names: [...ticked] });
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
    title: str | None
    state: State
    config: TrainConfig
    data: str
    figures: Mapping[str, float]


class RunList:
    """Rows for the runs of a page, made anew only where something has changed."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._rows: OrderedDict[Path, tuple[object, Row]] = OrderedDict()

    def rows(self) -> list[Row | Unreadable]:
        """The visitor's runs, the newest first."""
        rows = [found if isinstance(found, Unreadable) else self._row(found) for found in self._runs.listing()]
        while len(self._rows) > ROWS_KEPT:
            self._rows.popitem(last=False)
        return rows

    def _row(self, run: Run) -> Row | Unreadable:
        try:
            state = self._runs.state(run)
        except AppError as error:
            return Unreadable(run.name, error.message)
        title = run.title
        # A run that is made just after another was deleted may have its name: its settings are another file.
        version = state, title, *map(model_folders.stamp, (run.folder / run.settings_file, run.artefacts.best))
        known = self._rows.get(run.folder)
        if known and known[0] == version:
            return known[1]
        model = catalogue.of_run(run)
        row = Row(run.name, title, state, run.config, dataset_name(run), model.metrics if model else {})
        self._rows[run.folder] = version, row
        return row


def as_html(rows: Sequence[Row | Unreadable], opened: str | None, compared: Sequence[str]) -> str:
    """The list, for a component with `BEHAVIOUR`."""
    if not rows:
        return f'<p class="empty">{escape(say("train.list.empty"))}</p>'
    places = {name: place for place, name in enumerate(compared)}
    items = (
        _item(row, row.name == opened, places.get(row.name))
        if isinstance(row, Row)
        else _unreadable_item(row, row.name == opened)
        for row in rows
    )
    return f'<ul class="runs">{"".join(items)}</ul>'


def _item(row: Row, is_open: bool, place: int | None) -> str:
    """A row; `place` is that of its line in the comparison, if it is compared."""
    name, config = escape(row.name), row.config
    about = f"{network_name(config)} · {setup_text(config, current_language())}"
    compare = escape(say("train.list.compare", name=row.title or row.name))
    return (
        f"<li{' class=open' if is_open else ''}>"
        f'<input type="checkbox" data-run="{name}" aria-label="{compare}">'
        f'<button type="button" title="{name}" data-run="{name}"{" aria-current=true" if is_open else ""}>'
        f"<b>{escape(row.title or row.data)}</b><span>{escape(about)}</span>"
        f"{'' if place is None else sample(place)}</button>"
        f'<span class="state {row.state}">{escape(say(f"run.state.{row.state}"))}</span>'
        f'<span class="figure">{escape(figure(row.figures)[0])}</span>'
        f"<time>{made(row.name)}</time></li>"
    )


def _unreadable_item(row: Unreadable, is_open: bool) -> str:
    """A row that can be opened to read why, and to delete it; there is nothing to compare."""
    name = escape(row.name)
    return (
        f"<li{' class=open' if is_open else ''}>"
        f'<input type="checkbox" disabled aria-hidden="true">'
        f'<button type="button" title="{name}" data-run="{name}"{" aria-current=true" if is_open else ""}>'
        f"<b>{name}</b></button>"
        f'<span class="state failed">{escape(say("run.state.unreadable"))}</span>'
        f'<span class="figure"></span>'
        f"<time>{made(row.name)}</time></li>"
    )


def figure(figures: Mapping[str, float]) -> tuple[str, str | None]:
    """How right the kept model is on the photos kept back to judge it or, before those were used, to choose it.

    In words, and as the number of percent alone; "" and None where it is not known.
    """
    for part in ("test", "val"):
        if figures.get(f"{part}_photos"):
            percent = f"{100 * figures[f'{part}_accuracy']:.1f}"
            return say(f"train.list.{part}", percent=percent), percent
    return "", None


def made(name: str) -> str:
    """When a run was made, which is what its name begins with, in UTC, as the clock here says."""
    try:
        at = datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def comparison(named: Sequence[tuple[str, Sequence[Event]]]) -> str:
    """The accuracy of several runs over their epochs, as SVG; `named` are names and their events of epochs."""
    found = [(name, accuracy_points(epochs)) for name, epochs in named]
    longest = max((points[-1][0] for _, points in found if points), default=1.0)
    best = ", ".join(f"{name} {max(right for _, right in points):.1f} %" for name, points in found if points)
    return curves(
        [Line(name, points, marked=True) for name, points in found],
        Axis(0, longest, say("train.progress.epochs")),
        accuracy_axis([points for _, points in found]),
        alt_text=say("train.list.compared", best=best),
        width=560,
        height=240 + ROW * len(found),
    )
