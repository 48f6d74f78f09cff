"""Accuracy by block removed, as the page measures it: with the right photos, counted, and never another model's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch

from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.language import Words
from resnet_demo.ui.looking import Looking
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.look_inside import removals
from resnet_demo.ui.tabs.look_inside.desk import Desk, View
from resnet_demo.ui.tabs.look_inside.picture import Picture
from resnet_demo.ui.tabs.look_inside.subject import Top
from tests.training.schoolroom import SMALL, draw_photos, facts_of, settings_in

SWITCHABLE = 7


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run in the list of its home, over drawn photos of three classes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("taught")
    config = replace(SMALL, data=str(draw_photos(folder / "photos")), epochs=2)
    made = Run.create(folder / "home", config, facts_of(config, settings_in(folder)))
    train(made, settings_in(folder))
    return made


@pytest.fixture
def measuring(run: Run) -> removals.Measuring:
    with gr.Blocks():
        words, session = Words(), Session()
        words.make_selector()
        desk = Desk(words, Services(Settings(home=run.folder.parents[1])), session)
        Top(desk)
        return removals.Measuring(desk, Picture(desk))


@pytest.fixture
def view(run: Run, measuring: removals.Measuring) -> View:
    [photo, *_] = (Path(run.config.data) / "red").iterdir()
    looking = Looking(measuring.desk.services)
    subject, look = looking.begin(ReceivedPhoto("a.png", photo), run.name, None)
    return View(look, subject, "stage3", (), 0, "en", lambda share: None, None)  # noqa: ARG005


def last(updates: Iterator[list[Any]]) -> list[Any]:
    *_, end = updates
    return end


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_photos_in_hand_are_the_runs_test_photos(
    measuring: removals.Measuring, view: View, run: Run, language: str
) -> None:
    told: list[float] = []
    view = replace(view, language=language, share=told.append)
    looks, answers = run.test_looks, run.answers()
    assert answers is not None
    start, first, *_, end = measuring.measure_in_hand(view, run.config.data, 50, None)
    assert start[-1]["visible"]
    assert first[1].removals.photos == removals.AT_ONCE
    _, found, said, drawn, button = end
    assert found.removals.photos == len(answers.files) == 6
    assert found.removals.whole == pytest.approx(answers.correct / 6)
    assert drawn["value"].count("data-name") == SWITCHABLE
    assert text("evaluate.by.run", language, name=run.name, looks=looks + 1) in said
    assert run.test_looks == looks + 1
    assert not button["visible"]
    assert told == sorted(told)
    assert told[-1] == 1


def test_another_model_shows_nothing_of_it(measuring: removals.Measuring, view: View, run: Run) -> None:
    _, found, *_ = last(measuring.measure_in_hand(view, run.config.data, 50, None))
    said, drawn = removals.shown(replace(view, subject=replace(view.subject, model="resnet18")), found)
    assert (said, drawn["visible"]) == ("", False)


@pytest.mark.parametrize("folder", [None, "/no/such/folder"])
def test_without_photos_it_says_how_to_get_some(measuring: removals.Measuring, view: View, folder: str | None) -> None:
    [[_, found, said, drawn, _]] = measuring.measure_in_hand(view, folder, 50, None)
    assert found is None
    assert text("look.removals.none") in said
    assert not drawn["visible"]


def dropped(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Nine photos as the browser sends them, four of them of classes that the model knows, of which one is broken."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    photo = next((Path(run.config.data) / "red").iterdir()).read_bytes()
    names = [f"flowers/red/{number}.png" for number in range(3)] + ["grün/0.png", "0.png"]
    payload = []
    for number, name in enumerate(names + [f"zebra/{number}.png" for number in range(4)]):
        (folder / f"{number}.png").write_bytes(b"no picture" if number == 0 else photo)
        payload.append({"rel": name, "file": {"path": f"{folder}/{number}.png", "meta": {"_type": "gradio.FileData"}}})
    return payload


def test_dropped_class_folders(
    measuring: removals.Measuring, view: View, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = dropped(tmp_path, run, monkeypatch)
    _, found, said, *_ = last(measuring.measure_dropped(view, payload, 50, None))
    assert (found.removals.photos, found.photos) == (3, 4)
    assert text("look.removals.unread", photos=1) in said
    assert text("evaluate.note.unknown", photos=4, classes="zebra") in said
    assert text("evaluate.note.unlabelled", photos=1) in said
    _, fewer, said, *_ = last(measuring.measure_dropped(view, payload, 2, None))
    assert fewer.photos == 2
    assert text("look.removals.drawn", photos=4) in said
    with pytest.raises(AppError, match="zebra"):
        last(measuring.measure_dropped(view, payload[5:], 50, None))
    with pytest.raises(AppError, match=text("look.removals.none_read")[:20]):
        last(measuring.measure_dropped(view, payload[:1], 50, None))
    with pytest.raises(AppError):
        last(measuring.measure_dropped(view, [{"rel": "red/a.png", "file": {"path": "/etc/passwd"}}], 50, None))


def test_it_can_be_ended(measuring: removals.Measuring, view: View, run: Run) -> None:
    going = measuring.measure_in_hand(view, run.config.data, 50, None)
    next(going)
    ended, so_far, said, *_ = next(going)
    assert not so_far.complete
    assert text("look.removals.so_far", done=4, photos=6, percent=f"{100 * so_far.removals.whole:.1f}") in said
    assert not removals._quit(ended)["visible"]
    assert list(going) == []
    assert not removals._quit(None)["visible"]
