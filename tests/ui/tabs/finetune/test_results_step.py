"""The results step: what a run's folder tells is shown, to those who may see it, and whatever a browser may send."""

from __future__ import annotations

import html
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, text
from resnet_demo.training.dataset_splits import facts_of
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from resnet_demo.training.run_artefacts import TEST_PREDICTIONS
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.finetune.results_step import Step
from resnet_demo.ui.translations import Translations
from tests.damage import flip_in_the_midst
from tests.training.small_runs import SMALL, draw_photos, events_of, make_run, settings_in
from tests.ui.handlers import call

OWNER, OTHER_VISITOR = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run over drawn photos, at a home of its own."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    draw_photos(folder / "photos")
    run = make_run(folder, epochs=2)
    train(run, settings_in(folder))
    return run


def listed(original: Run, home: Path, name: str = "20260101-000000-colours", **facts: object) -> Run:
    """A copy of the run in the list of a home; `facts` take the place of some of its own."""
    run = Run(home / "runs" / name)
    shutil.copytree(original.folder, run.folder)
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries |= {"name": name, "facts": {**entries["facts"], **facts}}
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    return run


def mistaken(run: Run) -> LabelledPredictions:
    """Save predictions in the run of which the most are wrong, the first among them."""
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    wrong = replace(predictions, probabilities=np.roll(predictions.probabilities, 1, axis=1))
    run.artefacts.write_test_predictions(wrong)
    assert wrong.predicted[0] != wrong.labels[0]
    return wrong


def step_in(home: Path, *, public: bool = False) -> Step:
    """The step of a page with this home."""
    with gr.Blocks():
        translations, services, session = Translations(), Services(Settings(home=home, public=public)), Session()
        translations.create_selector()
        session.lay_out_header(translations)
        with gr.Tabs() as steps, gr.Tab():
            return Step(translations, services, session, steps)


def refresh(
    step: Step, name: object = None, visitor: object = OWNER, last_render: object = "", language: str = "en"
) -> list[Any]:
    """Mark, whether the timer runs, headline, matrix, classes, place, photos."""
    found = call(step.refresh, last_render, name, language=language, visitor=visitor)
    rest = (step.matrix, step.table, step.place, step.photos)
    shown = [found[step.last_render], found[step.timer].active, found[step.headline]]
    return [*shown, *(found[part].get("value") for part in rest)]


def test_before_there_is_any_run(tmp_path: Path) -> None:
    _, active, headline, matrix, *_ = refresh(step_in(tmp_path))
    assert text("results.none") in headline
    assert (active, matrix) == (False, None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_a_finished_run(original: Run, tmp_path: Path, language: str) -> None:
    run = listed(original, tmp_path)
    step = step_in(tmp_path)
    mark, active, headline, matrix, classes, place, photos = refresh(step, run.name, language=language)
    finished = events_of(run, "finished")[0]
    assert f"{100 * finished['test_accuracy']:.1f} %" in headline
    assert text("results.test_set_used_once", language) in headline
    assert not active
    assert "blue &lt;b&gt;" in matrix
    assert "<b>" not in matrix
    assert classes.count("<tr>") == 4
    assert str(run.artefacts.best) in place
    wrong = round(6 * (1 - finished["test_accuracy"]))
    assert photos.count("data:image/jpeg") == wrong
    assert call(step.refresh, mark, run.name, language=language) == gr.skip()


def test_a_mistake_goes_to_look_inside(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    predictions = mistaken(run)
    step = step_in(tmp_path)
    mark, *_, photos = refresh(step, run.name)
    file = predictions.files[0]
    assert f'data-name="{html.escape(file)}"' in photos
    assert text("results.photos.look") in photos
    request = call(step.request_look_inside, mark, gr.EventData(None, {"name": file}), visitor=OWNER)
    assert (request.model, request.photo) == (run.name, ReceivedPhoto(file, Path(run.config.data, file)))
    assert (request.target_class, request.contrast_class) == (predictions.predicted[0], predictions.labels[0])
    assert call(step.use_model, mark, visitor=OWNER).model == run.name


@pytest.mark.parametrize("sent", [None, {}, {"name": 0}, {"name": ""}, {"name": "../run/config.json"}, "red/000.png"])
def test_the_browser_cannot_name_a_file(original: Run, tmp_path: Path, sent: object) -> None:
    run = listed(original, tmp_path)
    step = step_in(tmp_path)
    mark = refresh(step, run.name)[0]
    assert call(step.request_look_inside, mark, gr.EventData(None, sent), visitor=OWNER) == gr.skip()


def test_a_strangers_photo_stays_closed(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    step = step_in(tmp_path, public=True)
    event = gr.EventData(None, {"name": predictions.files[0]})
    mark = refresh(step, run.name)[0]
    assert call(step.request_look_inside, mark, event, visitor=OWNER).model == run.name
    for visit in (
        lambda: call(step.request_look_inside, mark, event, visitor=OTHER_VISITOR),
        lambda: call(step.use_model, mark, visitor=OTHER_VISITOR),
    ):
        with pytest.raises(gr.Error, match=text("runs.problem.none")[:20]):
            visit()


def test_a_photo_that_has_vanished_is_a_sentence(original: Run, tmp_path: Path) -> None:
    shutil.copytree(original.config.data, tmp_path / "photos")
    run = listed(original, tmp_path)
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries["config"]["data"] = str(tmp_path / "photos")
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    predictions = Run(run.folder).artefacts.test_predictions()
    assert predictions is not None
    step = step_in(tmp_path)
    mark = refresh(step, run.name)[0]
    (tmp_path / "photos" / predictions.files[0]).unlink()
    with pytest.raises(gr.Error, match=text("results.photos.gone")[:20]):
        call(step.request_look_inside, mark, gr.EventData(None, {"name": predictions.files[0]}), visitor=OWNER)


def test_without_its_model_a_run_leads_nowhere(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    mistaken(run)
    shutil.rmtree(run.artefacts.best)
    step = step_in(tmp_path)
    *_, photos = refresh(step, run.name)
    assert "data:image/jpeg" in photos
    assert "data-name" not in photos
    assert not call(step.refresh, "", run.name)[step.evaluate_button]["visible"]


def test_a_cell_shows_its_photos_and_back(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    step = step_in(tmp_path)
    mark = refresh(step, run.name)[0]
    worst = refresh(step, run.name)[-1]
    row, column = int(predictions.labels[0]), int(predictions.predicted[0])
    alike = [
        file
        for file, label, said in zip(predictions.files, predictions.labels, predictions.predicted, strict=True)
        if (label, said) == (row, column)
    ]
    shown = call(step.show_cell, mark, gr.EventData(None, {"row": row, "column": column}), visitor=OWNER)
    assert shown[step.photos].count("data:image/jpeg") == len(alike)
    assert shown[step.worst]["visible"]
    shown = call(step.show_worst, mark, visitor=OWNER)
    assert shown[step.photos] == worst
    assert not shown[step.worst]["visible"]


@pytest.mark.parametrize(
    "sent",
    [None, [], "row", {}, {"row": 0}, {"row": -1, "column": 0}, {"row": 0, "column": 3}, {"row": True, "column": 0},
     {"row": "0", "column": "0"}, {"row": 0.0, "column": 0}, {"row": 10**30, "column": 0}],
)  # fmt: skip
def test_what_is_no_cell_changes_nothing(original: Run, tmp_path: Path, sent: object) -> None:
    run = listed(original, tmp_path)
    step = step_in(tmp_path)
    mark = refresh(step, run.name)[0]
    assert call(step.show_cell, mark, gr.EventData(None, sent), visitor=OWNER) == gr.skip()


@pytest.mark.parametrize(
    "last_render", [None, "", "[", "{}", "[]", "7", '["../../etc"]', '[["x"]]', '["no-such-run"]', 5]
)
def test_what_is_no_run_is_a_sentence(original: Run, tmp_path: Path, last_render: object) -> None:
    listed(original, tmp_path)
    with pytest.raises(gr.Error, match=text("runs.problem.none")[:20]):
        call(step_in(tmp_path).show_worst, last_render, visitor=OWNER)


def test_on_a_public_page_a_run_is_its_owners(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    step = step_in(tmp_path, public=True)
    mark, _, headline, *_, place, photos = refresh(step, run.name)
    assert "%" in headline
    assert str(tmp_path) not in headline + place + photos
    assert text("results.none") in refresh(step, run.name, OTHER_VISITOR)[2]
    with pytest.raises(gr.Error):
        call(step.show_worst, mark, visitor=OTHER_VISITOR)
    with pytest.raises(gr.Error):
        call(step.show_cell, mark, gr.EventData(None, {"row": 0, "column": 0}))


def test_a_run_that_kept_no_answers_says_how_to_get_them(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    (run.folder / TEST_PREDICTIONS).unlink()
    headline = refresh(step_in(tmp_path), run.name)[2]
    assert text("results.not_kept", name=run.name) in headline
    assert f"python -m resnet_demo --home {tmp_path} evaluate {run.name} " in headline
    public = refresh(step_in(tmp_path, public=True), run.name)[2]
    assert str(original.folder.parent) not in public


def test_damaged_answers_are_told_and_can_be_had_anew(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    expected = original.artefacts.test_predictions()
    flip_in_the_midst(run.folder / TEST_PREDICTIONS)
    step = step_in(tmp_path)
    mark, _, headline, matrix, *_ = refresh(step, run.name)
    assert html.escape(text("results.damaged", name=run.name)) in headline
    assert matrix is None
    call(step.evaluate_now, mark, visitor=OWNER)
    found = run.artefacts.test_predictions()
    assert found is not None
    assert expected is not None
    assert found.files == expected.files


def test_a_run_that_ended_early_is_judged_at_a_click(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    expected = original.artefacts.test_predictions()
    (run.folder / TEST_PREDICTIONS).unlink()
    before = run.events.test_set_uses
    step = step_in(tmp_path)
    mark, *_ = refresh(step, run.name)
    assert call(step.refresh, "", run.name)[step.evaluate_button]["visible"] is True
    with pytest.raises(gr.Error):
        call(step_in(tmp_path, public=True).evaluate_now, mark, visitor=OTHER_VISITOR)
    call(step.evaluate_now, mark, visitor=OWNER)
    found = run.artefacts.test_predictions()
    assert found is not None
    assert expected is not None
    assert found.files == expected.files
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    assert run.events.test_set_uses == before + 1
    assert call(step.refresh, mark, run.name)[step.evaluate_button]["visible"] is False
    with pytest.raises(gr.Error, match="cannot be evaluated"):
        call(step.evaluate_now, mark, visitor=OWNER)


def test_a_run_under_way_is_waited_for(original: Run, tmp_path: Path) -> None:
    """It becomes a finished one: what is shown changes, once."""
    config = SMALL.__class__.from_json({**SMALL.to_json(), "data": str(original.folder.parent / "photos")})
    run = Run.create(tmp_path, config, facts_of(config, settings_in(tmp_path)))
    step = step_in(tmp_path)
    mark, active, headline, *_ = refresh(step, run.name)
    assert text("results.going_on", name=run.name) in headline
    assert active
    assert call(step.refresh, mark, run.name) == gr.skip()
    run.events.append("stopped", how="now")
    mark, active, headline, *_ = refresh(step, run.name, last_render=mark)
    assert text("results.not_evaluated", name=run.name) in headline
    assert not active
    predictions = original.artefacts.test_predictions()
    assert predictions is not None
    run.artefacts.write_test_predictions(predictions)
    run.events.append("looked", test_looks=1)
    _, _, headline, matrix, *_ = refresh(step, run.name, last_render=mark)
    assert "%" in headline
    assert matrix


def test_a_run_that_went_on_since_says_so(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    run.events.append("queued", more_epochs=1)
    run.events.append("started", epochs=3)
    assert text("results.outdated") in refresh(step_in(tmp_path), run.name)[2]


def test_looks_of_all_runs_with_the_same_test_photos_are_counted(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    listed(original, tmp_path, "20260101-000001-colours")
    other = dict(original.facts["split"])
    listed(original, tmp_path, "20260101-000002-colours", split={**other, "test": other["val"], "val": other["test"]})
    assert text("results.test_set_uses", uses=2) in refresh(step_in(tmp_path), run.name)[2]


def test_photos_that_are_gone_are_told(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries["config"]["data"] = str(tmp_path / "elsewhere")
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    step = step_in(tmp_path)
    mark = refresh(step, run.name)[0]
    predictions = run.artefacts.test_predictions()
    assert predictions is not None
    place = {"row": int(predictions.labels[0]), "column": int(predictions.predicted[0])}
    shown = call(step.show_cell, mark, gr.EventData(None, place), visitor=OWNER)
    assert text("results.photos.gone") in shown[step.photos]
