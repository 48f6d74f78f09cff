"""An experiment on the page: its words, its figure, and runs as a browser asks for them, whatever it sends."""

from __future__ import annotations

import html
import os
from pathlib import Path

import gradio as gr
import pytest
import torch

from resnet_demo.jobs import worker
from resnet_demo.labs.configs import Gradients, Twins
from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.labs.lab_run import LabRun
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, all_texts, text
from resnet_demo.training.process import Process
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.learn.experiment_panel import ExperimentPanel
from resnet_demo.ui.tabs.learn.experiment_texts import SHOWN, experiment_texts, shipped
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import Visitor, speaking, visited_by

MINE, THEIRS = "a" * 32, "b" * 32
SMALL = {"depth": 8, "per_class": 2, "test_per_class": 1, "epochs": 1, "size": 8, "batch_size": 10}


def panel(home: Path, name: str = "twins", *, public: bool = False) -> ExperimentPanel:
    torch.set_num_threads(1)
    with gr.Blocks():
        translations = Translations()
        translations.create_selector()
        return ExperimentPanel(name, translations, Services(Settings(home=home, public=public)), Session())


def sent(data: object) -> gr.EventData:
    return gr.EventData(None, data)


def queued(home: Path, owner: str | None = None) -> LabRun:
    return LabRun.create(home, "twins", Twins(**SMALL), {} if owner is None else {"owner": owner})


def hold_queue(home: Path) -> None:
    """This process has the first turn, so that what is queued later stays so."""
    LabRun.create(home, "gradients", Gradients(), {}, foreground_process=Process.of(os.getpid()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SHOWN)
def test_every_experiment_has_its_words_and_its_form(name: str, language: str) -> None:
    with speaking(language):
        words = experiment_texts(name, Settings())
    assert len(words["options"]) >= 3
    assert words["right"] is None or 0 <= words["right"] < len(words["options"])
    assert [field["name"] for field in words["settings"]] == list(EXPERIMENTS[name].config.specs())
    assert all(field["label"] and field["hint"] for field in words["settings"])
    assert "<a href=" in words["next"]


def test_all_but_the_calculators_are_shown() -> None:
    trained_or_measured = {name for name in EXPERIMENTS if f"learn.{name}.question" in all_texts("en")}
    assert set(SHOWN) == trained_or_measured


def test_the_figure_comes_with_how_it_was_measured(tmp_path: Path) -> None:
    shown = panel(tmp_path, "degradation").reveal()["shipped"]
    result = shipped("degradation")
    assert result is not None
    assert "<svg" in shown["figures"]
    assert html.escape(result["command"]) in shown["how"]
    assert html.escape(result["machine"]) in shown["how"]
    assert "plain-56" in shown["shows"]


def test_a_run_is_queued_with_the_settings_that_were_sent(tmp_path: Path) -> None:
    hold_queue(tmp_path)
    made = panel(tmp_path)
    [update] = made.run(None, sent({"settings": {**SMALL, "pictures": "drawn", "augment": True}}))
    run = made.services.runs.find_experiment(update["run"]["name"])
    assert run.config == Twins(**SMALL, augment=True)
    assert update["run"]["acts"] == ["stop"]
    assert [name for name, _ in update["runs"]] == [run.name]
    assert made.open()["run"]["name"] == run.name
    assert made.act(sent({"act": "stop", "run": run.name}))["run"]["acts"] == ["resume", "remove"]
    assert run.state() == "stopped"
    assert made.open()["run"] is None
    assert made.act(sent({"act": "remove", "run": run.name})) == gr.update(runs=[], run=None)


def test_its_figures_are_sent_once(tmp_path: Path) -> None:
    hold_queue(tmp_path)
    made, run = panel(tmp_path), queued(tmp_path)
    assert made.poll(sent({"run": run.name}))["run"]["figures"] == ""
    worker.execute_run(run, made.services.settings)
    view = made.poll(sent({"run": run.name, "version": None}))["run"]
    assert "<svg" in view["figures"]
    assert (view["active"], view["acts"]) == (False, ["remove"])
    assert view["command"].endswith(" ".join(run.words()))
    assert made.poll(sent({"run": run.name, "version": view["version"]}))["run"]["figures"] is None


def test_a_failure_is_said(tmp_path: Path) -> None:
    made = panel(tmp_path)
    run = LabRun.create(tmp_path, "twins", Twins(depth=9), {})
    worker.execute_run(run, made.services.settings)
    view = made.poll(sent({"run": run.name}))["run"]
    assert text("run.state.failed") in view["said"]
    assert "8" in view["said"]


def test_a_quick_one_is_measured_while_one_waits(tmp_path: Path) -> None:
    updates = [
        one["run"] for one in panel(tmp_path, "gradients").run(None, sent({"settings": {"depth": 8, "size": 8}}))
    ]
    assert [one["active"] for one in updates[:-1]] == [True] * (len(updates) - 1)
    assert not updates[-1]["active"]
    assert sum("<svg" in (one["figures"] or "") for one in updates) >= 16
    assert "--depth 8 --size 8" in updates[-1]["command"]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 9000},
        {"depth": "8"},
        {"depth": [8]},
        {"what": 1},
        {"pictures": "/etc"},
        {"pictures": ["drawn"]},
        {"pictures": "mine"},
        {"pictures": ""},
        {"seed": True},
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(AppError):
        list(panel(tmp_path).run(None, sent({"settings": settings})))
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_ones_own_comes_from_the_server_alone(tmp_path: Path) -> None:
    hold_queue(tmp_path)
    made = panel(tmp_path, public=True)
    with visited_by(Visitor.from_browser(MINE)):
        [update] = made.run(str(tmp_path / "photos"), sent({"settings": {**SMALL, "pictures": "mine"}}))
        run = made.services.runs.find_experiment(update["run"]["name"])
        assert run.config == Twins(**SMALL, pictures=str(tmp_path / "photos"))
        assert run.facts["owner"] == MINE
        assert str(tmp_path) not in str(update)
        with pytest.raises(AppError):
            list(made.run(None, sent({"settings": {"pictures": "cifar10"}})))


def test_another_visitors_run_is_none(tmp_path: Path) -> None:
    hold_queue(tmp_path)
    made, run = panel(tmp_path, public=True), queued(tmp_path, MINE)
    with visited_by(Visitor.from_browser(THEIRS)):
        assert made.open() == gr.update(runs=[], run=None)
        for data in ({"run": run.name}, {"run": run.name, "act": "stop"}, None, [], {"run": 7}, {}):
            with pytest.raises(AppError):
                made.poll(sent(data))
            with pytest.raises(AppError):
                made.act(sent(data))
    assert run.state() == "queued"


def test_a_run_of_another_experiment_is_none(tmp_path: Path) -> None:
    run = queued(tmp_path)
    with pytest.raises(AppError):
        panel(tmp_path, "paths").poll(sent({"run": run.name}))


def test_the_time_is_measured_here(tmp_path: Path) -> None:
    assert panel(tmp_path).estimate(None, sent({"settings": SMALL}))["estimate"]
    result = shipped("gradients")
    assert result is not None
    said = panel(tmp_path, "gradients").estimate(None, sent({"settings": {}}))["estimate"]
    assert f"{result['seconds']:.0f}" in said
