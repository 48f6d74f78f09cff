"""Files damaged on the disk while nobody looked, and photos exchanged: noticed before they count, and told in words."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from resnet_demo.data.image_folder import Dataset, open_dataset
from resnet_demo.texts import AppError, text
from resnet_demo.training import checkpoint
from resnet_demo.training.atomic_writes import MARKER
from resnet_demo.training.dataset_splits import load_splits
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.evaluation_count import count_test_set_uses
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.loop import Training, train
from resnet_demo.training.run import Run
from resnet_demo.training.run_artefacts import TEST_PREDICTIONS
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.training_setup import prepare
from tests.damage import flip_in_the_midst
from tests.training.small_runs import draw_photos, events_of, make_run, settings_in


def said(run: Run) -> list[str]:
    """The keys of the sentences that a run has told, but for those of every run."""
    return [event["key"] for event in events_of(run, "said")]


def training_of(run: Run, folder: Path) -> Training:
    distributed = DistributedContext(torch.device("cpu"))
    return Training(prepare(run, settings_in(folder), distributed, RunLogger(run, distributed)))


def refused(key: str, run: Run, folder: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        train(run, settings_in(folder))
    assert caught.value.message.key == key
    assert caught.value.say("zh-CN")
    return caught.value


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that has done two of its three epochs, with a checkpoint after each; and one that did all."""
    folder = tmp_path_factory.mktemp("school")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "MOST_SHARE", math.inf)
        train(make_run(folder, "whole", ema=0.9), settings_in(folder))
        begun = training_of(make_run(folder, "begun", ema=0.9), folder)
        begun.epoch()
        begun.epoch()
    return folder


@pytest.fixture
def begun(school: Path, tmp_path: Path) -> Run:
    """The run that has an epoch to go, in a copy of the folder."""
    shutil.copytree(school / "begun", tmp_path / "begun")
    return Run(tmp_path / "begun")


# Checkpoints.


@pytest.mark.parametrize("file", ["network", "average", "optimiser", "state.json", MARKER])
def test_it_goes_on_from_the_checkpoint_before_a_damaged_one(file: str, begun: Run, school: Path) -> None:
    """And ends as if nothing had ever been."""
    newest = begun.checkpoints.at(10)
    flip_in_the_midst(newest / (file if file.endswith("json") else f"{file}.safetensors"))
    train(begun, settings_in(school))
    whole = Run(school / "whole")
    assert said(begun) == ["train.said.damaged_checkpoint"]
    assert "resuming from the one before, step 5." in begun.log.path.read_text(encoding="utf-8")
    assert events_of(begun, "started")[-1]["resumed"] == {"epoch": 1, "step": 0}
    assert events_of(begun, "finished")[0]["test_accuracy"] == events_of(whole, "finished")[0]["test_accuracy"]
    for place in ("best/model", "last-15/network", "last-15/average", "last-15/optimiser"):
        one, other = (safetensors.torch.load_file(run.folder / f"{place}.safetensors") for run in (begun, whole))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("with_best", [True, False])
def test_where_all_checkpoints_are_damaged_it_says_what_is_left(with_best: bool, begun: Run, school: Path) -> None:
    for step in (5, 10):
        flip_in_the_midst(begun.checkpoints.at(step) / "network.safetensors")
    if not with_best:
        shutil.rmtree(begun.artefacts.best)
    key = "train.problem.no_checkpoint_but_best" if with_best else "train.problem.no_checkpoint"
    error = refused(key, begun, school)
    assert (str(begun.artefacts.best) in error.say("en")) == with_best
    assert begun.checkpoints.steps() == [10, 5]


def test_checkpoints_of_earlier_versions_count_by_their_sizes(begun: Run, school: Path) -> None:
    for step in (5, 10):
        marker = begun.checkpoints.at(step) / MARKER
        files = json.loads(marker.read_text(encoding="utf-8"))
        marker.write_text(json.dumps({name: file["bytes"] for name, file in files.items()}), encoding="utf-8")
    assert begun.checkpoints.newest() == begun.checkpoints.at(10)
    with (begun.checkpoints.at(10) / "network.safetensors").open("ab") as file:
        file.write(b"x")
    assert begun.checkpoints.newest() == begun.checkpoints.at(5)
    train(begun, settings_in(school))
    assert events_of(begun, "finished")


# The best model.


def test_a_damaged_best_model_gives_way_to_the_best_epoch_to_come(begun: Run, school: Path) -> None:
    flip_in_the_midst(begun.artefacts.best / "model.safetensors")
    train(begun, settings_in(school))
    assert said(begun) == ["train.said.damaged_best"]
    assert [event["best"] for event in events_of(begun, "epoch")][-1] is True
    assert events_of(begun, "finished")[0]["test_photos"] == 6


def test_a_damaged_best_model_is_never_judged(begun: Run, school: Path) -> None:
    """At its end it is damaged; another process that goes on then has no epoch left to find another one."""
    training = training_of(begun, school)
    training.epoch()
    flip_in_the_midst(begun.artefacts.best / "model.safetensors")
    with pytest.raises(AppError) as caught:
        training.finish()
    assert caught.value.message.key == "train.problem.damaged_best"
    refused("train.problem.damaged_best", begun, school)
    assert not events_of(begun, "finished")
    assert begun.artefacts.test_predictions() is None
    begun.queue_again(more_epochs=1)
    train(begun, settings_in(school))
    assert events_of(begun, "finished")[0]["test_looks"] == 1


# What was said of the test photos.


def test_damaged_answers_are_none_and_those_of_earlier_versions_still_count(school: Path, tmp_path: Path) -> None:
    path = tmp_path / TEST_PREDICTIONS
    shutil.copy(school / "whole" / TEST_PREDICTIONS, path)
    kept = LabelledPredictions.read(path)
    whole = path.read_bytes()
    assert len(whole) > 200
    for place in range(len(whole) - 6 * 3 * 4 - 6 * 8, len(whole)):  # labels and probabilities
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r".*"):
            LabelledPredictions.read(path)
    names = json.dumps({"files": kept.files, "classes": kept.classes, "unreadable": []})
    tensors = {"probabilities": kept.probabilities, "labels": kept.labels}
    path.write_bytes(safetensors.numpy.save(tensors, metadata={"names": names}))
    again = LabelledPredictions.read(path)
    assert (again.files, again.changed, again.correct) == (kept.files, (), kept.correct)


# Photos.


def large_photos(folder: Path) -> Path:
    """The drawn photos, and one more of each class that has more than 128 KiB."""
    draw_photos(folder)
    for number, place in enumerate(sorted(folder.iterdir())):
        noise = np.random.default_rng(number).integers(0, 255, (400, 400, 3), dtype=np.uint8)
        path = place / "large.jpg"
        Image.fromarray(noise).save(path, quality=90)
        assert path.stat().st_size > 131_072
    return folder


def test_a_photo_changed_in_its_midst_is_noticed_at_a_resume(tmp_path: Path) -> None:
    """It keeps its size and its time, and can be decoded as before."""
    large_photos(tmp_path / "photos")
    run = make_run(tmp_path, epochs=2)
    training_of(run, tmp_path).epoch()
    photo = tmp_path / "photos" / "red" / "large.jpg"
    content = photo.read_bytes()
    flip_in_the_midst(photo)
    Image.open(photo).load()
    error = refused("train.problem.other_data", run, tmp_path)
    assert str(tmp_path / "photos") in error.say("en")
    photo.write_bytes(content)
    train(run, settings_in(tmp_path))
    assert events_of(run, "finished")


def as_of_earlier_version(run: Run, dataset: Dataset) -> None:
    path = run.folder / "config.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    del entries["facts"]["data"]["ends_fingerprint"]
    entries["facts"]["data"]["fingerprint"] = dataset.ends_fingerprint
    path.write_text(json.dumps(entries), encoding="utf-8")


def test_runs_of_earlier_versions_know_their_photos_by_the_earlier_rule(tmp_path: Path) -> None:
    large_photos(tmp_path / "photos")
    dataset = open_dataset(tmp_path / "photos", tmp_path / "home")
    assert dataset.ends_fingerprint != dataset.fingerprint
    old, new = make_run(tmp_path, "old"), make_run(tmp_path, "new")
    as_of_earlier_version(old, dataset)
    old, new = Run(old.folder), Run(new.folder)
    assert load_splits(old, settings_in(tmp_path)) == load_splits(new, settings_in(tmp_path))
    for run in (old, new):
        run.events.append("finished", test_looks=1)
    assert count_test_set_uses(old, [new]) == count_test_set_uses(new, [old]) == 2
    flip_in_the_midst(tmp_path / "photos" / "red" / "large.jpg", 200_000)  # its beginning and its end as well
    refused("train.problem.other_data", old, tmp_path)


def test_a_damaged_index_is_no_reason_to_refuse_photos(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (index,) = (tmp_path / "home" / "index").iterdir()
    with closing(sqlite3.connect(index)) as database, database:
        database.execute("UPDATE files SET content = zeroblob(16) WHERE name = ?", (b"red/003.png",))
    assert len(load_splits(run, settings_in(tmp_path)).train.paths) == 36


def test_photos_that_are_not_what_the_index_says_are_not_learned_from(tmp_path: Path) -> None:
    """As where a disk rots: nothing that the system tells of the file has changed."""
    run = make_run(tmp_path)
    photo = Path(load_splits(run, settings_in(tmp_path)).train.paths[0])
    flip_in_the_midst(photo)
    (index,) = (tmp_path / "home" / "index").iterdir()
    with closing(sqlite3.connect(index)) as database, database:
        name = f"{photo.parent.name}/{photo.name}".encode()
        row = (photo.stat().st_ctime_ns, name)
        assert database.execute("UPDATE files SET changed = ? WHERE name = ?", row).rowcount == 1
    for _ in range(2):  # by what was decoded, and then by the index made anew
        refused("train.problem.other_data", run, tmp_path)
    train(make_run(tmp_path, "anew", epochs=1), settings_in(tmp_path))


def test_test_photos_changed_in_mid_run_are_told_and_not_counted(tmp_path: Path) -> None:
    """One in its midst, one exchanged for that of another class, and one removed."""
    large_photos(tmp_path / "photos")
    run = make_run(tmp_path, epochs=1, test_share=0.3)
    training = training_of(run, tmp_path)
    training.epoch()
    part = training.setup.splits.test
    changed = [next(path for path in part.paths if path.name == "large.jpg")]
    exchanged, removed, *_ = (path for path in part.paths if path.name != "large.jpg")
    flip_in_the_midst(changed[0])
    other = next(path for path in part.paths if path.parent != exchanged.parent)
    shutil.copy(other, exchanged)
    removed.unlink()
    changed += [exchanged, removed]
    training.finish()
    names = {path.relative_to(tmp_path / "photos").as_posix() for path in changed}
    kept, finished = run.artefacts.test_predictions(), events_of(run, "finished")[0]
    assert kept is not None
    assert set(kept.changed) == names
    assert not names & set(kept.files)
    assert kept.unreadable == ()
    assert finished["test_photos"] == len(kept.files) == len(part.paths) - 3
    assert finished["test_accuracy"] == kept.correct / len(kept.files)
    [told] = [event["fields"] for event in events_of(run, "said") if event["key"] == "train.said.changed"]
    assert told["count"] == 3
    assert told["name"] in names
    assert text("train.said.changed", "en", **told) in run.log.path.read_text(encoding="utf-8")
