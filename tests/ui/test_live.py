"""The camera's part of the Look inside tab: what it answers a browser, whatever that sends."""

from __future__ import annotations

import asyncio
import json
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
import pytest
import torch

from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, text
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside import live
from tests.shelf import run_with_model
from tests.tiny import LABELS
from tests.ui.test_camera import as_sent, noise


class Part(NamedTuple):
    """The camera's part of a page, and the name of the one model in its home."""

    page: Any
    live: live._Live
    model: str


@pytest.fixture
def part(tmp_path: Path) -> Part:
    torch.set_num_threads(1)
    settings = Settings(home=tmp_path / "home")
    run = run_with_model(settings)
    with gr.Blocks() as demo:
        words, session = Words(), Session()
        words.make_selector()
        made = live._Live(words, Services(settings), session)
    return Part(demo, made, run.name)


def opened(part: Part, model: str | None = None, last: object = None, wanted: int = live.BEST) -> tuple[str, Any, Any]:
    ticket, choice, answer = part.live.open(last, model or part.model, wanted, None, "en")
    assert answer["ticket"] == ticket
    return ticket, choice, answer


def looked(part: Part, ticket: object, picture: object = as_sent(noise())) -> dict[str, Any]:
    answer: dict[str, Any] = asyncio.run(part.live.look(ticket, picture))
    json.dumps(answer)
    return answer


def test_a_model_is_ready_before_the_first_frame(part: Part) -> None:
    _, choice, answer = opened(part)
    assert answer["state"] == "opened"
    assert answer["side"] == live.LEAST_SIDE
    assert answer["zoom"] == 36 / 32
    assert len(answer["colours"]) == 3 * 256
    assert answer["colours"][:3] == [0, 0, 3]  # inferno's first colour, as matplotlib lists it
    assert [number for _, number in choice["choices"]] == [live.BEST, 0, 1, 3, 2, 4]
    assert choice["value"] == live.BEST


def test_a_frame_is_answered(part: Part) -> None:
    ticket, _, _ = opened(part)
    answer = looked(part, ticket)
    assert answer["state"] == "seen"
    assert answer["label"] in LABELS
    assert answer["bars"].count("<li>") == 3
    values = np.array(answer["map"])
    assert values.shape == (8, 8)
    assert values.min() >= 0
    assert values.max() in {0, 255}


def test_a_class_is_asked_about(part: Part) -> None:
    ticket, _, _ = opened(part)
    part.live.ask(ticket, 4)
    answer = looked(part, ticket)
    assert answer["label"] == LABELS[4]
    assert "<b>" not in answer["bars"]
    part.live.ask(ticket, live.BEST)
    assert f"<h2>{escape(looked(part, ticket)['label'])}</h2>" in looked(part, ticket)["bars"]
    part.live.ask("x", 4)


def test_the_class_stays_for_the_same_model_alone(part: Part, tmp_path: Path) -> None:
    first, _, _ = opened(part)
    part.live.ask(first, 2)
    second, choice, _ = opened(part, last=first, wanted=2)
    assert choice["value"] == 2
    assert looked(part, first) == {"state": "void"}
    other = run_with_model(part.live.services.settings, "/photos/Others").name
    _, choice, _ = opened(part, other, last=second, wanted=2)
    assert choice["value"] == live.BEST


def test_another_model_makes_the_ticket_void(part: Part) -> None:
    ticket, _, _ = opened(part)
    part.live.check(ticket, part.model)
    assert looked(part, ticket)["state"] == "seen"
    part.live.check(ticket, "another")
    part.live.check(ticket, "another")
    assert looked(part, ticket) == {"state": "void"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said(part: Part, language: str) -> None:
    ticket, _, answer = part.live.open(None, "no such model", live.BEST, None, language)
    assert ticket is None
    assert answer["state"] == "failed"
    assert "no such model" in answer["said"]
    assert part.live.open(None, "no such model", live.BEST, None, language)[2] != answer
    ticket, _, _ = opened(part)
    part.live.name(ticket, language)
    assert looked(part, ticket, "nonsense") == {"state": "failed", "said": text("live.problem.frame", language)}


@pytest.mark.parametrize("guessed", [None, 7, [], {}, "x"])
def test_what_is_no_ticket(part: Part, guessed: object) -> None:
    assert looked(part, guessed) == {"state": "void"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_classes_are_named_in_the_visitors_language(part: Part, language: str) -> None:
    best = [text("live.best", language), live.BEST]
    assert list(part.live.name(None, language)["choices"][0]) == best
    ticket, _, _ = opened(part)
    part.live.ask(ticket, 3)
    choice = part.live.name(ticket, language)
    assert list(choice["choices"][0]) == best
    assert choice["value"] == 3


def test_no_event_of_it_is_public(part: Part) -> None:
    assert {function.api_visibility for function in part.page.fns.values()} == {"private"}
    [frames] = [function for function in part.page.fns.values() if function.api_name == live.FRAMES]
    assert not frames.queue
