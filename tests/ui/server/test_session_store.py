"""What is kept of each visitor: bounded in number, in age and in size."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from resnet_demo.settings import Settings
from resnet_demo.ui.server import session_store
from resnet_demo.ui.server.session_store import (
    LOCAL_SECONDS,
    MOST_DISCONNECTED,
    MOST_SESSIONS,
    PUBLIC_SECONDS,
    Sessions,
)

LETTERS = [(letter, letter) for letter in "abc"]


class Page:
    """A small page and its sessions, with a clock that is set by hand."""

    def __init__(self, *, public: bool = True) -> None:
        self.now = 0.0
        self.deleted: list[object] = []
        self.dropped: list[str] = []
        with gr.Blocks() as self.demo:
            self.state = gr.State(0, delete_callback=self.deleted.append)
            self.choice = gr.Dropdown(choices=["a"])
            gr.Button().click(lambda: None, None, [self.state, self.choice])
        self.sessions = Sessions(Settings(public=public), lambda: self.now)
        self.sessions.set_blocks(self.demo)
        self.sessions.when_dropped.append(self.dropped.append)

    def answer(self, session: str, *values: Any) -> list[Any]:
        """What a visitor's event sends, after a handler has returned these values."""
        [function] = [function for function in self.demo.fns.values() if function.outputs]
        return asyncio.run(self.demo.postprocess_data(function, list(values), self.sessions[session]))


def test_states_and_updates_of_visitors_are_their_own() -> None:
    page = Page()
    page.answer("one", 1, gr.update(choices=["a", "b"]))
    page.answer("two", 2, gr.update(choices=["a", "c"]))
    for session, value, choices in (("one", 1, "ab"), ("two", 2, "ac"), ("three", 0, "a")):
        kept = page.sessions[session]
        assert kept[page.state._id] == value
        assert kept[page.choice._id].choices == [(letter, letter) for letter in choices]
    assert page.choice.choices == [("a", "a")]


def test_a_choice_that_only_one_visitor_has_is_only_taken_from_that_one() -> None:
    page = Page()
    page.answer("one", 1, gr.update(choices=["a", "b"]))
    assert page.sessions["one"][page.choice._id].preprocess("b") == "b"
    with pytest.raises(gr.Error):
        page.sessions["two"][page.choice._id].preprocess("b")


def test_visitors_whose_components_are_alike_share_them_and_nothing_is_described() -> None:
    page = Page()
    for session in ("one", "two"):
        page.answer(session, session, gr.update(choices=LETTERS, value="a"))
    one, two = page.sessions["one"], page.sessions["two"]
    assert one[page.choice._id] is two[page.choice._id]
    assert one.config_values == two.config_values == {}


def test_answers_are_those_of_gradio() -> None:
    def values() -> list[Any]:
        return [5, gr.update(choices=["x", "y"], value="y", label="Letters")]

    ours, theirs = Page(), Page()
    [function] = [function for function in theirs.demo.fns.values() if function.outputs]
    expected = asyncio.run(theirs.demo.postprocess_data(function, values(), SessionState(theirs.demo)))
    assert ours.answer("one", *values()) == expected


@pytest.mark.parametrize(("public", "seconds"), [(True, PUBLIC_SECONDS), (False, LOCAL_SECONDS)])
def test_a_session_goes_some_time_after_its_page_has_closed(public: bool, seconds: float) -> None:
    page = Page(public=public)
    with page.sessions.connected("one"):
        page.answer("one", 7, gr.skip())
        page.now = 10 * seconds
        page.sessions.delete_all_expired_state()
        assert "one" in page.sessions
    page.now += seconds - 1
    page.sessions.delete_all_expired_state()
    assert page.sessions["one"][page.state._id] == 7
    page.now += seconds + 10
    page.sessions.delete_all_expired_state()
    assert "one" not in page.sessions
    assert page.deleted == [7]
    assert page.dropped == ["one"]


def test_a_page_that_comes_again_keeps_its_session() -> None:
    page = Page()
    with page.sessions.connected("one"):
        page.answer("one", 7, gr.skip())
        with page.sessions.connected("one"):
            pass
        page.now = 10 * PUBLIC_SECONDS
        page.sessions.delete_all_expired_state()
        assert page.sessions["one"][page.state._id] == 7


def test_a_session_whose_event_is_under_way_stays() -> None:
    page = Page()
    page.sessions.in_use = {"one"}.__contains__
    for session in ("one", "two"):
        page.answer(session, 7, gr.skip())
    page.now = 10 * PUBLIC_SECONDS
    page.sessions.delete_all_expired_state()
    assert page.dropped == ["two"]


def test_made_up_sessions_push_each_other_out_and_nobody_else() -> None:
    page = Page()
    with page.sessions.connected("honest"):
        page.answer("honest", 7, gr.skip())
        for number in range(3 * MOST_DISCONNECTED):
            page.sessions[f"made up {number}"]
        assert "honest" in page.sessions
        assert len(page.sessions.session_data) == MOST_DISCONNECTED + 1
        assert f"made up {3 * MOST_DISCONNECTED - 1}" in page.sessions


def test_open_pages_are_bounded_too() -> None:
    page = Page()
    with ExitStack() as open_pages:
        for number in range(MOST_SESSIONS + 50):
            open_pages.enter_context(page.sessions.connected(str(number)))
            page.sessions[str(number)]
        assert len(page.sessions.session_data) == MOST_SESSIONS
        assert "0" not in page.sessions
        assert str(MOST_SESSIONS + 49) in page.sessions


def test_another_gradio_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    session_store.check_gradio()
    monkeypatch.setattr(SessionState, "_update_value_in_config", lambda self, key: None)  # noqa: ARG005
    with pytest.raises(RuntimeError, match="keeps sessions in another way"):
        session_store.check_gradio()
