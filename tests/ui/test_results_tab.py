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
from resnet_demo.training.answers import Answers
from resnet_demo.training.loop import train
from resnet_demo.training.material import facts_of
from resnet_demo.training.run import ANSWERS, Run
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.language import Words
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.tabs.finetune.results import Step
from tests.damage import flip_in_the_midst
from tests.training.schoolroom import SMALL, draw_photos, events_of, make_run, settings_in

OWNER, STRANGER = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run over drawn photos, at a home of its own."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("taught")
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


def mistaken(run: Run) -> Answers:
    """Leave answers in the run of which the most are wrong, the first among them."""
    answers = run.answers()
    assert answers is not None
    wrong = replace(answers, probabilities=np.roll(answers.probabilities, 1, axis=1))
    run.write_answers(wrong)
    assert wrong.said[0] != wrong.labels[0]
    return wrong


def step_in(home: Path, *, public: bool = False) -> Step:
    """The step of a page with this home."""
    with gr.Blocks():
        words, services, session = Words(), Services(Settings(home=home, public=public)), Session()
        words.make_selector()
        with gr.Tabs() as steps, gr.Tab():
            return Step(words, services, session, steps)


def look(
    step: Step, name: object = None, visitor: object = OWNER, seen: object = "", language: str = "en"
) -> list[Any]:
    """Mark, whether the timer runs, headline, matrix, classes, place, photos."""
    mark, timer, headline, *rest = step.look(seen, name, visitor, language)
    return [mark, timer.active, headline, *(one.get("value") for one in rest[:4])]


def test_before_there_is_any_run(tmp_path: Path) -> None:
    _, active, headline, matrix, *_ = look(step_in(tmp_path))
    assert text("results.none") in headline
    assert (active, matrix) == (False, None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_a_finished_run(original: Run, tmp_path: Path, language: str) -> None:
    run = listed(original, tmp_path)
    step = step_in(tmp_path)
    mark, active, headline, matrix, classes, place, photos = look(step, run.name, language=language)
    finished = events_of(run, "finished")[0]
    assert f"{100 * finished['test_accuracy']:.1f} %" in headline
    assert text("results.one_look", language) in headline
    assert not active
    assert "blue &lt;b&gt;" in matrix
    assert "<b>" not in matrix
    assert classes.count("<tr>") == 4
    assert str(run.best) in place
    wrong = round(6 * (1 - finished["test_accuracy"]))
    assert photos.count("data:image/jpeg") == wrong
    assert step.look(mark, run.name, OWNER, language) == [gr.skip()] * 10


def test_a_mistake_goes_to_look_inside(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    answers = mistaken(run)
    step = step_in(tmp_path)
    mark, *_, photos = look(step, run.name)
    file = answers.files[0]
    assert f'data-name="{html.escape(file)}"' in photos
    assert text("results.photos.look") in photos
    wish = step.look_inside(mark, OWNER, "en", gr.EventData(None, {"name": file}))
    assert (wish.model, wish.photo) == (run.name, ReceivedPhoto(file, Path(run.config.data, file)))
    assert (wish.asked, wish.rival) == (answers.said[0], answers.labels[0])
    assert step.use_model(mark, OWNER, "en").model == run.name


@pytest.mark.parametrize("sent", [None, {}, {"name": 0}, {"name": ""}, {"name": "../run/config.json"}, "red/000.png"])
def test_the_browser_cannot_name_a_file(original: Run, tmp_path: Path, sent: object) -> None:
    run = listed(original, tmp_path)
    step = step_in(tmp_path)
    mark = look(step, run.name)[0]
    assert step.look_inside(mark, OWNER, "en", gr.EventData(None, sent)) == gr.skip()


def test_a_strangers_photo_stays_closed(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    answers = run.answers()
    assert answers is not None
    step = step_in(tmp_path, public=True)
    event = gr.EventData(None, {"name": answers.files[0]})
    mark = look(step, run.name)[0]
    assert step.look_inside(mark, OWNER, "en", event).model == run.name
    for visit in (lambda: step.look_inside(mark, STRANGER, "en", event), lambda: step.use_model(mark, STRANGER, "en")):
        with pytest.raises(gr.Error, match=text("runs.problem.none")[:20]):
            visit()


def test_a_photo_that_has_vanished_is_a_sentence(original: Run, tmp_path: Path) -> None:
    shutil.copytree(original.config.data, tmp_path / "photos")
    run = listed(original, tmp_path)
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries["config"]["data"] = str(tmp_path / "photos")
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    answers = Run(run.folder).answers()
    assert answers is not None
    step = step_in(tmp_path)
    mark = look(step, run.name)[0]
    (tmp_path / "photos" / answers.files[0]).unlink()
    with pytest.raises(gr.Error, match=text("results.photos.gone")[:20]):
        step.look_inside(mark, OWNER, "en", gr.EventData(None, {"name": answers.files[0]}))


def test_without_its_model_a_run_leads_nowhere(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    mistaken(run)
    shutil.rmtree(run.best)
    step = step_in(tmp_path)
    *_, photos = look(step, run.name)
    assert "data:image/jpeg" in photos
    assert "data-name" not in photos
    assert not step.look("", run.name, OWNER, "en")[-1]["visible"]


def test_a_cell_shows_its_photos_and_back(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    answers = run.answers()
    assert answers is not None
    step = step_in(tmp_path)
    mark = look(step, run.name)[0]
    worst = look(step, run.name)[-1]
    row, column = int(answers.labels[0]), int(answers.said[0])
    alike = [
        file
        for file, label, said in zip(answers.files, answers.labels, answers.said, strict=True)
        if (label, said) == (row, column)
    ]
    shown, button = step.show_cell(mark, OWNER, "en", gr.EventData(None, {"row": row, "column": column}))
    assert shown["value"].count("data:image/jpeg") == len(alike)
    assert button["visible"]
    shown, button = step.show_worst(mark, OWNER, "en")
    assert shown["value"] == worst
    assert not button["visible"]


@pytest.mark.parametrize(
    "sent",
    [None, [], "row", {}, {"row": 0}, {"row": -1, "column": 0}, {"row": 0, "column": 3}, {"row": True, "column": 0},
     {"row": "0", "column": "0"}, {"row": 0.0, "column": 0}, {"row": 10**30, "column": 0}],
)  # fmt: skip
def test_what_is_no_cell_changes_nothing(original: Run, tmp_path: Path, sent: object) -> None:
    run = listed(original, tmp_path)
    step = step_in(tmp_path)
    mark = look(step, run.name)[0]
    assert step.show_cell(mark, OWNER, "en", gr.EventData(None, sent)) == (gr.skip(), gr.skip())


@pytest.mark.parametrize("seen", [None, "", "[", "{}", "[]", "7", '["../../etc"]', '[["x"]]', '["no-such-run"]', 5])
def test_what_is_no_run_is_a_sentence(original: Run, tmp_path: Path, seen: object) -> None:
    listed(original, tmp_path)
    with pytest.raises(gr.Error, match=text("runs.problem.none")[:20]):
        step_in(tmp_path).show_worst(seen, OWNER, "en")


def test_on_a_public_page_a_run_is_its_owners(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    step = step_in(tmp_path, public=True)
    mark, _, headline, *_, place, photos = look(step, run.name)
    assert "%" in headline
    assert str(tmp_path) not in headline + place + photos
    assert text("results.none") in look(step, run.name, STRANGER)[2]
    with pytest.raises(gr.Error):
        step.show_worst(mark, STRANGER, "en")
    with pytest.raises(gr.Error):
        step.show_cell(mark, None, "en", gr.EventData(None, {"row": 0, "column": 0}))


def test_a_run_that_kept_no_answers_says_how_to_get_them(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    (run.folder / ANSWERS).unlink()
    headline = look(step_in(tmp_path), run.name)[2]
    assert text("results.not_kept", name=run.name) in headline
    assert f"python -m resnet_demo --home {tmp_path} evaluate {run.name} " in headline
    public = look(step_in(tmp_path, public=True), run.name)[2]
    assert str(original.folder.parent) not in public


def test_damaged_answers_are_told_and_can_be_had_anew(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    expected = original.answers()
    flip_in_the_midst(run.folder / ANSWERS)
    step = step_in(tmp_path)
    mark, _, headline, matrix, *_ = look(step, run.name)
    assert html.escape(text("results.damaged", name=run.name)) in headline
    assert matrix is None
    step.judge_now(mark, OWNER, "en")
    found = run.answers()
    assert found is not None
    assert expected is not None
    assert found.files == expected.files


def test_a_run_that_ended_early_is_judged_at_a_click(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path, owner=OWNER)
    expected = original.answers()
    (run.folder / ANSWERS).unlink()
    before = run.test_looks
    step = step_in(tmp_path)
    mark, *_ = look(step, run.name)
    assert step.look("", run.name, OWNER, "en")[-1]["visible"] is True
    with pytest.raises(gr.Error):
        step_in(tmp_path, public=True).judge_now(mark, STRANGER, "en")
    step.judge_now(mark, OWNER, "en")
    found = run.answers()
    assert found is not None
    assert expected is not None
    assert found.files == expected.files
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    assert run.test_looks == before + 1
    assert step.look(mark, run.name, OWNER, "en")[-1]["visible"] is False
    with pytest.raises(gr.Error, match="cannot be judged"):
        step.judge_now(mark, OWNER, "en")


def test_a_run_under_way_is_waited_for(original: Run, tmp_path: Path) -> None:
    """It becomes a finished one: what is shown changes, once."""
    config = SMALL.__class__.from_json({**SMALL.to_json(), "data": str(original.folder.parent / "photos")})
    run = Run.create(tmp_path, config, facts_of(config, settings_in(tmp_path)))
    step = step_in(tmp_path)
    mark, active, headline, *_ = look(step, run.name)
    assert text("results.going_on", name=run.name) in headline
    assert active
    assert step.look(mark, run.name, OWNER, "en") == [gr.skip()] * 10
    run.append("stopped", how="now")
    mark, active, headline, *_ = look(step, run.name, seen=mark)
    assert text("results.not_looked", name=run.name) in headline
    assert not active
    answers = original.answers()
    assert answers is not None
    run.write_answers(answers)
    run.append("looked", test_looks=1)
    _, _, headline, matrix, *_ = look(step, run.name, seen=mark)
    assert "%" in headline
    assert matrix


def test_a_run_that_went_on_since_says_so(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    run.append("queued", more_epochs=1)
    run.append("started", epochs=3)
    assert text("results.outdated") in look(step_in(tmp_path), run.name)[2]


def test_looks_of_all_runs_with_the_same_test_photos_are_counted(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    listed(original, tmp_path, "20260101-000001-colours")
    other = dict(original.facts["split"])
    listed(original, tmp_path, "20260101-000002-colours", split={**other, "test": other["val"], "val": other["test"]})
    assert text("results.looks", looks=2) in look(step_in(tmp_path), run.name)[2]


def test_photos_that_are_gone_are_told(original: Run, tmp_path: Path) -> None:
    run = listed(original, tmp_path)
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries["config"]["data"] = str(tmp_path / "elsewhere")
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    step = step_in(tmp_path)
    mark = look(step, run.name)[0]
    answers = run.answers()
    assert answers is not None
    place = {"row": int(answers.labels[0]), "column": int(answers.said[0])}
    shown, _ = step.show_cell(mark, OWNER, "en", gr.EventData(None, place))
    assert text("results.photos.gone") in shown["value"]
