"""The list of models: what stands in it, for whom, and what is said of the one that is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.language import Words
from resnet_demo.ui.model_choice import ModelChoice
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from tests.shelf import run_with_model, ship


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", shipped=ship(tmp_path / "shipped"))


def choice(settings: Settings) -> ModelChoice:
    with gr.Blocks(analytics_enabled=False):
        words, session = Words(), Session()
        words.make_selector()
        made = ModelChoice(words, Services(settings), session, elem_id="model")
        made.make_note()
    return made


def test_flowers_are_first_and_chosen(settings: Settings) -> None:
    made = choice(settings)
    assert made.dropdown.value == "flowers"
    assert made.dropdown.choices[0] == ("flowers (5 classes, comes with this app)", "flowers")


def test_a_model_is_in_the_list_once_it_is_kept(settings: Settings) -> None:
    made = choice(settings)
    run = run_with_model(settings)
    names = [name for _, name in made._list("en", None)["choices"]]
    assert names[:2] == ["flowers", run.name]


def test_a_download_says_how_large_it_is(settings: Settings) -> None:
    labels = {name: label for label, name in choice(settings).dropdown.choices}
    assert labels["resnet152"] == "resnet152 (ImageNet, 242 MB to download)"  # torchvision: 230.4 MiB


def test_a_public_page_is_made_with_no_ones_own_models(settings: Settings) -> None:
    run = run_with_model(settings, owner="a" * 32)
    made = choice(replace(settings, public=True))
    assert run.name not in [name for _, name in made.dropdown.choices]
    assert run.name in [name for _, name in made._list("en", "a" * 32)["choices"]]
    assert not made.dropdown.allow_custom_value


def test_what_the_model_knows_is_said_as_plain_text(settings: Settings) -> None:
    made = choice(settings)
    run = run_with_model(settings, owner="a" * 32)
    assert "five flowers and nothing else" in made._knows("flowers", "en", None)
    for name in ("flowers", run.name):
        assert "&lt;b&gt;" in made._knows(name, "zh-CN", None)
    assert "ImageNet" in made._knows("resnet18", "en", None)
    for name in ("hf-hub:a/b", None, "/a/folder"):
        assert made._knows(name, "en", None) == text("classify.knows_its_own")
    public = choice(replace(settings, public=True))
    assert public._knows(run.name, "en", "b" * 32) == text("classify.knows_its_own")
