"""The webcam step: what is kept of frames, whatever a browser sends, and the run that is made of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import pytest
import torch
from PIL import Image

from resnet_demo import catalogue
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.evaluation import evaluate
from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import Settings
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.finetune.webcam_step import WebcamStep
from resnet_demo.ui.translations import Translations
from tests.shelf import ship
from tests.ui.tabs.look_inside.test_camera_frames import as_sent, noise

COLOURS = {"red": (200, 50, 40), "blue": (40, 60, 200)}


class Page(NamedTuple):
    step: WebcamStep
    services: Services
    session: Session


def page_in(folder: Path, **settings: Any) -> Page:
    torch.set_num_threads(1)
    built_in = ship(folder / "models")
    services = Services(Settings(home=folder / "home", built_in_models=built_in, **settings))
    with gr.Blocks():
        translations, session = Translations(), Session()
        translations.create_selector()
        session.lay_out_header(translations)
        with gr.Tabs() as steps, gr.Tab("webcam"):
            step = WebcamStep(translations, services, session, steps)
    return Page(step, services, session)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return page_in(tmp_path)


def opened(page: Page) -> str:
    shown = page.step.open(None)
    ticket: str = shown[page.step.ticket]
    assert shown[page.step.screen]["answer"]["ticket"] == ticket
    return ticket


def sent(page: Page, ticket: object, task: Any, picture: object = "") -> dict[str, Any]:
    found: dict[str, Any] = asyncio.run(page.step.process_frame(ticket, task, picture))  # type: ignore[arg-type]
    return found


def scene(colour: tuple[int, int, int], seed: int) -> str:
    """A colour under noise."""
    return as_sent(Image.blend(Image.new("RGB", (64, 64), colour), noise(seed), 0.2), quality=90)


def record(page: Page, ticket: str, number: int, colour: tuple[int, int, int], frames: int, recording: int) -> None:
    for frame in range(frames):
        task = {"act": "record", "class": number, "recording": recording}
        answer = sent(page, ticket, task, scene(colour, 100 * recording + frame))
        assert answer["state"] == "recorded"


def recorded(page: Page, frames: int = 20) -> str:
    ticket = opened(page)
    for number, colour in enumerate(COLOURS.values(), 1):
        record(page, ticket, number, colour, frames, number)
    return ticket


NAMES = {"names": {str(number): name for number, name in enumerate(COLOURS, 1)}}


def trained(page: Page, ticket: str) -> Any:
    shown = page.step.train(ticket, NAMES)
    return shown, shown[page.step.screen]["answer"]


def test_recorded_trained_and_named(page: Page) -> None:
    ticket = recorded(page)
    shown, answer = trained(page, ticket)
    assert answer["state"] == "trained", answer
    run = page.services.runs.find(shown[page.session.run])
    assert answer["labels"] == ["blue", "red"]  # as folders are sorted
    for index, name in enumerate(answer["labels"]):
        named = sent(page, ticket, {"act": "name"}, scene(COLOURS[name], 7))
        assert named["probabilities"][index] > 0.9
    # A model like any other, whose logits are those of the screen.
    assert catalogue.of_run(run) is not None
    classifier = Classifier(open_model(run.name, page.services.settings), page.services.settings)
    [prediction] = classifier.classify([Image.new("RGB", (64, 64), COLOURS["red"])])
    assert prediction.guesses[0].label == "red"


def test_the_photos_are_a_data_set_whose_split_is_by_time(page: Page) -> None:
    ticket = recorded(page)
    shown, answer = trained(page, ticket)
    dataset = open_dataset(Path(shown[page.session.dataset]), page.services.settings.home)
    assert dataset.classes == ("blue", "red")
    for label in range(2):
        times = {
            split: [int(photo.path[-8:-4]) for photo in dataset.photos if photo.split == split and photo.label == label]
            for split in ("train", "val", "test")
        }
        assert max(times["train"]) < min(times["val"]) <= max(times["val"]) < min(times["test"])
    run = page.services.runs.find(shown[page.session.run])
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    assert (evaluate(predictions).photos, answer["photos"]) == (6, 6)
    assert answer["percent"] == f"{100 * predictions.correct / 6:.0f}"
