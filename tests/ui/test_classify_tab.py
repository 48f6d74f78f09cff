"""What the Classify tab says where there is no answer: not yet, not for this photo, not any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from resnet_demo.data.images import Problem
from resnet_demo.inference import Guess, Prediction
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.ui import page
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.language import Words
from resnet_demo.ui.results import Results
from resnet_demo.ui.results_view import say, say_again
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session, Wish
from resnet_demo.ui.tabs import classify
from tests.shelf import run_with_model
from tests.tiny import photos, tiny_model


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
    status, _, _ = say(results, "en")
    assert text("classify.none_named") in status


def test_a_disk_that_takes_no_thumbnail_spoils_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in the place of the file stands in for the disk; several photos, since one alone has no thumbnail."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results = Results(2, 5, tiny_model(), max_pixels=10_000)
    (results.folder / "0.jpg").symlink_to("/dev/full" if Path("/dev/full").exists() else "/")
    for photo in photos(tmp_path / "photos", 2):
        guess = Guess("rose", 1, 0.9)
        results.add(ReceivedPhoto(photo.name, photo), Prediction(photo.name, (guess,), (48, 40), (0, 0, 40, 40)))
    assert [row[2] for row in results.table()] == ["rose", "rose"]
    assert results.gallery_rows == [1]
    (results.folder / "photos.csv").symlink_to("/nowhere/at/all")
    with pytest.raises(AppError, match="cannot be written"):
        results.write_csv("en")


def test_uploads_without_a_place_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    with pytest.raises(AppError, match="cannot be written"):
        Results(2, 5, tiny_model(), max_pixels=10_000)


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
    assert text("classify.empty", "zh-CN") in say_again(None, "zh-CN", empty)[0]
    assert say_again(None, "zh-CN", "<p>30 of 30 photos</p>") == (gr.skip(),) * 3


def one_result(folder: Path) -> Results:
    """One photo that was named rightly, its file still there."""
    [photo] = photos(folder / "photos", 1)
    results = Results(1, 5, tiny_model(), max_pixels=10_000)
    guess = Guess("rose", 1, 0.9)
    results.add(ReceivedPhoto("a.jpg", photo), Prediction("a.jpg", (guess,), (48, 40), (0, 0, 40, 40)))
    return results


def test_the_photo_that_is_shown_goes_to_look_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results = one_result(tmp_path)
    *_, button, number = classify._show_photo(results, 0)
    assert button["visible"]
    wish = classify._wish_to_look(results, number, "en")
    assert (wish.photo, wish.model, wish.asked, wish.rival) == (results.rows[0].photo, "tiny-cifar_resnet20", 1, None)
    assert wish != classify._wish_to_look(results, number, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_photo_that_is_gone_goes_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results = one_result(tmp_path)
    (tmp_path / "photos" / "0000.jpg").unlink()
    with pytest.raises(gr.Error, match=text("look.gone", language)[:6]):
        classify._wish_to_look(results, 0, language)
    with pytest.raises(gr.Error, match=text("classify.gone", language)[:6]):
        classify._wish_to_look(None, None, language)
    *_, button, number = classify._show_photo(results, None)
    assert (button["visible"], number) == (False, None)


def test_the_model_that_another_tab_wishes_for_is_chosen(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with gr.Blocks():
        words, session = Words(), Session()
        words.make_selector()
        tab = classify.Tab(words, Services(settings), session)
    run = run_with_model(settings)
    chosen = tab.take_wish(Wish(run.name), "en", None)
    assert chosen["value"] == run.name
    assert run.name in [name for _, name in chosen["choices"]]
