"""The photos of a run: fixed once, found again, and refused where it has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from resnet_demo.texts import AppError
from resnet_demo.training.dataset_splits import facts_of, load_splits
from resnet_demo.training.run import Run
from tests.conftest import ROOT
from tests.training.small_runs import CLASSES, SMALL, draw_photos, make_run, settings_in


def test_every_photo_is_in_one_part(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    splits = load_splits(run, settings_in(tmp_path))
    parts = [splits.train, splits.val, splits.test]
    assert [len(part.paths) for part in parts] == [36, 6, 6]
    assert len({path for part in parts for path in part.paths}) == 48
    assert splits.classes == tuple(sorted(CLASSES))
    assert splits.per_class == {"blue <b>": 12, "grün": 12, "red": 12}
    for part in parts:
        assert [splits.classes[label] for label in part.labels] == [path.parent.name for path in part.paths]


def test_facts_are_json_and_come_from_the_seed(tmp_path: Path) -> None:
    draw_photos(tmp_path / "photos")
    config = replace(SMALL, data=str(tmp_path / "photos"))
    facts = facts_of(config, settings_in(tmp_path))
    assert json.loads(json.dumps(facts)).keys() == facts.keys() == {"data", "split", "seen", "report", "versions"}
    assert facts_of(config, settings_in(tmp_path)) == facts
    assert facts_of(replace(config, seed=2), settings_in(tmp_path))["split"] != facts["split"]
    assert facts["versions"]["torch"]


def test_copies_stay_on_one_side(tmp_path: Path) -> None:
    """Each photo is there twice, once saved anew."""
    folder = draw_photos(tmp_path / "photos", per_class=10)
    for path in sorted(folder.rglob("*.png")):
        Image.open(path).resize((60, 54)).save(path.with_suffix(".jpg"), quality=95)
    splits = load_splits(make_run(tmp_path), settings_in(tmp_path))
    sides = [{(path.parent, path.stem) for path in part.paths} for part in (splits.train, splits.val, splits.test)]
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides)) == 30


def test_changed_photos_are_noticed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    photo = tmp_path / "photos" / "red" / "003.png"
    Image.new("RGB", (30, 30), "navy").save(photo)
    with pytest.raises(AppError) as caught:
        load_splits(run, settings_in(tmp_path))
    assert caught.value.message.key == "train.problem.other_data"


def test_it_is_free_of_torch() -> None:
    """The page and the command line make runs before torch is there."""
    code = "import sys, resnet_demo.training.dataset_splits as _; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("facts", [{}, {"data": None}, {"split": {}}, {"split": {"train": [10**6]}}, {"split": [1]}])
def test_facts_that_do_not_say_which_photos_are_a_sentence(tmp_path: Path, facts: dict[str, object]) -> None:
    run = make_run(tmp_path)
    hurt = Run.create(tmp_path / "home", run.config, {**run.facts, **facts} if facts else {})
    with pytest.raises(AppError) as caught:
        load_splits(hurt, settings_in(tmp_path))
    assert caught.value.message.key == "run.problem.no_run"
