"""Examples suit the model: flowers for the built-in one, everyday things for ImageNet's, test photos for one's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.run import Run
from resnet_demo.ui.components.examples import FLOWERS, OBJECTS, THUMBNAIL_SIDE, Examples
from resnet_demo.ui.components.model_choice import ModelChoice
from resnet_demo.ui.events import Events
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.translations import Translations
from tests.data.drawn import jpeg, write
from tests.shelf import run_with_model, ship
from tests.ui.handlers import by_name, call


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", built_in_models=ship(tmp_path / "built_in"))


def examples(settings: Settings) -> Examples:
    with gr.Blocks(analytics_enabled=False):
        translations, session, services = Translations(), Session(), Services(settings)
        translations.create_selector()
        model = ModelChoice(translations, services, session, elem_id="model").dropdown
        return Examples(translations, services, Events(translations, session), model, elem_id="examples")


def evaluated(settings: Settings, folder: Path, owner: str | None = None) -> Run:
    """A run whose test photos, three each of two classes, lie in `folder`."""
    files = tuple(f"{name}/{number}.jpg" for name in ("cats", "dogs") for number in range(3))
    write(folder, {name: jpeg(number) for number, name in enumerate(files)})
    run = run_with_model(settings, str(folder), **({"owner": owner} if owner else {}))
    labels = np.array([0, 0, 0, 1, 1, 1])
    run.artefacts.write_test_predictions(
        LabelledPredictions(files, labels, np.eye(2, dtype=np.float32)[labels], ("cats", "dogs"))
    )
    return run


def clicked(place: object) -> gr.SelectData:
    return gr.SelectData(None, {"index": place, "value": None})


def test_each_model_has_photos_that_suit_it(settings: Settings, tmp_path: Path) -> None:
    made, run = examples(settings), evaluated(settings, tmp_path / "photos")
    assert [made.chosen("flowers", clicked(number)).path for number in range(4)] == list(FLOWERS)
    assert made.chosen("resnet50", clicked(1)).path == OBJECTS[1]
    own = [made.chosen(run.name, clicked(number)).path for number in range(2)]
    assert own == [tmp_path / "photos" / "cats" / "0.jpg", tmp_path / "photos" / "dogs" / "0.jpg"]
    updates = by_name(call(made.follow, run.name, language="zh-CN"))
    names = [name for _, name in updates["examples"]["value"]]
    assert names == [text("examples.own.one", "zh-CN", name=name) for name in ("cats", "dogs")]
    assert updates["examples-caption"] == text("examples.own", "zh-CN")


def test_the_gallery_takes_them_wherever_the_app_is_installed(settings: Settings, tmp_path: Path) -> None:
    """Gradio refuses paths outside of the working directory: where the packages are, or a visitor's own photos."""
    made, run = examples(settings), evaluated(settings, tmp_path / "photos")
    (tmp_path / "photos" / "cats" / "0.jpg").write_bytes(b"no picture")
    for model in ("flowers", "resnet50", run.name):
        shown = by_name(call(made.follow, model))["examples"]["value"]
        assert shown
        assert all(isinstance(photo, Image.Image) and max(photo.size) <= THUMBNAIL_SIDE for photo, _ in shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_example_has_a_name(settings: Settings, language: str) -> None:
    made = examples(settings)
    for model, photos in (("flowers", FLOWERS), ("resnet50", OBJECTS)):
        shown = by_name(call(made.follow, model, language=language))["examples"]["value"]
        assert [name for _, name in shown] == [text(f"examples.name.{path.stem}", language) for path in photos]


@pytest.mark.parametrize("place", [4, -1, None, [0, 0], "0"])
def test_what_is_none_of_them_is_told(settings: Settings, place: object) -> None:
    with pytest.raises(AppError) as caught:
        examples(settings).chosen("flowers", clicked(place))
    assert caught.value.message.key == "examples.gone"


def test_photos_of_a_run_that_are_gone_give_way_to_flowers(settings: Settings, tmp_path: Path) -> None:
    made, run = examples(settings), evaluated(settings, tmp_path / "photos")
    for file in (tmp_path / "photos").rglob("*.jpg"):
        file.unlink()
    assert made.chosen(run.name, clicked(0)).path == FLOWERS[0]


def test_nobody_sees_another_visitors_photos(settings: Settings, tmp_path: Path) -> None:
    run = evaluated(settings, tmp_path / "photos", owner="a" * 32)
    made = examples(replace(settings, public=True))
    foreign = by_name(call(made.follow, run.name, visitor="b" * 32))
    assert [name for _, name in foreign["examples"]["value"]] == [
        text(f"examples.name.{path.stem}") for path in FLOWERS
    ]
    own = by_name(call(made.follow, run.name, visitor="a" * 32))
    assert len(own["examples"]["value"]) == 2
