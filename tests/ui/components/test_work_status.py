"""Tasks of a visitor: told of under their tickets, stopped before and while they run, whatever a browser sends."""

from __future__ import annotations

import copy

import pytest

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import LANGUAGES
from resnet_demo.ui.components.work_status import MOST_STOPPED, StoppedError, Tasks
from resnet_demo.ui.visitor_context import speaking


def test_a_task_is_known_while_it_runs() -> None:
    tasks = Tasks()
    with tasks.run("1a") as task:
        assert tasks.progress() == {"1a": (None, "")}
        task.tell(0.5, "half")
        assert tasks.progress() == {"1a": (0.5, "half")}
        assert copy.deepcopy(tasks).progress() == {}  # another visitor's
        tasks.stop("1b")
        task.tell(0.6)
        tasks.stop("1a")
        with pytest.raises(StoppedError):
            task.tell(0.7)
    assert tasks.progress() == {}


def test_what_is_stopped_while_it_waits_does_not_begin() -> None:
    tasks = Tasks()
    tasks.stop("1a")
    with pytest.raises(StoppedError), tasks.run("1a"):
        raise AssertionError
    for number in range(MOST_STOPPED):
        tasks.stop(f"x{number}")
    with tasks.run("1a"):  # forgotten by now
        assert list(tasks.progress()) == ["1a"]


def test_work_that_was_overtaken_is_known() -> None:
    tasks = Tasks()
    assert [tasks.is_newest("map", ticket) for ticket in ("1a", "1c", "1b", "1c", None, "1d")] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]
    assert tasks.is_newest("tiles", "1b")


@pytest.mark.parametrize("sent", [None, 7, "", "A", "1" * 33, ["1"], {"ticket": "1"}, "1\n"])
def test_without_a_ticket_it_runs_all_the_same(sent: object) -> None:
    tasks = Tasks()
    tasks.stop(sent)
    with tasks.run(sent) as task:
        task.tell(0.5)
        assert tasks.progress() == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_download_is_told_in_megabytes(language: str) -> None:
    tasks = Tasks()
    with speaking(language), tasks.run("1a") as task:
        task.tell_download(3 * MEGABYTE, 12 * MEGABYTE)
        share, said = tasks.progress()["1a"]
        assert (share, [part for part in said.split() if part.isdecimal()]) == (0.25, ["3", "12"])
        task.tell_download(3 * MEGABYTE, None)
        assert tasks.progress()["1a"][0] is None
