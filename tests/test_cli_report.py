"""`report`, and what `train` says of a folder before it trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_demo.cli import main
from resnet_demo.jobs import queue
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.dataset_splits import load_splits
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from tests.data.drawn import flowers, jpeg, write
from tests.data.layouts import LAYOUTS


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def run(settings: Settings, *words: object) -> int:
    return main(["--home", str(settings.home), *map(str, words)])


FAULTS = {
    "a damaged file": {"daisy/broken.jpg": b"\xff\xd8\xff", **flowers(4)},
    "one photo in two classes": {"daisy/same.jpg": jpeg(99), "tulips/same.jpg": jpeg(99), **flowers(4)},
    "a class of one photo": {"roses/1.jpg": jpeg(98), **flowers(4)},
    "photos beside the parts": {**flowers(4, ("train/a", "train/b", "test/a", "results"))},
    "photos without a class": {"1.jpg": jpeg(97), **flowers(4)},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_strict_ends_before_training(
    fault: str, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "photos", FAULTS[fault])
    assert run(settings, "report", root) == 0
    report = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert run(settings, "train", root, "--strict") == 2
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == text("report.problem.strict", folder="photos")
    assert set(report) <= {line.strip("\r") for line in told.out.splitlines()}
    assert all_runs(settings.home) == []


def test_what_was_understood_is_in_the_log(tmp_path: Path, settings: Settings) -> None:
    root = LAYOUTS["scenes"].lay(tmp_path / "photos")
    made = queue.create(TrainConfig(str(root), variant="cifar_resnet20", scratch=True), settings)
    log = made.log.path.read_text(encoding="utf-8")
    assert text("understood.part.train", folders="seg_train") in log
    assert text("understood.skipped.beside_parts", folder="seg_pred", count=4) in log


def test_a_run_reads_its_folder_as_it_was_told(tmp_path: Path, settings: Settings) -> None:
    root = LAYOUTS["kinds under two roots"].lay(tmp_path / "photos")
    made = queue.create(TrainConfig(str(root), variant="cifar_resnet20", scratch=True, class_level="last"), settings)
    assert load_splits(Run.open(made.folder), settings).classes == ("cat", "dog", "rose")


def test_a_run_of_an_earlier_version_whose_classes_are_read_otherwise(tmp_path: Path, settings: Settings) -> None:
    """Its settings have no word on reading; then each innermost folder was a class."""
    root = LAYOUTS["pieces of a class"].lay(tmp_path / "photos")
    made = queue.create(TrainConfig(str(root), variant="cifar_resnet20", scratch=True), settings)
    facts = {**made.facts, "data": {**made.facts["data"], "classes": ["a", "augmented", "batch1", "batch2"]}}
    earlier = Run.create(settings.home, made.config, facts)
    with pytest.raises(AppError) as caught:
        load_splits(earlier, settings)
    assert caught.value.message.key == "train.problem.other_reading"


def test_a_folder_that_cannot_be_used(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "report", tmp_path / "nowhere") == 2
    assert capsys.readouterr().err.strip() == text("image_folder.problem.no_folder", folder=str(tmp_path / "nowhere"))
