"""Handlers know their visitor and language wherever Gradio runs them; a real server runs them here."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError as ClientError

from resnet_demo.texts import AppError, text
from resnet_demo.ui.events import Events, in_context
from resnet_demo.ui.session import Session
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import (
    NOBODY,
    Visitor,
    current_language,
    current_visitor,
    say,
    speaking,
    visited_by,
)

ANNA, BERT = "a" * 32, "b" * 32
KEY = "classify.gone"
both_inside = threading.Barrier(2, timeout=20)
closed: list[tuple[str, Visitor]] = []


def told() -> str:
    return f"{say(KEY)}|{current_visitor().token}"


def plain(word: str) -> str:
    return f"{word}|{told()}"


def of_event(word: str, event: gr.EventData, request: gr.Request) -> str:
    return f"{word}|{event._data}|{request.session_hash}|{told()}"


def with_progress(word: str, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008  how Gradio asks for one
    progress((1, 2), desc="half")
    return f"{word}|{told()}"


def with_rest(*words: str, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008  how Gradio asks for one
    progress((1, 2), desc="half")
    return f"{len(words)}|{told()}"


def counting(word: str) -> Iterator[str]:
    try:
        for number in range(3):
            yield f"{word}{number}|{told()}"
    finally:
        closed.append((current_language(), current_visitor()))


def wrong(word: str) -> str:
    raise AppError("services.unlisted_model" if word == "known" else "no such key")


def at_the_same_time(word: str) -> Iterator[str]:
    for _ in range(20):
        both_inside.wait()
        yield f"{word}|{told()}"


HANDLERS = (plain, of_event, with_progress, with_rest, counting, wrong, at_the_same_time)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as demo, warnings.catch_warnings():
        warnings.simplefilter("error")
        translations, session = Translations(), Session()
        translations.create_selector()
        session.lay_out_header(translations)
        events = Events(translations, session)
        word, answer, button = gr.Textbox(), gr.Textbox(), gr.Button()
        for fn in HANDLERS:
            button.click(**events.handler(fn, [word], answer, api_name=fn.__name__, concurrency_limit=4))
        button.click(**events.handler(lambda: told(), None, answer, api_name="nothing_given"))
        translations.connect(demo)
        session.connect(demo)
    demo.queue(api_open=True)
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True)
    yield address
    demo.close()


def expected(language: str, visitor: str | None) -> str:
    return f"{text(KEY, language)}|{visitor}"


@pytest.mark.parametrize(("language", "visitor"), [("en", ANNA), ("zh-CN", BERT), ("zh-CN", None)])
@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("plain", "x|"),
        ("with_progress", "x|"),
        ("with_rest", "1|"),
        ("counting", "x2|"),
        ("nothing_given", ""),
    ],
)
def test_handlers_of_each_kind_know_both(url: str, name: str, first: str, language: str, visitor: str | None) -> None:
    given = [] if name == "nothing_given" else ["x"]
    answer = Client(url, verbose=False).predict(language, visitor, *given, api_name=f"/{name}")
    assert answer == first + expected(language, visitor)


def test_what_gradio_knows_of_an_event_comes_behind_the_inputs(url: str) -> None:
    number = HANDLERS.index(of_event)
    told_by_browser = {"fn_index": number, "session_hash": "s", "event_data": {"row": 3}, "trigger_id": None}
    httpx.post(f"{url}gradio_api/queue/join", json={"data": ["zh-CN", ANNA, "x"], **told_by_browser})
    with httpx.stream("GET", f"{url}gradio_api/queue/data", params={"session_hash": "s"}, timeout=20) as lines:
        done = next(line for line in lines.iter_lines() if "process_completed" in line)
    [answer] = json.loads(done.removeprefix("data:"))["output"]["data"]
    assert answer == f"x|{{'row': 3}}|s|{expected('zh-CN', ANNA)}"


@pytest.mark.parametrize("sent", ["", "a" * 31, "A" * 32, "ä" * 32, {"a": 1}, [], 7, "a" * 32 + "\n"])
def test_what_is_no_token_is_nobody(url: str, sent: object) -> None:
    assert Client(url, verbose=False).predict("en", sent, "x", api_name="/plain") == f"x|{expected('en', None)}"


def test_errors_are_told_in_the_language(url: str) -> None:
    with pytest.raises(ClientError) as caught:
        Client(url, verbose=False).predict("zh-CN", ANNA, "known", api_name="/wrong")
    assert caught.value.message == text("services.unlisted_model", "zh-CN")
    with pytest.raises(ClientError) as caught:
        Client(url, verbose=False).predict("zh-CN", ANNA, "other", api_name="/wrong")
    number = caught.value.message.translate(str.maketrans("", "", text("page.unexpected", "zh-CN", number="")))
    assert len(number) == 6


def test_two_visitors_at_the_same_time_do_not_meet(url: str) -> None:
    def results(language: str, visitor: str) -> set[Any]:
        job = Client(url, verbose=False).submit(language, visitor, "x", api_name="/at_the_same_time")
        job.result(timeout=60)
        assert len(job.outputs()) == 20
        return set(job.outputs())

    with ThreadPoolExecutor(2) as pool:
        anna, bert = pool.submit(results, "en", ANNA), pool.submit(results, "zh-CN", BERT)
        assert anna.result() == {f"x|{expected('en', ANNA)}"}
        assert bert.result() == {f"x|{expected('zh-CN', BERT)}"}


def test_a_generator_that_is_closed_knows_both_while_it_ends() -> None:
    closed.clear()
    results = in_context(counting)("zh-CN", ANNA, "x")
    assert next(results) == f"x0|{expected('zh-CN', ANNA)}"
    assert told() == expected("en", None)
    results.close()
    assert closed == [("zh-CN", Visitor(ANNA))]


def test_an_error_in_a_generator_is_told_once_and_closes_it() -> None:
    def failing() -> Iterator[str]:
        try:
            yield told()
            raise AppError("services.unlisted_model")
        finally:
            closed.append((current_language(), current_visitor()))

    closed.clear()
    results = in_context(failing)("zh-CN", BERT)
    assert next(results) == expected("zh-CN", BERT)
    with pytest.raises(gr.Error, match=text("services.unlisted_model", "zh-CN")):
        next(results)
    assert closed == [("zh-CN", Visitor(BERT))]


@pytest.mark.parametrize("sent", ["fr", None, 3, ["en"], {}])
def test_a_language_that_is_none_of_ours_is_the_default_one(sent: object) -> None:
    assert in_context(told)(sent, ANNA) == expected("en", ANNA)


def test_outside_of_events_there_is_nobody() -> None:
    assert (current_language(), current_visitor()) == ("en", NOBODY)
    with speaking("zh-CN"), visited_by(Visitor(ANNA)):
        assert told() == expected("zh-CN", ANNA)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(told).result() == expected("en", None)
    assert told() == expected("en", None)
