"""The run badge in the page's header: the run that goes on, or one that has ended since the visitor looked last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from resnet_demo.texts import AppError
from resnet_demo.training.listed_runs import Unreadable
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ACTIVE, State
from resnet_demo.ui.address import run_link
from resnet_demo.ui.runs import Runs
from resnet_demo.ui.tabs.finetune.run_list import Row, figure
from resnet_demo.ui.tabs.finetune.run_progress import time_left
from resnet_demo.ui.visitor_context import say

TOLD = frozenset[State]({"finished", "failed", "lost"})
"""Ends that the visitor may not know of; whoever stops a run knows."""


@dataclass(frozen=True)
class Badge:
    """The run that the header tells of: its row, and the run itself."""

    row: Row
    run: Run


def newest_badge(rows: Iterable[Row | Unreadable], runs: Runs, looked: object) -> Badge | None:
    """The run that the header tells of, if any: the one that goes on, else one that waits, else the last that ended.

    Args:
        rows: the visitor's runs, the newest first.
        looked: when the visitor looked last, in seconds since 1970, as the browser sends it.
    """
    readable = [row for row in rows if isinstance(row, Row)]
    going_on = [row for row in readable if row.state in ACTIVE] or [row for row in readable if row.state == "queued"]
    since = looked if isinstance(looked, int | float) and math.isfinite(looked) else math.inf
    try:
        if going_on:
            # Of those that wait, the one that comes next.
            return Badge(going_on[-1], runs.find(going_on[-1].name))
        ended = [(at, row) for row in readable if row.state in TOLD and (at := runs.ended(row.name, since)) is not None]
        row = max(ended, key=lambda found: found[0], default=(0.0, None))[1]
        return None if row is None else Badge(row, runs.find(row.name))
    except AppError:  # it could be read a moment ago
        return None


def as_html(badge: Badge | None, runs: Runs) -> str:
    """A link to the run, or nothing; one that has ended carries `data-ended`, for `static/badge.js`."""
    if badge is None:
        return ""
    row, over = badge.row, badge.row.state in TOLD
    said = _ended(row) if over else _going_on(badge, runs)
    return (
        f'<a class="badge {row.state}" href="{run_link(row.name)}"{" data-ended" if over else ""}>'
        f"<b>{escape(row.title or row.data)}</b> <span>{escape(said)}</span></a>"
    )


def _ended(row: Row) -> str:
    percent = figure(row.figures)[1]
    if row.state == "finished" and percent is not None:
        return say("page.badge.done", percent=percent)
    return say(f"run.state.{row.state}")


def _going_on(badge: Badge, runs: Runs) -> str:
    state = say(f"run.state.{badge.row.state}")
    if badge.row.state != "running":
        return state
    try:
        with runs.history(badge.run) as history:
            if history.latest is None:
                return state
            said = say("train.progress.epoch", epoch=history.latest["epoch"], epochs=history.latest["epochs"])
            left = history.seconds_left
    except AppError:
        return state
    return said if left is None else say("train.progress.join", before=said, after=time_left(left))
