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

from resnet_demo.explain.explainer import Explainer
from resnet_demo.explain.methods import METHODS
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, text
from resnet_demo.ui.components.camera_frames import LEAST_SIDE
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside import live_camera
from resnet_demo.ui.tabs.look_inside.camera_frames import frame
from resnet_demo.ui.tabs.look_inside.live_camera import LiveCamera
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import speaking
from tests.shelf import run_with_model
from tests.tiny import LABELS
from tests.ui.tabs.look_inside.test_camera_frames import as_sent, noise


class Part(NamedTuple):
    """The camera's part of a page, and the name of the one model in its home."""

    page: Any
    live: LiveCamera
    model: str


@pytest.fixture
def part(tmp_path: Path) -> Part:
    torch.set_num_threads(1)
    settings = Settings(home=tmp_path / "home")
    run = run_with_model(settings)
    with gr.Blocks() as demo:
        translations, session = Translations(), Session()
        translations.create_selector()
        made = LiveCamera(translations, Services(settings), session)
    return Part(demo, made, run.name)


def opened(part: Part, model: str | None = None, last: str | None = None) -> tuple[str, Any, Any]:
    live = part.live
    shown = live.open(last, model or part.model)
    ticket, answer = shown[live.ticket], shown[live.screen]
    assert answer["ticket"] == ticket
    return ticket, json.loads(shown[live.target_choice]["value"]), answer


def choose(part: Part, ticket: object, number: object) -> None:
    """As the browser tells of a class that was chosen."""
    part.live.set_target_class(ticket, gr.EventData(None, {"number": number}))


def processed(part: Part, ticket: object, picture: object = as_sent(noise())) -> dict[str, Any]:
    answer: dict[str, Any] = asyncio.run(part.live.process_frame(ticket, picture))
    json.dumps(answer)
    return answer


def test_a_model_is_ready_before_the_first_frame(part: Part) -> None:
    _, choice, answer = opened(part)
    assert answer["state"] == "opened"
    assert answer["side"] == LEAST_SIDE
    assert answer["zoom"] == 36 / 32
    assert len(answer["colours"]) == 3 * 256
    assert answer["colours"][:3] == [0, 0, 3]  # inferno's first colour, as matplotlib lists it
    assert [number for _, number in choice["classes"]] == [live_camera.BEST, 0, 1, 3, 2, 4]
    assert choice["chosen"] == live_camera.BEST


def test_a_frame_is_answered_as_a_photo_is(part: Part) -> None:
    ticket, _, _ = opened(part)
    for seed in range(3):
        picture = noise(seed)
        part.live.cameras.find(ticket).memory = None  # not in the mean with the frame before
        answer = processed(part, ticket, as_sent(picture))
        assert answer["state"] == "result"
        photo = frame(as_sent(picture))
        classifier = part.live.services.classifier(part.model)
        [prediction] = classifier.classify([photo], top=3)
        best = prediction.guesses[0]
        assert (answer["label"], answer["percent"]) == (best.label, f"{100 * best.probability:.0f} %")
        places = [answer["bars"].index(escape(guess.label)) for guess in prediction.guesses]
        assert places == sorted(places)
        assert answer["bars"].count("<li>") == 3
        [expected] = Explainer(classifier).explain([photo], [METHODS["gradcam"]])
        assert np.abs(np.array(answer["map"]) - 255 * expected.maps[0]).max() <= 1
        assert np.array(answer["map"]).max() == 255


def test_a_class_is_asked_about(part: Part) -> None:
    ticket, _, _ = opened(part)
    choose(part, ticket, 4)
    answer = processed(part, ticket)
    assert answer["label"] == LABELS[4]
    assert "<b>" not in answer["bars"]
    for none in (live_camera.BEST, len(LABELS), 10**30, True, "4", None, [4]):
        choose(part, ticket, 4)
        choose(part, ticket, none)
        assert part.live.cameras.find(ticket).target_class is None
    assert f"<h2>{escape(processed(part, ticket)['label'])}</h2>" in processed(part, ticket)["bars"]
    choose(part, "x", 4)


def test_the_class_stays_for_the_same_model_alone(part: Part, tmp_path: Path) -> None:
    first, _, _ = opened(part)
    choose(part, first, 2)
    second, choice, _ = opened(part, last=first)
    assert choice["chosen"] == 2
    assert processed(part, first) == {"state": "void"}
    other = run_with_model(part.live.services.settings, "/photos/Others").name
    _, choice, _ = opened(part, other, last=second)
    assert choice["chosen"] == live_camera.BEST


def test_another_model_makes_the_ticket_void(part: Part) -> None:
    ticket, _, _ = opened(part)
    part.live.check(ticket, part.model)
    assert processed(part, ticket)["state"] == "result"
    part.live.check(ticket, "another")
    part.live.check(ticket, "another")
    assert processed(part, ticket) == {"state": "void"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said(part: Part, language: str) -> None:
    live = part.live
    with speaking(language):
        failed = live.open(None, "no such model")
        again = live.open(None, "no such model")
        assert failed[live.ticket] is None
        assert failed[live.screen]["state"] == "failed"
        assert "no such model" in failed[live.screen]["said"]
        assert again[live.screen] != failed[live.screen]
        ticket, _, _ = opened(part)
    assert processed(part, ticket, "nonsense") == {"state": "failed", "said": text("camera.problem.frame", language)}


@pytest.mark.parametrize("guessed", [None, 7, [], {}, "x"])
def test_what_is_no_ticket(part: Part, guessed: object) -> None:
    assert processed(part, guessed) == {"state": "void"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_classes_are_named_in_the_visitors_language(part: Part, language: str) -> None:
    best = [text("camera.best", language), live_camera.BEST]
    ticket, _, _ = opened(part)
    choose(part, ticket, 3)
    with speaking(language):
        assert json.loads(part.live.name_classes(None)["value"]) == {"classes": [best], "chosen": live_camera.BEST}
        choice = json.loads(part.live.name_classes(ticket)["value"])
    assert choice["classes"][0] == best
    assert choice["chosen"] == 3
    said = text("camera.problem.frame", language)
    assert processed(part, ticket, "nonsense") == {"state": "failed", "said": said}
    assert text("bars.probability", language) in processed(part, ticket)["bars"]


def test_no_event_of_it_is_public(part: Part) -> None:
    assert {function.api_visibility for function in part.page.fns.values()} == {"private"}
    [frames] = [function for function in part.page.fns.values() if function.api_name == live_camera.FRAMES]
    assert not frames.queue
