"""`evaluate` as a person types it: whose photos count, what is said of the others, and the same figures each time."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import metrics

from resnet_demo.cli import main
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.inference import Classifier
from resnet_demo.models import saved
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from resnet_demo.training.run_artefacts import TEST_PREDICTIONS
from resnet_demo.ui.runs import Runs
from tests.conftest import ROOT
from tests.damage import flip_in_the_midst
from tests.tiny import LABELS, tiny_model
from tests.training.small_runs import CLASSES, draw_photos, events_of, make_run, settings_in

NEW = 100
"""The number of the first photo that no run here was trained on."""


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run over 48 drawn photos, 6 of them to be judged by."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    run = make_run(folder, epochs=2)
    train(run, settings_in(folder))
    return run


@pytest.fixture
def trained(original: Run, tmp_path: Path) -> Run:
    """A copy that a test may change, with its photos beside it."""
    shutil.copytree(original.folder.parent, tmp_path / "trained")
    return Run(tmp_path / "trained" / "run")


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: object, home: Path) -> tuple[int, str, str]:
    """Exit code, output and complaints of the command."""
    code = main(["--home", str(home), "evaluate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: object, home: Path) -> dict[str, Any]:
    code, out, err = evaluate(capsys, *arguments, "--json", home=home)
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_test_photo_that_rots_unseen_is_named_and_not_judged(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that the system tells of the file has changed since the index knows it."""
    photos, kept = trained.folder.parent / "photos", trained.artefacts.test_predictions()
    assert kept is not None
    as_json(capsys, trained.folder, photos, home=tmp_path)
    photo = photos / kept.files[2]
    flip_in_the_midst(photo)
    (index,) = (tmp_path / "index").iterdir()
    with closing(sqlite3.connect(index)) as database, database:
        row = (photo.stat().st_ctime_ns, kept.files[2].encode())
        assert database.execute("UPDATE files SET changed = ? WHERE name = ?", row).rowcount == 1
    _, out, _ = evaluate(capsys, trained.folder, photos, home=tmp_path)
    assert text("results.changed", count=1, names=kept.files[2]) in out
    again = trained.artefacts.test_predictions()
    assert again is not None
    assert (again.changed, again.files) == ((kept.files[2],), (*kept.files[:2], *kept.files[3:]))
    found = as_json(capsys, trained.folder, photos, home=tmp_path)  # now the index knows
    assert found["test_looks"] is None  # no longer the photos of that run


def test_the_photos_it_was_taught_with_mean_its_test_photos(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the run's folder and by its model's; each look is counted, and the figure is that of the training."""
    photos, before = trained.folder.parent / "photos", events_of(trained, "finished")[0]
    for uses, name in ((2, trained.folder), (3, trained.artefacts.best)):
        found = as_json(capsys, name, photos, home=tmp_path)
        assert found["photos"] == before["test_photos"] == 6
        assert found["accuracy"] == pytest.approx(before["test_accuracy"], abs=1e-6)
        assert found["test_looks"] == trained.events.test_set_uses == uses
        assert str(uses) in found["notes"][0]
        assert trained.name in found["notes"][0]
    assert trained.state() == "finished"


def test_a_run_has_a_name(tmp_path: Path, original: Run, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    shutil.copytree(original.folder, home / "runs" / original.name)
    found = as_json(capsys, original.name, original.folder.parent / "photos", home=home)
    assert (found["photos"], found["test_looks"]) == (6, 2)


def test_looks_of_all_runs_with_the_same_test_photos_are_counted(
    tmp_path: Path, original: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page tells the same number."""
    home = tmp_path / "home"
    for name in (original.name, "20260101-000001-colours"):
        shutil.copytree(original.folder, home / "runs" / name)
    found = as_json(capsys, original.name, original.folder.parent / "photos", home=home)
    assert found["test_looks"] == 3
    assert "3" in found["notes"][0]
    runs = Runs(Settings(home=home))
    assert runs.test_set_uses(runs.find(original.name)) == 3


def test_answers_that_were_not_kept_are_there_again(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = trained.artefacts.test_predictions()
    (trained.folder / TEST_PREDICTIONS).unlink()
    as_json(capsys, trained.folder, trained.folder.parent / "photos", home=tmp_path)
    after = trained.artefacts.test_predictions()
    assert before is not None
    assert after is not None
    assert (after.files, after.labels.tolist()) == (before.files, before.labels.tolist())
    assert after.probabilities == pytest.approx(before.probabilities, abs=1e-5)


def test_other_photos_are_all_looked_at_and_figures_are_those_of_scikit_learn(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data set of the training with one photo more is another one."""
    other = draw_photos(tmp_path / "other", per_class=5, first=NEW)
    found = as_json(capsys, trained.artefacts.best, other, home=tmp_path)
    assert (found["photos"], found["test_looks"]) == (15, None)
    assert found["notes"] == [text("evaluate.by.all")]
    paths = sorted(other.glob("*/*.png"))
    model = saved.open_saved(trained.artefacts.best)
    predictions = Classifier(model, settings_in(tmp_path), "float32").classify(paths, 1)
    said = [prediction.guesses[0].label for prediction in predictions]
    true = [path.parent.name for path in paths]
    names = [one["name"] for one in found["classes"]]
    assert found["confusion"] == metrics.confusion_matrix(true, said, labels=names).tolist()
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, said), abs=1e-6)
    wrong = {
        f"{path.parent.name}/{path.name}" for path, one in zip(paths, said, strict=True) if path.parent.name != one
    }
    assert {one["file"] for one in found["mistakes"]} == wrong
    assert trained.events.test_set_uses == 1


def test_a_copy_of_the_model_cannot_know_what_it_learned_from(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained.artefacts.best, tmp_path / "copy")
    found = as_json(capsys, tmp_path / "copy", trained.folder.parent / "photos", home=tmp_path)
    assert found["photos"] == 48
    assert text("evaluate.note.used_in_training") in found["notes"]


def forget_seen(run: Run) -> Run:
    """A run as earlier versions left it."""
    path = run.folder / "config.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    del entries["facts"]["seen"]
    path.write_text(json.dumps(entries), encoding="utf-8")
    return Run(run.folder)


def photos_of(run: Run, *names: str) -> list[Path]:
    """The photos of parts of the run's split, where they were at its beginning."""
    dataset = open_dataset(Path(run.config.data), settings_in(run.folder.parent).home)
    return [dataset.root / dataset.photos[index].path for name in names for index in run.facts["split"][name]]


def test_photos_that_it_has_seen_are_left_out_though_the_folder_is_another(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy less one photo, the files renamed; once more with ten new photos of each class."""
    seen = {photo.read_bytes() for photo in photos_of(trained, "train", "val")}
    shutil.copytree(trained.folder.parent / "photos", tmp_path / "copy")
    for number, photo in enumerate(sorted((tmp_path / "copy").rglob("*.png"))):
        photo.rename(photo.with_name(f"renamed {number}.png"))
    for classes in (tmp_path / "copy").iterdir():
        next(photo for photo in sorted(classes.iterdir()) if photo.read_bytes() in seen).unlink()
    found = as_json(capsys, trained.folder, tmp_path / "copy", home=tmp_path)
    assert (found["photos"], found["judged"], found["learnt"]) == (6, 6, 39)
    assert found["accuracy"] == pytest.approx(events_of(trained, "finished")[0]["test_accuracy"], abs=1e-6)
    assert found["notes"] == [text("evaluate.by.rest"), text("evaluate.note.learnt", learnt=39, photos=45)]
    draw_photos(tmp_path / "new", per_class=10, first=NEW)
    shutil.copytree(tmp_path / "new", tmp_path / "copy", dirs_exist_ok=True)
    found = as_json(capsys, trained.artefacts.best, tmp_path / "copy", home=tmp_path)
    assert (found["judged"], found["learnt"], found["test_looks"]) == (36, 39, None)


@pytest.mark.parametrize("earlier", [False, True])
def test_where_it_has_seen_all_there_is_no_figure(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], earlier: bool
) -> None:
    """A run of an earlier version is asked by its photos, if they are still there."""
    run = forget_seen(trained) if earlier else trained
    config = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    config["config"]["data"] = str(trained.folder.parent / "photos")
    (run.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for photo in photos_of(Run(run.folder), "train", "val"):
        place = tmp_path / "seen" / photo.parent.name / photo.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, place)
    code, out, err = evaluate(capsys, run.folder, tmp_path / "seen", home=tmp_path)
    assert (code, out) == (2, "")
    assert text("evaluate.problem.all_learnt", learnt=42) in err
    code, out, _ = evaluate(capsys, run.folder, tmp_path / "seen", "--json", home=tmp_path)
    found = json.loads(out)
    assert (code, found["judged"], found["learnt"], found["accuracy"]) == (2, 0, 42, None)
    assert found["notes"][0] == text("evaluate.problem.all_learnt", learnt=42)


def test_test_photos_that_are_copies_of_training_photos_are_left_out(
    tmp_path: Path, original: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the folders say which are the test photos: some that leak, and then all."""
    for part in ("train", "val", "test"):
        draw_photos(tmp_path / "photos" / part, per_class=4, first={"train": 0, "val": 4, "test": 8}[part])
    photos = sorted((tmp_path / "photos" / "test").rglob("*.png"))
    for number, leaking in ((4, photos[:4]), (12, photos)):
        for photo in leaking:
            shutil.copyfile(tmp_path / "photos" / "train" / photo.parent.name / "000.png", photo)
        run = make_run(tmp_path, f"run {number}", epochs=1)
        shutil.copytree(original.artefacts.best, run.artefacts.best)
        for name in ("config.json", "resnet_demo.json"):
            path = run.artefacts.best / name
            known_as = saved.open_saved(original.artefacts.best).training_info.data
            path.write_text(path.read_text().replace(str(known_as), run.facts["data"]["fingerprint"]))
        code, out, _ = evaluate(capsys, run.folder, tmp_path / "photos", "--json", home=tmp_path)
        found = json.loads(out)
        assert (code, found["judged"], found["learnt"]) == (0 if number < 12 else 2, 12 - number, number)
        assert run.events.test_set_uses == (1 if number < 12 else 0)


def test_photos_that_the_model_it_started_from_has_seen_are_left_out(
    original: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_photos(tmp_path / "photos", first=NEW)
    run = make_run(tmp_path, parent=str(original.artefacts.best), variant=None, scratch=False, epochs=1)
    shutil.copytree(original.artefacts.best, run.artefacts.best)
    both = draw_photos(tmp_path / "both", per_class=16)
    shutil.copytree(draw_photos(tmp_path / "new", per_class=2, first=2 * NEW), both, dirs_exist_ok=True)
    found = as_json(capsys, run.folder, both, home=tmp_path)
    assert (found["judged"], found["learnt"]) == (6 + 6, 42), "the first run's test photos, and the new ones"


def test_a_model_that_nobody_knows_the_run_of_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = flowers_model(tmp_path)
    found = as_json(capsys, tmp_path / "model", photos, home=tmp_path)
    assert text("evaluate.note.not_known") in found["notes"]
    assert (found["judged"], found["learnt"]) == (9, None)


def test_photos_that_have_changed_since_are_told(
    original: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a run of an earlier version, which cannot tell which of them it has seen."""
    run = forget_seen(make_run(tmp_path, epochs=1))
    shutil.copytree(original.artefacts.best, run.artefacts.best)
    (tmp_path / "photos" / "red" / "000.png").unlink()
    found = as_json(capsys, run.artefacts.best, tmp_path / "photos", home=tmp_path)
    assert (found["photos"], found["learnt"]) == (47, None)
    assert text("evaluate.note.changed") in found["notes"]


def test_names_that_mean_the_same_are_matched_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = flowers_model(tmp_path)
    (photos / "daisy").rename(photos / "n11939491")
    (photos / "rose").rename(photos / "ROSE_")
    found = as_json(capsys, tmp_path / "model", photos, home=tmp_path)
    assert found["photos"] == 9
    assert text("evaluate.note.matched", pairs="n11939491 = daisy, ROSE_ = rose") in found["notes"]
    assert {one["true"] for one in found["mistakes"]} <= set(LABELS)


def test_a_given_test_part_is_what_counts(trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_photos(tmp_path / "parts" / "train", per_class=4, first=NEW)
    draw_photos(tmp_path / "parts" / "test", per_class=2, first=2 * NEW)
    found = as_json(capsys, trained.artefacts.best, tmp_path / "parts", home=tmp_path)
    assert found["photos"] == 6
    assert found["notes"] == [text("evaluate.by.split")]


def test_classes_that_it_does_not_know_are_told(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = draw_photos(tmp_path / "other", per_class=3, first=NEW)
    (other / "grün").rename(other / "teal")
    found = as_json(capsys, trained.artefacts.best, other, home=tmp_path)
    assert found["photos"] == 6
    assert text("evaluate.note.unknown", photos=3, classes="teal") in found["notes"]
    assert "grün" in found["unjudged"] or "grün" in [one["name"] for one in found["classes"]]


def test_classes_none_of_which_it_knows_are_an_error(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = draw_photos(tmp_path / "other", per_class=3, first=NEW)
    for name in CLASSES:
        (other / name).rename(other / f"{name} too")
    code, out, err = evaluate(capsys, trained.artefacts.best, other, home=tmp_path)
    assert (code, out) == (2, "")
    assert "red too" in err
    assert "blue <b>" in err


def test_bad_files_are_named_and_never_fatal(trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = draw_photos(tmp_path / "other", per_class=3, first=NEW)
    (other / "red" / "cut.png").write_bytes((other / "red" / f"{NEW}.png").read_bytes()[:200])
    damaged = other / "red" / "damaged.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)).save(damaged)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    damaged.write_bytes(content)
    found = as_json(capsys, trained.artefacts.best, other, home=tmp_path)
    assert found["photos"] == 9
    assert {one["file"] for one in found["unreadable"]} == {"red/cut.png", "red/damaged.png"}
    assert all(one["text"] for one in found["unreadable"])
    _, out, _ = evaluate(capsys, trained.artefacts.best, other, home=tmp_path)
    assert "red/damaged.png: " in out


def test_nothing_that_can_be_read_is_exit_code_1(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "other" / "red" / "damaged.png"
    damaged.parent.mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)).save(damaged)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    damaged.write_bytes(content)
    code, out, _ = evaluate(capsys, trained.artefacts.best, tmp_path / "other", home=tmp_path)
    assert code == 1
    assert out.startswith(text("evaluation.no_photos"))


def flowers_model(folder: Path) -> Path:
    """A saved model with nonsense predictions, and photos of its classes whose names are wide or look like HTML."""
    saved.write(replace(tiny_model(), labels=LABELS), folder / "model", card="")
    for label, name in enumerate(LABELS[:2] + LABELS[4:]):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            noise = np.random.default_rng([label, number]).integers(0, 255, (36, 40, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / "photos" / name / f"{number}.png")
    return folder / "photos"


def test_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    photos = flowers_model(tmp_path)
    code, out, _ = evaluate(capsys, tmp_path / "model", photos, home=tmp_path)
    assert code == 0
    assert out.splitlines()[0].endswith("9 photos")
    rows = [line for line in out.splitlines() if line.startswith("郁金香 <b>")]
    assert rows
    table = out.splitlines().index(rows[0])
    assert text("evaluation.confusion") in out
    assert text("evaluation.worst") in out
    # Each Chinese letter takes two columns, so that row has three letters less.
    assert len(out.splitlines()[table - 1]) - len(rows[0]) == 3
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    _, out, _ = evaluate(capsys, tmp_path / "model", photos, home=tmp_path)
    assert out.splitlines()[0].endswith("9 张照片")
    assert "--json" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("absent-model", "."), "absent-model"),
        (("./absent", "."), "./absent"),
        (("resnet18",), "FOLDER"),
    ],
)
def test_a_wrong_request_is_exit_code_2(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resnet_demo", "--home", str(tmp_path), "evaluate", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
