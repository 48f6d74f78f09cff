"""What the Classify tab says where there is no answer: not yet, not for this photo, not any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from resnet_demo.data.images import Problem
from resnet_demo.inference import Prediction
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, text
from resnet_demo.ui import page
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.results import Results
from resnet_demo.ui.tabs import classify
from tests.tiny import tiny_model


@pytest.fixture
def demo(tmp_path: Path) -> gr.Blocks:
    return page.build(Settings(home=tmp_path, keep_seconds=77))


def component(demo: gr.Blocks, name: str) -> Any:
    return next(block for block in demo.blocks.values() if getattr(block, "elem_id", None) == name)


def handler(demo: gr.Blocks, name: str) -> Any:
    return next(function.fn for function in demo.fns.values() if function.api_name == name)


def test_first_load_says_what_to_do(demo: gr.Blocks) -> None:
    assert text("classify.empty") in component(demo, "classify-status").value


def test_what_is_kept_is_kept_as_long_as_the_settings_say(demo: gr.Blocks) -> None:
    kept = [block.time_to_live for block in demo.blocks.values() if isinstance(block, gr.State)]
    assert 77 in kept
    assert set(kept) <= {77, float("inf")}


def test_one_bad_photo_was_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    results = Results(1, 5, tiny_model(), max_pixels=1000)
    problem = Problem("bad.jpg", "not_an_image")
    results.add(ReceivedPhoto("bad.jpg", tmp_path / "bad.jpg"), Prediction("bad.jpg", problem=problem))
    status, _, _ = classify._say(results, "en")
    assert text("classify.none_named") in status


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("click", [classify._show_row, classify._show_thumbnail])
def test_a_click_on_what_is_gone_says_so(click: Any, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    click(None, language, gr.SelectData(None, {"index": 0, "value": None, "row_value": [1]}))
    assert capsys.readouterr().out == text("classify.gone", language) + "\n"


def test_a_new_model_for_what_is_gone_says_so(demo: gr.Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    run, request = handler(demo, "run"), gr.Request(session_hash="visitor")
    list(run([], "resnet18", "crop", "en", None, None, component(demo, "classify-status").value, request))
    assert capsys.readouterr().out == ""
    list(run([], "resnet18", "crop", "en", None, None, "<p>30 of 30 photos</p>", request))
    assert capsys.readouterr().out == text("classify.gone") + "\n"


def test_a_new_language_leaves_an_answer_whose_photos_are_gone(demo: gr.Blocks) -> None:
    empty = component(demo, "classify-status").value
    assert text("classify.empty", "zh-CN") in classify._say_again(None, "zh-CN", empty)[0]
    assert classify._say_again(None, "zh-CN", "<p>30 of 30 photos</p>") == (gr.skip(),) * 3
