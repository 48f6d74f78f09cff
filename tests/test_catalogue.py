"""What there is to choose, in words and in order, and which model answers unless another is chosen."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from resnet_demo import catalogue
from resnet_demo.inference import open_model
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES
from resnet_demo.training.listed_runs import all_runs
from tests.shelf import keep, run_with_model, ship
from tests.tiny import LABELS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", built_in_models=ship(tmp_path / "built_in"))


def listed(settings: Settings) -> list[catalogue.Entry]:
    return catalogue.listed(settings, all_runs(settings.home))


def test_shipped_then_own_then_published(settings: Settings, tmp_path: Path) -> None:
    runs = [run_with_model(settings), run_with_model(settings, out=tmp_path / "elsewhere")]
    entries = listed(settings)
    assert [entry.kind for entry in entries[:4]] == ["built_in", "own", "own", "published"]
    assert {entry.name for entry in entries[1:3]} == {run.name for run in runs}
    assert {entry.kind for entry in entries[3:]} == {"published"}
    for entry in entries[:3]:
        model = open_model(entry.name, settings)
        assert (model.name, model.variant, model.labels) == (entry.name, entry.variant, entry.labels)


def test_an_own_model_is_named_by_what_it_learned_and_how_well(settings: Settings) -> None:
    run = run_with_model(settings)
    os.utime(run.artefacts.best / "model.safetensors", (0, 1_700_000_000))
    said = listed(settings)[1].say("en")
    assert said.startswith(
        "My flowers · cifar_resnet20 · balanced · validation accuracy 91.2 % on 375 photos · 2023-11-1"
    )
    keep(run, val_accuracy=0.912, val_photos=375.0, test_accuracy=0.875, test_photos=617.0)
    assert " · test accuracy 87.5 % on 617 photos · " in listed(settings)[1].say("en")
    said = listed(settings)[1].say("zh-CN")
    assert re.search(r" · 测试准确率 87.5 %（617 张照片） · \d{4}-\d\d-\d\d \d\d:\d\d$", said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_says_what_it_is_and_what_it_knows(language: str, settings: Settings) -> None:
    run_with_model(settings)
    built_in, own, *published = listed(settings)
    assert built_in.say(language).startswith("flowers")
    assert all(entry.name in entry.say(language) for entry in published)
    for entry in (built_in, own):
        assert all(label in entry.say_knows(language) for label in LABELS)
    assert "ImageNet" in published[0].say_knows(language)


def test_a_shipped_model_is_no_flower_by_being_shipped(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, built_in_models=ship(tmp_path / "built_in", "birds"))
    assert "flowers and nothing else" not in listed(settings)[0].say_knows("en")
    assert "5 classes and nothing else" in listed(settings)[0].say_knows("en")


def test_hundreds_of_classes_are_not_all_told(settings: Settings) -> None:
    entry = catalogue.Entry("x", "own", "resnet18", tuple(f"class {number}" for number in range(300)))
    assert entry.say_knows("en").count("class ") == catalogue.LABELS_SHOWN
    assert "300 classes" in entry.say_knows("en")


def test_what_cannot_be_opened_is_not_offered(settings: Settings) -> None:
    unkept, damaged = run_with_model(settings), run_with_model(settings)
    (unkept.artefacts.best / "config.json").unlink()
    (damaged.artefacts.best / "resnet_demo.json").write_text("{")
    assert [entry.kind for entry in listed(settings)[:2]] == ["built_in", "published"]


def test_figures_that_are_none_are_left_out(settings: Settings) -> None:
    run = run_with_model(settings)
    file = run.artefacts.best / "resnet_demo.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    for metrics in ({}, {"val_accuracy": 0.5}, {"val_accuracy": 0.5, "val_photos": 0}):
        file.write_text(json.dumps({**entries, "teaching": {"metrics": metrics}}), encoding="utf-8")
        assert "%" not in listed(settings)[1].say("en")


def test_the_default_is_the_shipped_model_or_else_one_that_is_here(settings: Settings, tmp_path: Path) -> None:
    assert catalogue.default(settings) == "flowers"
    bare = Settings(home=tmp_path / "home", built_in_models=tmp_path / "absent", weights=tmp_path / "weights")
    run_with_model(bare)
    assert catalogue.default(bare) == "resnet50"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet18-f37072fd.pth").touch()
    assert catalogue.default(bare) == "resnet18"
    (tmp_path / "weights" / "resnet50-0676ba61.pth").touch()
    assert catalogue.default(bare) == "resnet50"
