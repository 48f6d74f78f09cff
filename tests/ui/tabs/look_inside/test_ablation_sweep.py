"""The ablation sweep of the page: with the right photos, counted, and never another model's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch

from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.components.work_status import StoppedError
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import ChosenReading, Session
from resnet_demo.ui.tabs.look_inside import ablation_sweep
from resnet_demo.ui.tabs.look_inside.ablation_sweep import SweepPanel
from resnet_demo.ui.tabs.look_inside.event_context import EventContext, Updates
from resnet_demo.ui.tabs.look_inside.network_diagram import NetworkDiagram
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.tabs.look_inside.selection import CurrentSelection, Selection
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import speaking
from tests.training.small_runs import SMALL, draw_photos, facts_of, settings_in

SWITCHABLE = 7


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run in the list of its home, over drawn photos of three classes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    config = replace(SMALL, data=str(draw_photos(folder / "photos")), epochs=2)
    made = Run.create(folder / "home", config, facts_of(config, settings_in(folder)))
    train(made, settings_in(folder))
    return made


@pytest.fixture
def events(run: Run) -> Iterator[SectionEvents]:
    with gr.Blocks():
        translations = Translations()
        translations.create_selector()
        yield SectionEvents(translations, Services(Settings(home=run.folder.parents[1])), Session())


@pytest.fixture
def sweep_panel(events: SectionEvents) -> SweepPanel:
    return SweepPanel(events, NetworkDiagram(events))


@pytest.fixture
def context(run: Run, events: SectionEvents) -> EventContext:
    [photo, *_] = (Path(run.config.data) / "red").iterdir()
    inspected, inspection = events.inspector.start(ReceivedPhoto("a.png", photo), run.name)
    selection = Selection(inspected=inspected, part="stage3", target_class=0)
    return EventContext(inspection, selection, CurrentSelection(selection), share=lambda done: None)  # noqa: ARG005


def last(updates: Iterator[Updates]) -> Updates:
    *_, end = updates
    return end


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_photos_in_hand_are_the_runs_test_photos(
    sweep_panel: SweepPanel, context: EventContext, run: Run, language: str
) -> None:
    told: list[float] = []
    context = replace(context, share=told.append)
    uses, predictions = run.events.test_set_uses, run.artefacts.test_predictions()
    assert predictions is not None
    with speaking(language):
        first, *_, end = sweep_panel.measure_in_hand(context, run.config.data, None, 50)
    assert first[sweep_panel.found].sweep.photos == ablation_sweep.AT_ONCE
    found = end[sweep_panel.found]
    assert found.sweep.photos == len(predictions.files) == 6
    assert found.sweep.whole == pytest.approx(predictions.correct / 6)
    assert end[sweep_panel.plot]["value"].count("data-name") == SWITCHABLE
    assert text("evaluate.by.run", language, name=run.name, uses=uses + 1) in end[sweep_panel.said]
    assert run.events.test_set_uses == uses + 1
    assert told == sorted(told)
    assert told[-1] == 1


def test_another_model_shows_nothing_of_it(sweep_panel: SweepPanel, context: EventContext, run: Run) -> None:
    found = last(sweep_panel.measure_in_hand(context, run.config.data, None, 50))[sweep_panel.found]
    other = context.with_selection(inspected=replace(context.inspected, model="resnet18"))
    shown = sweep_panel.show(other, found)
    assert (shown[sweep_panel.said], shown[sweep_panel.plot]["visible"]) == ("", False)


@pytest.mark.parametrize("folder", [None, "/no/such/folder"])
def test_without_photos_it_says_how_to_get_some(
    sweep_panel: SweepPanel, context: EventContext, folder: str | None
) -> None:
    [shown] = sweep_panel.measure_in_hand(context, folder, None, 50)
    assert shown[sweep_panel.found] is None
    assert text("look.ablation_sweep.none") in shown[sweep_panel.said]
    assert not shown[sweep_panel.plot]["visible"]


def test_the_photos_are_read_as_was_chosen_for_them(context: EventContext, sweep_panel: SweepPanel, run: Run) -> None:
    folder = run.config.data
    other = ChosenReading("/another/folder", Reading(label_source="names"))
    assert len(list(sweep_panel.measure_in_hand(context, folder, other, 50))) > 1
    with pytest.raises(AppError):  # no class is told by the names of these photos
        list(sweep_panel.measure_in_hand(context, folder, replace(other, folder=folder), 50))


def dropped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Nine photos as the browser sends them, four of them of classes that the model knows, of which one is broken."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    photo = (draw_photos(folder / "new", per_class=1, first=100) / "red" / "100.png").read_bytes()
    names = [f"flowers/red/{number}.png" for number in range(3)] + ["grün/0.png", "0.png"]
    payload = []
    for number, name in enumerate(names + [f"zebra/{number}.png" for number in range(4)]):
        (folder / f"{number}.png").write_bytes(b"no picture" if number == 0 else photo)
        payload.append({"rel": name, "file": {"path": f"{folder}/{number}.png", "meta": {"_type": "gradio.FileData"}}})
    return payload


def test_dropped_class_folders(
    sweep_panel: SweepPanel, context: EventContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = dropped(tmp_path, monkeypatch)
    shown = last(sweep_panel.measure_dropped(context, payload, 50))
    found, said = shown[sweep_panel.found], shown[sweep_panel.said]
    assert (found.sweep.photos, found.photos) == (3, 4)
    assert text("look.ablation_sweep.unread", photos=1) in said
    assert text("evaluate.note.unknown", photos=4, classes="zebra") in said
    assert text("evaluate.note.unlabelled", photos=1) in said
    fewer = last(sweep_panel.measure_dropped(context, payload, 2))
    assert fewer[sweep_panel.found].photos == 2
    assert text("look.ablation_sweep.drawn", photos=4) in fewer[sweep_panel.said]
    with pytest.raises(AppError, match="zebra"):
        last(sweep_panel.measure_dropped(context, payload[5:], 50))
    with pytest.raises(AppError, match=text("look.ablation_sweep.none_read")[:20]):
        last(sweep_panel.measure_dropped(context, payload[:1], 50))
    with pytest.raises(AppError):
        last(sweep_panel.measure_dropped(context, [{"rel": "red/a.png", "file": {"path": "/etc/passwd"}}], 50))


def test_dropped_photos_that_it_has_seen_are_left_out(
    sweep_panel: SweepPanel, context: EventContext, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a class in another spelling is matched."""
    payload = dropped(tmp_path, monkeypatch)[1:3]
    payload[1]["rel"] = "RED/1.png"
    dataset = open_dataset(Path(run.config.data), run.folder.parents[1])
    seen = dataset.root / next(dataset.photos[index].path for index in run.facts["split"]["train"])
    for number, entry in enumerate(payload[:1] * 3):
        shutil.copyfile(seen, tmp_path / f"seen {number}.png")
        file = {**entry["file"], "path": f"{tmp_path}/seen {number}.png"}
        payload.append({"rel": f"{seen.parent.name}/seen {number}.png", "file": file})
    shown = last(sweep_panel.measure_dropped(context, payload, 50))
    assert shown[sweep_panel.found].photos == 2
    assert text("evaluate.note.learnt", learnt=3, photos=5) in shown[sweep_panel.said]
    assert escape(text("evaluate.note.matched", pairs="RED = red")) in shown[sweep_panel.said]
    with pytest.raises(AppError) as caught:
        last(sweep_panel.measure_dropped(context, payload[2:], 50))
    assert caught.value.message.key == "evaluate.problem.all_learnt"


def test_what_is_done_stays_when_it_is_stopped(sweep_panel: SweepPanel, context: EventContext, run: Run) -> None:
    def share(done: float) -> None:
        if done:
            raise StoppedError

    updates = sweep_panel.measure_in_hand(replace(context, share=share), run.config.data, None, 50)
    shown = next(updates)
    so_far = shown[sweep_panel.found]
    assert not so_far.complete
    said = text("look.ablation_sweep.so_far", done=4, photos=6, percent=f"{100 * so_far.sweep.whole:.1f}")
    assert said in shown[sweep_panel.said]
    with pytest.raises(StoppedError):
        next(updates)
