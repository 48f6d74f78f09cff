"""The list of models: what stands in it, for whom, and what is said of the one that is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.components.model_choice import ModelChoice
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.translations import Translations
from tests.shelf import run_with_model, ship
from tests.ui.handlers import call


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", built_in_models=ship(tmp_path / "built_in"))


def choice(settings: Settings) -> ModelChoice:
    with gr.Blocks(analytics_enabled=False):
        translations, session = Translations(), Session()
        translations.create_selector()
        made = ModelChoice(translations, Services(settings), session, elem_id="model")
        made.make_note()
    return made


def test_flowers_are_first_and_chosen(settings: Settings) -> None:
    made = choice(settings)
    assert made.dropdown.value == "flowers"
    assert made.dropdown.choices[0] == ("Built-in: flowers · 5 classes", "flowers")


def test_a_model_is_in_the_list_once_it_is_kept(settings: Settings) -> None:
    made = choice(settings)
    run = run_with_model(settings)
    names = [name for _, name in call(made.list_models, None)[0]["choices"]]
    assert names[:2] == [run.name, "flowers"]


def test_a_download_says_how_large_it_is(settings: Settings) -> None:
    labels = {name: label for label, name in choice(settings).dropdown.choices}
    assert labels["resnet152"] == "ImageNet: ResNet-152 · 78.3 % · 242 MB · resnet152"  # torchvision: 230.4 MiB


def test_a_list_that_the_page_has_is_not_sent_again(settings: Settings) -> None:
    """It would end what a visitor has begun to type."""
    made = choice(settings)
    _, listed = call(made.list_models, None)
    assert call(made.list_models, listed) == gr.skip()
    run_with_model(settings)
    assert call(made.list_models, listed) != gr.skip()


def test_a_public_page_is_made_with_no_ones_own_models(settings: Settings) -> None:
    run = run_with_model(settings, owner="a" * 32)
    made = choice(replace(settings, public=True))
    assert run.name not in [name for _, name in made.dropdown.choices]
    assert run.name in [name for _, name in call(made.list_models, None, visitor="a" * 32)[0]["choices"]]
    assert not made.dropdown.allow_custom_value


def test_what_the_model_knows_is_said_as_plain_text(settings: Settings) -> None:
    made = choice(settings)
    run = run_with_model(settings, owner="a" * 32)
    assert "five flowers and nothing else" in call(made.describe, "flowers")
    for name in ("flowers", run.name):
        assert "&lt;b&gt;" in call(made.describe, name, language="zh-CN")
    assert "ImageNet" in call(made.describe, "resnet18")
    for name in ("hf-hub:a/b", None, "/a/folder"):
        assert call(made.describe, name) == text("classify.knows_its_own")
    public = choice(replace(settings, public=True))
    assert call(public.describe, run.name, visitor="b" * 32) == text("classify.knows_its_own")
