"""What the Classify tab says where there is no answer: not yet, not for this photo, not any more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from resnet_demo.data.images import Problem
from resnet_demo.inference import Guess, Prediction
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.ui import page
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import NavigationRequest, Session
from resnet_demo.ui.tabs.classify import photo_panel, results_view
from resnet_demo.ui.tabs.classify import tab as classify_tab
from resnet_demo.ui.tabs.classify.results import Results
from resnet_demo.ui.translations import Translations
from tests.shelf import run_with_model
from tests.tiny import photos, tiny_model
from tests.ui.handlers import call


@pytest.fixture
def demo(tmp_path: Path) -> gr.Blocks:
    return page.build(Settings(home=tmp_path, keep_seconds=77))


def component(demo: gr.Blocks, name: str) -> Any:
    return next(block for block in demo.blocks.values() if getattr(block, "elem_id", None) == name)


def handler(demo: gr.Blocks, name: str) -> Any:
    return next(function.fn for function in demo.fns.values() if function.api_name == name)


def clicked(number: object) -> gr.EventData:
    """A click on the row of this number in the list."""
    return gr.EventData(None, {"number": number})


def answered(photo: Path) -> Prediction:
    """A photo that was named a rose."""
    preview = Image.open(photo).convert("RGB")
    return Prediction(photo.name, (Guess("rose", 1, 0.9),), (48, 40), (0, 0, 40, 40), preview=preview)


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
    assert text("classify.none_named") in results_view.status(results)


def test_a_disk_that_takes_no_thumbnail_spoils_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in the place of the file stands in for the disk; of two photos."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results = Results(2, 5, tiny_model(), max_pixels=10_000)
    (results.files.folder / "0.jpg").symlink_to("/dev/full" if Path("/dev/full").exists() else "/")
    for photo in photos(tmp_path / "photos", 2):
        results.add(ReceivedPhoto(photo.name, photo), answered(photo))
    assert [row.prediction.guesses[0].label for _, row in results.named()] == ["rose", "rose"]
    assert [results.thumbnail_of(number) for number in range(2)] == [None, 1]
    (results.files.folder / "photos.csv").symlink_to("/nowhere/at/all")
    with pytest.raises(AppError, match="cannot be written"):
        results.write_csv()


def test_uploads_without_a_place_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    with pytest.raises(AppError, match="cannot be written"):
        Results(2, 5, tiny_model(), max_pixels=10_000)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_click_on_what_is_gone_says_so(demo: gr.Blocks, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert handler(demo, "show_row")(language, None, None, False, clicked(0)) == gr.skip()
    assert capsys.readouterr().out == text("classify.gone", language) + "\n"


def test_a_new_model_for_what_is_gone_says_so(demo: gr.Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    run, request = handler(demo, "run"), gr.Request(session_hash="visitor")
    given = ("en", None, [], "resnet18", "crop", [], False, None)
    list(run(*given, component(demo, "classify-status").value, request))
    assert capsys.readouterr().out == ""
    list(run(*given, "<p>30 of 30 photos</p>", request))
    assert capsys.readouterr().out == text("classify.gone") + "\n"


def test_a_new_language_leaves_an_answer_whose_photos_are_gone(demo: gr.Blocks) -> None:
    status, translate = component(demo, "classify-status"), handler(demo, "translate_results")
    assert text("classify.empty", "zh-CN") in translate("zh-CN", None, None, status.value, None)[status]
    assert translate("zh-CN", None, None, "<p>30 of 30 photos</p>", None) == {}


def one_result(folder: Path) -> Results:
    """One photo that was named rightly, its file still there."""
    [photo] = photos(folder / "photos", 1)
    results = Results(1, 5, tiny_model(), max_pixels=10_000)
    results.add(ReceivedPhoto("a.jpg", photo), answered(photo))
    return results


def test_the_photo_that_is_shown_goes_to_look_inside(
    demo: gr.Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results, request_look_inside = one_result(tmp_path), handler(demo, "request_look_inside")
    shown = handler(demo, "show_row")("en", None, results, False, clicked(0))
    assert shown[component(demo, "classify-look-inside")]["interactive"]
    *_, number = shown.values()
    request = request_look_inside("en", None, results, number)
    assert (request.photo, request.model, request.target_class, request.contrast_class) == (
        results.rows[0].photo,
        "tiny-cifar_resnet20",
        1,
        None,
    )
    assert request != request_look_inside("en", None, results, number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_photo_that_is_gone_goes_nowhere(
    demo: gr.Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results, request_look_inside = one_result(tmp_path), handler(demo, "request_look_inside")
    (tmp_path / "photos" / "0000.jpg").unlink()
    with pytest.raises(gr.Error, match=text("look.gone", language)[:6]):
        request_look_inside(language, None, results, 0)
    with pytest.raises(gr.Error, match=text("classify.gone", language)[:6]):
        request_look_inside(language, None, None, None)


def test_the_model_that_another_tab_requests_is_chosen(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with gr.Blocks():
        translations, session = Translations(), Session()
        translations.create_selector()
        tab = classify_tab.Tab(translations, Services(settings), session)
    run = run_with_model(settings)
    followed = call(tab.follow_request, NavigationRequest(run.name), "crop", [])
    chosen = followed[tab.model]
    assert chosen["value"] == run.name
    assert run.name in [name for _, name in chosen["choices"]]
    assert followed[tab.asked] == ["crop", run.name]


@pytest.mark.parametrize("number", [None, -1, 1, True, "0", [0], {}])
def test_a_row_that_there_is_not_shows_nothing(
    demo: gr.Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: object
) -> None:
    """The number comes from a browser, which may send anything."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    shown = handler(demo, "show_row")("en", None, one_result(tmp_path), False, clicked(number))
    assert shown[component(demo, "classify-photo")]["value"] is None


def test_a_late_picture_does_not_take_the_place_of_a_newer_one(
    demo: gr.Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a heat map is made, another row is clicked, which is answered first."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results, show_picture = one_result(tmp_path), handler(demo, "show_picture")

    def slow(*_: object) -> str:
        handler(demo, "show_row")("en", None, results, False, clicked(0))
        return "map.jpg"

    assert show_picture("en", None, results, 0, False)["value"] == results.picture(0)
    monkeypatch.setattr(photo_panel, "heat_map", slow)
    assert show_picture("en", None, results, 0, True) == gr.skip()


def test_a_model_that_is_not_there_leaves_no_answer_of_another(
    demo: gr.Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    results = one_result(tmp_path)
    photos_given, request = [row.photo for row in results.rows], gr.Request(session_hash="visitor")
    run = handler(demo, "run")
    *_, failed = run("en", None, photos_given, "resnet17", "crop", [], False, results, "<p>1</p>", request)
    assert "resnet17" in failed[component(demo, "classify-status")]
    assert failed[component(demo, "classify-photo")]["value"] is None
    assert failed[component(demo, "classify-prediction")] == ""
    assert json.loads(failed[component(demo, "classify-list")])["rows"] == []
