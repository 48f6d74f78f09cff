"""The train step: settings come back whole, what is shown is true and still, and other visitors see and do nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.blocks import Block

from resnet_demo import catalogue
from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import AS_IT_SEEMS
from resnet_demo.jobs import queue
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.training.config import TRAIN_SETTINGS, TrainConfig
from resnet_demo.training.listed_runs import all_runs, find_run
from resnet_demo.training.process import Process
from resnet_demo.training.run import Run
from resnet_demo.ui import page
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import IDLE_SECONDS, TICK_SECONDS, ChosenReading, Session
from resnet_demo.ui.tabs.finetune import setting_controls, train_step
from resnet_demo.ui.tabs.finetune.forecast import forecast
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import speaking
from tests.jobs.small import wait_for
from tests.training.small_runs import draw_photos
from tests.ui.handlers import by_name

MINE, THEIRS = "a" * 32, "b" * 32
ENTRIES = [catalogue.Entry("resnet18", "published", "resnet18"), catalogue.Entry("20260101-flowers", "own", "resnet50")]


class Step:
    """A page's train step, whose handlers are called as Gradio calls them."""

    def __init__(self, demo: gr.Blocks) -> None:
        self.demo = demo
        self.last_render: str | None = None

    def function(self, name: str) -> Any:
        owners = {f"RunPanel.{name}", f"Form.{name}"}
        return next(found for found in self.demo.fns.values() if getattr(found.fn, "__qualname__", "") in owners)

    def call(self, name: str, *given: object, visitor: object = MINE, language: str = "en") -> Any:
        """What the handler of this name returns; updates by the component's id."""
        returned = self.function(name).fn(language, visitor, *given)
        by_component = isinstance(returned, dict) and all(isinstance(key, Block) for key in returned)
        return by_name(returned) if by_component else returned

    def consider(
        self,
        dataset: str | None,
        language: str = "en",
        kept: object = None,
        reading: ChosenReading | None = None,
        **changes: object,
    ) -> tuple[Any, Any, Any, Any]:
        """What `consider` stores, and its updates of the notice on photos, the forecast and the settings."""
        function = self.function("consider")
        updates = function.fn(language, MINE, dataset, reading, kept, *held(**changes).values())
        stored, no_photos, told, *parts = function.outputs
        assert updates.keys() == {*function.outputs}
        return updates[stored], updates[no_photos], updates[told], by_name({part: updates[part] for part in parts})

    def refresh(
        self, name: object = None, visitor: object = None, language: str = "en", pending_delete: object = None
    ) -> dict[str, Any]:
        """What changes on the page, by the component's id."""
        refresh = self.function("refresh")
        updates = refresh.fn(language, visitor, self.last_render, name, pending_delete, None, None)
        if updates == gr.skip():
            return {}
        self.last_render = updates[refresh.outputs[0]]
        return by_name(updates)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, gr.Blocks]:
    """The whole page, which takes its time to build, and its settings."""
    settings = Settings(home=tmp_path_factory.mktemp("built") / "home")
    return settings, page.build(settings)


@pytest.fixture
def settings(built: tuple[Settings, gr.Blocks]) -> Iterator[Settings]:
    """Those of a page whose home is empty at the start of each test."""
    settings, _ = built
    yield settings
    shutil.rmtree(settings.home, ignore_errors=True)


@pytest.fixture
def step(settings: Settings, built: tuple[Settings, gr.Blocks]) -> Step:
    return Step(built[1])


def step_alone(settings: Settings) -> Step:
    """The step on a page of its own, with settings of its own."""
    with gr.Blocks() as demo:
        translations, session = Translations(), Session()
        translations.create_selector()
        session.lay_out_header(translations)
        with gr.Tabs() as steps, gr.Tab("train"):
            train_step.build(translations, Services(settings), session, steps)
    return Step(demo)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("photos") / "<b>colours", per_class=9)


def held(**changes: object) -> dict[str, Any]:
    return {**{name: setting_controls.initial(name) for name in setting_controls.NAMES}, **changes}


def lying_run(settings: Settings, **facts: object) -> Run:
    """A run that a living process seems to carry out."""
    run = Run.create(settings.home, TrainConfig("/photos/tulips", epochs=4), facts)
    me = Process.of(os.getpid())
    run.events.append("launched", pid=me.pid, born=me.born)
    return run


# The settings


def test_every_setting_is_on_the_page() -> None:
    assert {*setting_controls.NAMES, *setting_controls.ELSEWHERE} == {*TRAIN_SETTINGS, setting_controls.NETWORK}
    assert len(setting_controls.NAMES) == len(set(setting_controls.NAMES))


def test_untouched_they_leave_everything_open() -> None:
    assert setting_controls.read(held(), "/p", ENTRIES) == TrainConfig("/p", variant="resnet18")


def test_what_was_typed_and_chosen_is_read() -> None:
    values = held(
        network="resnet18:v1",
        scratch=True,
        train_depth="all",
        preset="best",
        epochs=" 12 ",
        learning_rate="3e-4",
        class_weights="no",
        range_test=True,
        seed="7.0",
    )
    wanted = TrainConfig(
        "/p",
        variant="resnet18:v1",
        scratch=True,
        train_depth="all",
        preset="best",
        epochs=12,
        learning_rate=3e-4,
        class_weights=False,
        range_test=True,
        seed=7,
    )
    assert setting_controls.read(values, "/p", ENTRIES) == wanted
    assert setting_controls.read(held(train_depth="3"), "/p", ENTRIES).train_depth == 3


def test_the_network_says_what_a_training_begins_with() -> None:
    own = setting_controls.read(held(network="20260101-flowers", scratch=True), "/p", ENTRIES)
    assert (own.parent, own.variant, own.scratch) == ("20260101-flowers", None, False)
    for file in ("/weights/net.pth", "resnet18:/weights/net.pth"):
        assert setting_controls.read(held(network=file), "/p", ENTRIES) == TrainConfig("/p", parent=file)
    bare = setting_controls.read(held(network="cifar_resnet20"), "/p", ENTRIES)
    assert (bare.parent, bare.variant, bare.scratch) == (None, "cifar_resnet20", True)
    names = [name for _, name in setting_controls.networks(ENTRIES)]
    assert names[:2] == ["resnet18", "20260101-flowers"]
    assert "cifar_resnet20" in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"epochs": "many"}, "train.problem.whole"),
        ({"epochs": "1e999"}, "train.problem.whole"),
        ({"epochs": "1.5"}, "train.problem.whole"),
        ({"learning_rate": "nan"}, "train.problem.number"),
        ({"seed": -1}, "train.problem.whole"),
        ({"seed": ["7"]}, "train.problem.whole"),
        ({"preset": "fastest"}, "train.problem.choice"),
        ({"preset": ["quick"]}, "train.problem.choice"),
        ({"train_depth": "5"}, "train.problem.choice"),
        ({"range_test": "yes"}, "train.problem.switch"),
        ({"range_test": None}, "train.problem.switch"),
        ({"scratch": True, "train_depth": "head"}, "train.problem.scratch_depth"),
        ({"first_size": "64", "image_size": "32"}, "train.problem.first_size"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_cannot_be_is_a_sentence_that_names_it_as_the_page_does(
    changes: dict[str, object], key: str, language: str
) -> None:
    with pytest.raises(AppError) as refusal, speaking(language):
        setting_controls.read(held(**changes), "/p", ENTRIES)
    assert refusal.value.message.key == key
    if len(changes) == 1:
        label = TRAIN_SETTINGS[next(iter(changes))].label.say(language)
        assert label in refusal.value.say(language)


def test_what_a_browser_kept_comes_back() -> None:
    kept = held(network="resnet50", epochs="12", train_depth="2", class_weights="yes", range_test=True)
    assert setting_controls.restored(json.loads(json.dumps(kept))) == kept


@pytest.mark.parametrize("kept", [None, [], "x", 3, {"epochs": 12}, {"scratch": "yes"}, {"preset": "no such"}])
@pytest.mark.parametrize("more", [{}, {"network": 3}, {"network": ""}, {"seed": "1" * 999}, {"seed": "\n"}, {"a": {}}])
def test_whatever_else_stands_in_the_browser_is_left_there(kept: object, more: dict[str, object]) -> None:
    stored = {**kept, **more} if isinstance(kept, dict) else kept
    assert setting_controls.restored(stored) == held()


# What is to come


@pytest.mark.slow
def test_the_forecast_is_what_is_done(settings: Settings, photos: Path) -> None:
    config = TrainConfig(
        str(photos), variant="cifar_resnet20", scratch=True, preset="quick", epochs=2, precision="float32"
    )
    told = forecast(config, settings)
    run = queue.submit(config, settings)
    assert wait_for(run, "finished", "failed") == "finished"
    started = run.events.newest("started")
    assert started is not None
    assert started["config"] == told.resolved.to_json()
    assert started["photos"] == {"train": told.photos.train, "val": told.photos.val, "test": told.photos.test}
    assert started["per_class"] == told.photos.per_class
    steps = [event["steps"] for event in run.events.all() if event["kind"] == "step"]
    assert set(steps) <= {told.steps_per_epoch * 2}
    assert dict(told.details("en"))[text("train.forecast.work.heading")] == text(
        "train.forecast.work", epochs=2, steps=told.steps_per_epoch * 2, batch=told.resolved.batch_size
    )


def test_the_page_says_what_comes_and_what_an_empty_line_means(step: Step, photos: Path) -> None:
    stored, no_photos, told, parts = step.consider(str(photos), epochs="5")
    assert stored == {**held(epochs="5"), "suggested": "balanced"}
    assert no_photos["visible"] is False
    assert "5 epochs" in told
    assert parts["train-epochs"]["placeholder"] == "5"
    assert parts["train-image_size"]["placeholder"] == "160"
    assert parts["train-train_depth"]["choices"][0] == ("From the preset: Head and last three stages", "")
    assert parts["train-scratch"]["visible"] is True
    assert all("value" not in part for part in parts.values())  # nothing is typed over


def test_the_forecast_tells_the_memory(photos: Path, tmp_path: Path) -> None:
    """More for a larger network; where it cannot be had, what is asked for is refused with the same words."""
    needs = []
    for network in ("cifar_resnet20", "resnet50"):
        config = TrainConfig(str(photos), variant=network, scratch=True, image_size=64)
        told = forecast(config, Settings(home=tmp_path))
        assert told.memory is not None
        assert text("train.forecast.memory.heading", "zh-CN") in dict(told.details("zh-CN"))
        assert told.memory.problem is None
        needs.append(told.memory.need)
    assert needs[0] < needs[1]
    page = step_alone(Settings(home=tmp_path, public=True, max_memory_share=1e-5))
    _, _, told_there, _ = page.consider(str(photos), network="cifar_resnet20", scratch=True)
    assert "this page gives one training at most" in told_there
    with pytest.raises(gr.Error, match="this page gives one training at most"):
        page.call("begin", str(photos), None, *held(network="cifar_resnet20", scratch=True).values())
    assert all_runs(tmp_path) == []


def test_the_time_of_each_preset_is_told_and_one_that_is_soon_over_suggested(step: Step, photos: Path) -> None:
    network = {"network": "cifar_resnet20"}
    _, _, told, parts = step.consider(str(photos), **network)
    assert text("train.forecast.time_unknown") in told
    assert parts["train-preset"]["choices"][0] == (text("train.setting.preset.quick"), "quick")
    step.call("time_presets", str(photos), None, *held(**network).values())
    stored, _, told, parts = step.consider(str(photos), **network)
    assert text("train.forecast.time_unknown") not in told
    assert all(text("train.setting.preset." + name) != label for label, name in parts["train-preset"]["choices"])
    suggested = parts["train-preset"].get("value", "balanced")
    assert stored["suggested"] == stored["preset"] == suggested
    other = next(name for name in ("quick", "best") if name != suggested)
    again, _, told, parts = step.consider(str(photos), kept=stored, **network, preset=other)
    assert "value" not in parts["train-preset"]  # what somebody chose stays
    assert again["preset"] == other
    assert again["suggested"] == suggested


def test_nothing_is_timed_while_a_training_goes_on(settings: Settings, step: Step, photos: Path) -> None:
    network = {"network": "cifar_resnet32"}
    run = lying_run(settings)
    with run.worker.lock():
        step.call("time_presets", str(photos), None, *held(**network).values())
        _, _, told, _ = step.consider(str(photos), **network)
    assert text("train.forecast.time_unknown") in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_goes_on_before_the_first_step_is_shown_with_a_bar(settings: Settings, step: Step, language: str) -> None:
    run = lying_run(settings)
    with run.worker.lock():
        run.events.append("started", epochs=12, resumed=None)
        run.events.append("phase", phase="reading", done=64, total=256)
        shown = step.refresh(run.name, language=language)["train-status"]["value"]
        title = text("run.phase.reading", language)
        assert text("run.phase.of", language, phase=title, done="64", total="256") in shown
        assert 'aria-valuenow="25"' in shown
        run.events.append("phase", phase="first_steps", done=0, total=0)
        shown = step.refresh(run.name, language=language)["train-status"]["value"]
        assert text("run.phase.first_steps", language) in shown
        assert 'class="busy"' in shown
        run.events.append("step", step=3, steps=120, epoch=1, epochs=12, loss=0.5, lr=1e-3)
        run.events.append("phase", phase="validating", done=10, total=40)
        shown = step.refresh(run.name, language=language)["train-status"]["value"]
        assert text("train.progress.epoch", language, epoch=1, epochs=12) in shown
        assert text("run.phase.validating", language) in shown
        assert "10" in shown


def test_a_mistake_stands_where_the_forecast_would(step: Step, photos: Path) -> None:
    _, _, told, _ = step.consider(str(photos), "zh-CN", epochs="<b>")
    assert "<b>" not in told
    assert TRAIN_SETTINGS["epochs"].label.say("zh-CN") in told


def test_without_photos_it_asks_for_them(step: Step) -> None:
    _, no_photos, told, _ = step.consider(None)
    assert no_photos["visible"] is True
    assert told == ""
    with pytest.raises(gr.Error, match=text("train.form.no_photos")[:20]):
        step.call("begin", None, None, *held().values())


def test_settings_come_back_after_a_reload(step: Step) -> None:
    kept = held(epochs="9", preset="best")
    assert step.call("restore_settings", kept) == {"train-epochs": "9", "train-preset": "best"}
    assert step.call("restore_settings", None) == {}


def test_a_start_belongs_to_the_one_who_made_it(settings: Settings, step: Step, photos: Path) -> None:
    lying_run(settings)  # so that the new one waits
    values = held(network="cifar_resnet20", epochs="1")
    name = step.call("begin", str(photos), None, *values.values())
    run = find_run(settings.home, name)
    assert run.state() == "queued"
    assert run.facts["owner"] == MINE
    assert run.facts["stranger"] is False
    assert run.config == replace(TrainConfig(str(photos), variant="cifar_resnet20", scratch=True), epochs=1)


def test_a_folder_is_read_as_was_chosen_for_it_and_no_other(settings: Settings, step: Step, photos: Path) -> None:
    lying_run(settings)
    values = held(network="cifar_resnet20", epochs="3")
    for folder, kept in ((str(photos), True), ("/other", False)):
        chosen = ChosenReading(folder, Reading(separate_names=True, class_level="first"))
        name = step.call("begin", str(photos), chosen, *values.values())
        config = find_run(settings.home, name).config
        assert (config.separate_names, config.class_level) == ((True, "first") if kept else (False, "auto"))


def test_the_same_again_is_no_second_run_as_long_as_the_first_goes_on(
    settings: Settings, step: Step, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lying_run(settings)
    values = held(network="cifar_resnet20", epochs="1")
    first = step.call("begin", str(photos), None, *values.values())
    assert step.call("begin", str(photos), None, *values.values()) == first
    assert text("train.form.same") in capsys.readouterr().out
    other = step.call("begin", str(photos), None, *held(network="cifar_resnet20", epochs="2").values())
    find_run(settings.home, first).events.append("stopped", how="now")
    again = step.call("begin", str(photos), None, *values.values())
    assert len({first, other, again}) == 3


@pytest.mark.parametrize("action", ["begin", "resume", "go_on_longer"])
def test_strangers_put_few_runs_in_line(tmp_path: Path, photos: Path, action: str) -> None:
    settings = Settings(home=tmp_path, public=True, max_runs=1)
    ended = lying_run(settings, owner=MINE)
    ended.events.append("finished" if action == "go_on_longer" else "stopped")
    lying_run(settings, owner=MINE)
    rest = [None, *held(network="cifar_resnet20").values()] if action == "begin" else [5][: action == "go_on_longer"]
    first = str(photos) if action == "begin" else json.dumps({"run": ended.name})
    with pytest.raises(gr.Error, match="1 of your trainings"):
        step_alone(settings).call(action, first, *rest)
    assert sum(run.state() == "queued" for run in all_runs(tmp_path)) == 0


@pytest.mark.parametrize("network", ["../../etc", "/etc", "hf-hub:owner/name", "nothing-of-this-name"])
def test_strangers_begin_with_nothing_of_this_machine(tmp_path: Path, photos: Path, network: str) -> None:
    step = step_alone(Settings(home=tmp_path, public=True))
    with pytest.raises(gr.Error, match=text("services.unlisted_model")[:20]):
        step.call("begin", str(photos), None, *held(network=network).values())
    assert not (tmp_path / "runs").exists()


def test_strangers_begin_with_no_model_of_another(tmp_path: Path, photos: Path) -> None:
    settings = Settings(home=tmp_path, public=True)
    theirs = lying_run(settings, owner=THEIRS)
    with pytest.raises(gr.Error, match=text("services.unlisted_model")[:20]):
        step_alone(settings).call("begin", str(photos), None, *held(network=theirs.name).values())


# What is shown


def test_no_run_yet(step: Step) -> None:
    shown = step.refresh()
    assert text("train.progress.empty") in shown["train-status"]["value"]
    assert text("train.list.empty") in shown["train-runs"]["value"]
    assert shown["train-keep"]["visible"] is False


def test_nothing_is_sent_while_nothing_happens(settings: Settings, step: Step) -> None:
    run = lying_run(settings)
    assert step.refresh(run.name)
    assert step.refresh(run.name) == {}
    with run.worker.lock():
        run.events.append("started", epochs=4, resumed=None, config=run.config.to_json())
        assert {"train-plots", "train-runs"} <= step.refresh(run.name).keys()
        run.events.append("step", step=1, steps=8, epoch=1, epochs=4, loss=0.5, lr=1e-3)
        assert step.refresh(run.name).keys() == {"train-status", "train-plots", "run-badge"}
        assert step.refresh(run.name) == {}
        assert "train-status" in step.refresh(run.name, language="zh-CN")


def test_a_page_that_was_told_nothing_is_told_all(settings: Settings, step: Step) -> None:
    """After a reload, a restart of the server, or an answer that got lost."""
    run = lying_run(settings)
    first = step.refresh(run.name)
    for last_render in (None, "", "{", "[]", "[" * 100_000, '{"status": 1}'):
        step.last_render = last_render
        assert step.refresh(run.name) == first


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_kill_for_want_of_memory_is_told_as_such(settings: Settings, language: str) -> None:
    run, step = lying_run(settings), step_alone(settings)  # which looks after the queue at once
    run.events.append("launched", pid=2**30, born=0.0)
    said = []
    for memory, sure in ((False, True), (True, False), (True, True)):
        run.events.append("killed", memory=memory, sure=sure)
        said.append(step.refresh(run.name, language=language)["train-status"]["value"])
    keys = ("train.progress.lost", "run.event.killed_perhaps", "run.problem.killed_memory")
    for shown, key in zip(said, keys, strict=True):
        assert text(key, language) in shown
        assert text("run.state.lost", language) in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentence_says_how_it_goes(settings: Settings, step: Step, language: str) -> None:
    run = lying_run(settings)
    with run.worker.lock():
        run.events.append("started", epochs=12, resumed=None)
        for epoch in (1, 2, 3):
            run.events.append("step", step=epoch * 10, steps=120, epoch=epoch, epochs=12, loss=0.5, lr=1e-3)
            right = {"val_accuracy": 0.7 + epoch / 14, "val_photos": 375, "best": True}
            run.events.append("epoch", epoch=epoch, epochs=12, train_loss=0.6, val_loss=0.6, **right)
        run.events.append(
            "step", step=31, steps=120, epoch=4, epochs=12, loss=0.5, lr=1e-3, photos_per_second=88, megabytes=900
        )
        shown = step.refresh(run.name, language=language)
    said = shown["train-status"]["value"]
    parts = [
        text("train.progress.epoch", language, epoch=4, epochs=12),
        text("train.progress.left_less", language),
        text("train.progress.best", language, accuracy="91.4", photos=375),
        text("train.progress.improving", language),
    ]
    assert {"en": ", ", "zh-CN": "，"}[language].join(parts) in said
    assert 'aria-valuenow="26"' in said
    assert "0.9 GB" in shown["train-plots"]["value"]
    assert shown["train-plots"]["value"].count("<svg") == 3


BUTTONS = ("keep", "now", "resume", "results", "delete")


@pytest.mark.parametrize(
    ("kinds", "state", "there"),
    [
        ((), "queued", {"now"}),
        (("launched",), "starting", {"keep", "now"}),
        (("launched", "stop"), "stopping", {"keep", "now"}),
        (("started",), "lost", {"resume", "delete"}),
        (("stopped",), "stopped", {"resume", "delete"}),
        (("failed",), "failed", {"resume", "delete"}),
        (("finished",), "finished", {"results", "delete"}),
    ],
)
def test_there_is_a_button_for_what_can_be_done(
    settings: Settings, step: Step, kinds: tuple[str, ...], state: str, there: set[str]
) -> None:
    lying_run(settings)  # or the queue would advance
    run = Run.create(settings.home, TrainConfig("/photos"), {})
    me = Process.of(os.getpid())
    with run.worker.lock() if "stop" in kinds else run.log.path.open():
        for kind in kinds:
            if kind == "stop":
                run.worker.ask_stop("keep")
            else:
                run.events.append(kind, **({"pid": me.pid, "born": me.born} if kind == "launched" else {}))
        assert run.state() == state
        shown = step.refresh(run.name)
    assert {name for name in BUTTONS if shown[f"train-{name}"]["visible"]} == there
    assert text(f"run.state.{state}") in shown["train-status"]["value"]
    assert shown["train-keep"]["interactive"] is (state != "stopping")


def test_the_run_that_goes_on_is_shown_to_who_has_opened_none(settings: Settings, step: Step) -> None:
    going_on = lying_run(settings)
    Run.create(settings.home, TrainConfig("/photos/newer"), {}).events.append("finished")
    for name in (None, "no-such-run", 3):
        step.last_render = None
        assert going_on.name in step.refresh(name)["train-status"]["value"]


def test_deleting_takes_two_questions(settings: Settings, step: Step) -> None:
    run = lying_run(settings)
    run.events.append("finished")
    step.refresh(run.name)
    pending_delete = step.call("ask_to_delete", step.last_render)
    assert pending_delete == run.name
    shown = step.refresh(run.name, pending_delete=pending_delete)
    assert run.name in shown["train-question"]["value"]
    assert shown["train-question"]["visible"]
    assert run.folder.exists()
    assert list(step.function("delete").fn("en", MINE, pending_delete).values()) == [None, None]
    assert not run.folder.exists()
    assert text("train.progress.empty") in step.refresh(run.name)["train-status"]["value"]


def test_one_that_cannot_be_read_is_opened_to_read_why_and_deleted(settings: Settings, step: Step) -> None:
    lying_run(settings).events.append("finished")
    run = lying_run(settings)
    (run.folder / "events.jsonl").unlink()
    (run.folder / "events.jsonl").symlink_to("events.jsonl")
    shown = step.refresh(run.name)
    assert text("run.state.unreadable") in shown["train-runs"]["value"]
    assert "cannot be read" in shown["train-status"]["value"]
    visible = {
        action for action in ("keep", "now", "resume", "results", "delete") if shown[f"train-{action}"]["visible"]
    }
    assert visible == {"delete"}
    pending_delete = step.call("ask_to_delete", step.last_render)
    assert pending_delete == run.name
    assert step.refresh(run.name, pending_delete=pending_delete)["train-question"]["visible"]
    assert list(step.function("delete").fn("en", MINE, pending_delete).values()) == [None, None]
    assert not run.folder.exists()


def test_a_click_is_for_the_run_that_was_shown(settings: Settings, step: Step) -> None:
    """Not for the one that would be shown by now."""
    first = lying_run(settings)
    step.refresh()
    first.events.append("finished")
    second = lying_run(settings)
    with pytest.raises(gr.Error, match="neither running nor queued"):
        step.call("stop_and_keep", step.last_render)
    assert second.worker.stop_asked() is None


@pytest.mark.parametrize("action", ["stop_and_keep", "stop_now", "resume", "ask_to_delete"])
def test_strangers_do_nothing_to_others_runs(tmp_path: Path, action: str) -> None:
    settings = Settings(home=tmp_path, public=True)
    theirs, step = lying_run(settings, owner=THEIRS), step_alone(settings)
    before = theirs.events.all()
    for last_render in (json.dumps({"run": theirs.name}), json.dumps({"run": "../" + theirs.name}), "", "[]", None):
        with pytest.raises(gr.Error, match="no longer exists"):
            step.call(action, last_render)
    with pytest.raises(gr.Error, match="no longer exists"):
        step.call("delete", theirs.name)
    assert theirs.events.all() == before
    assert theirs.worker.stop_asked() is None


def test_strangers_are_told_nothing_of_others_and_no_path(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", public=True)
    theirs, mine = lying_run(settings, owner=THEIRS), lying_run(settings, owner=MINE)
    mine.events.append("failed", key="train.problem.checkpoint", fields={"folder": str(mine.folder / "last-8")})
    shown = repr(step_alone(settings).refresh(theirs.name, MINE))
    assert mine.name in shown
    assert f'data-run="{theirs.name}"' not in shown
    assert shown.count("data-run") == 2  # a box and a name
    assert str(tmp_path) not in shown
    assert "/photos" not in shown


def test_words_of_others_are_no_markup(settings: Settings, step: Step) -> None:
    name = "<img src=x onerror=alert(1)>"
    run = lying_run(settings, data={"name": name})
    run.events.append("said", key=name, fields={})
    shown = step.refresh(run.name)
    assert name not in repr(shown)
    assert shown["train-status"]["value"].count("&lt;img") == 2
    assert "&lt;img" in shown["train-runs"]["value"]
    assert "&lt;img" in shown["train-log"]["value"]


def test_several_runs_are_compared_in_one_plot(settings: Settings, step: Step) -> None:
    runs = [lying_run(settings) for _ in range(3)]
    for number, run in enumerate(runs):
        run.events.append("started", epochs=2, resumed=None)
        for epoch in (1, 2):
            right = {"val_accuracy": 0.5 + number / 10 + epoch / 20, "val_photos": 50, "best": True}
            run.events.append("epoch", epoch=epoch, epochs=2, train_loss=1, val_loss=1, **right)
    compared = [run.name for run in runs[:2]]
    shown = step.call("refresh", None, None, None, json.dumps([*compared, "no-such-run", "../x", 3]), None)
    compared = shown["train-comparison"]["value"]
    assert [name in compared for name in [run.name for run in runs]] == [True, True, False]
    assert f"{runs[0].name} 60.0 %" in compared
    assert shown["train-runs"]["value"].count("<svg") == 2


def test_after_a_reload_the_photos_of_the_run_are_in_hand_again(
    settings: Settings, step: Step, photos: Path, tmp_path: Path
) -> None:
    assert step.call("recall_photos", None, None) == gr.skip()
    run = Run.create(settings.home, TrainConfig(str(photos)), {})
    assert step.call("recall_photos", None, run.name) == (str(photos), ChosenReading(str(photos), AS_IT_SEEMS))
    assert step.call("recall_photos", "/others", run.name) == gr.skip()
    gone = Run.create(settings.home, TrainConfig(str(tmp_path / "gone")), {})
    assert step.call("recall_photos", None, gone.name) == gr.skip()


def test_the_clock_is_quick_only_where_there_is_something_to_watch(settings: Settings, step: Step) -> None:
    def pace() -> object:
        return step.call("refresh", None, None, None, None, None)["clock"]["value"]

    assert pace() == IDLE_SECONDS
    run = lying_run(settings)
    assert pace() == TICK_SECONDS
    run.events.append("finished")
    assert pace() == IDLE_SECONDS


def test_that_the_photos_were_looked_at_again_is_in_the_log_alone(settings: Settings, step: Step) -> None:
    run = lying_run(settings)
    run.events.append("finished")
    run.events.append("looked", test_looks=2)
    shown, again = step.refresh(run.name), text("run.event.looked")
    assert text("run.event.finished") in shown["train-status"]["value"]
    assert again not in shown["train-status"]["value"]
    assert again in shown["train-log"]["value"]


def test_what_nobody_expected_is_shown_whole_here_and_not_to_strangers(tmp_path: Path) -> None:
    told = {}
    for public in (False, True):
        settings = Settings(home=tmp_path / str(public), public=public)
        run = lying_run(settings, owner=MINE)
        run.log.write("abc123\nTraceback: ValueError <b>")
        run.events.append("failed", key="run.problem.unexpected", fields={"number": "abc123"})
        told[public] = step_alone(settings).refresh(run.name, MINE)["train-log"]["value"]
    assert "ValueError &lt;b&gt;" in told[False]
    assert "ValueError" not in told[True]
    assert "abc123" in told[True]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "started", "epochs": "many", "config": [], "photos": 3, "resumed": "x"},
        {
            "kind": "started",
            "epochs": 3,
            "config": {"preset": "no such", "seed": []},
            "photos": {"train": "<b>"},
            "device": {},
        },
        {"kind": "started", "epochs": 1e300, "resumed": {"epoch": None}},
        {"kind": "step", "step": 1, "steps": 0, "epoch": 1, "epochs": 0, "loss": 1, "lr": 1},
        {"kind": "step", "step": 5, "steps": 1, "epoch": 7, "epochs": 2, "loss": -1e9, "lr": -1, "megabytes": "much"},
        {"kind": "epoch", "epoch": -3, "val_accuracy": 7, "val_photos": -1, "best": True, "val_loss": "x"},
        {"kind": "epoch", "epoch": 2, "val_accuracy": 0.5, "val_photos": 3, "best": 1, "val_loss": None},
        {"kind": "failed", "key": ["<b>"], "fields": {"number": {}}},
        {"kind": "said", "key": "train.said.rate", "fields": {"rate": "<script>"}},
        {"kind": "<b>"},
    ],
)
@pytest.mark.parametrize("t", [1, 1e14, 1e18, -1e14, float("nan")])
def test_whatever_stands_in_the_events_the_page_goes_on(
    settings: Settings, step: Step, fields: dict[str, object], t: float
) -> None:
    run = lying_run(settings)
    started = {"t": 1, "kind": "started", "epochs": 3, "config": run.config.to_json()}
    good = {"t": 2, "kind": "step", "step": 2, "steps": 9, "epoch": 1, "epochs": 3, "loss": 1, "lr": 1}
    with run.worker.lock():
        for event in (started, {"t": t, **fields}, good):
            with (run.folder / "events.jsonl").open("a") as file:
                file.write(json.dumps(event) + "\n")
            step.last_render = None
            shown = step.refresh(run.name)
            assert "<b>" not in repr(shown).replace("<b>tulips</b>", "")
            assert "<script>" not in repr(shown)
