"""Library, command line and page read the same folder alike, and as a person would."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from resnet_demo.cli import main
from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import Dataset, open_dataset
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.ui.tabs.finetune import dataset_report_view
from resnet_demo.ui.tabs.finetune.dataset_report import DatasetReport, create_report
from tests.data.drawn import jpeg, write
from tests.data.layouts import LAYOUTS, LayoutCase


def counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {name: Counter() for name in dataset.classes}
    for photo in dataset.photos:
        found[dataset.classes[photo.label]][photo.split or "all"] += 1
    return {name: dict(by_part) for name, by_part in found.items()}


def on_the_page(root: Path, home: Path) -> DatasetReport:
    stages = create_report(
        ImportedFolder(root), TrainConfig(str(root)), Settings(home=home), lambda _stage: lambda _done, _total: None
    )
    report = [stage for stage in stages if stage is not None][-1]
    assert isinstance(report, DatasetReport)
    return report


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "home"


@pytest.mark.parametrize("name", LAYOUTS)
def test_read_alike(name: str, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = LAYOUTS[name]
    root = case.lay(tmp_path / "photos")
    command = ["--home", str(home), "report", str(root)]
    if case.refused:
        _refused(case, root, home, command, capsys)
        return
    dataset = open_dataset(root, home)
    assert counts(dataset) == case.classes
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"] == case.classes
    assert told["parts"] == case.parts
    assert {one["what"] for one in told["ignored"] if one["what"]} == set(case.ignored)
    assert [one["kind"] for one in told["problems"] if one["kind"] != "imbalance"] == list(case.problems)
    assert told["readings"][1:] == ([] if case.other is None else [case.other])
    page = on_the_page(root, home)
    assert counts(page.dataset) == case.classes
    shown = unescape(dataset_report_view.as_html(page))
    assert main(command) == 0
    lines = capsys.readouterr().out
    for sentence in (*told["understood"], *(one["why"] for one in told["ignored"] if one["what"])):
        assert sentence in shown
        assert sentence in lines


def _refused(case: LayoutCase, root: Path, home: Path, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AppError) as caught:
        open_dataset(root, home)
    assert caught.value.message.key == case.refused
    assert caught.value.say("zh-CN")
    assert main([*command, "--json"]) == 2
    assert capsys.readouterr().err.strip() == caught.value.say()
    with pytest.raises(AppError) as caught:
        on_the_page(root, home)
    assert caught.value.message.key == case.refused


def test_as_many_as_asked_for() -> None:
    assert len(LAYOUTS) >= 40


def test_the_parts_that_a_person_names(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {f"{part}/{name}/{n}.jpg": b"" for part in ("big", "small", "more") for name in "ab" for n in range(3)}
    root = write(tmp_path / "photos", {path: jpeg(number) for number, path in enumerate(files)})
    flags = ["--train-folder", "big", "--test-folder", str(root / "small")]
    assert main(["--home", str(home), "report", str(root), "--json", *flags]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parts"] == {"train": "big", "test": "small"}
    assert told["classes"] == {name: {"train": 3, "test": 3} for name in "ab"}
    assert [one["what"] for one in told["ignored"]] == ["more"]
    for wrong, key in (("nowhere", "no_part"), ("../photos2", "outside"), (str(tmp_path), "outside")):
        assert main(["--home", str(home), "report", str(root), "--train-folder", wrong]) == 2
        assert text(f"folder_labels.problem.{key}", folder=wrong) in capsys.readouterr().err


def test_the_rest_is_learned_from_where_only_the_test_is_named(tmp_path: Path, home: Path) -> None:
    files = [f"{folder}/{name}/{n}.jpg" for folder in ("big", "small") for name in "ab" for n in range(3)]
    root = write(tmp_path / "photos", {path: jpeg(number) for number, path in enumerate(files)})
    found = open_dataset(root, home, reading=Reading(test_folder="small"))
    assert found.layout.folders() == {"train": ("big",), "test": ("small",)}
    assert counts(found) == {name: {"train": 3, "test": 3} for name in "ab"}
    loose = write(tmp_path / "loose", {f"{path.partition('/')[2]}": jpeg(50 + n) for n, path in enumerate(files[:6])})
    write(loose, {f"mine/{name}/1.jpg": jpeg(90 + n) for n, name in enumerate("ab")})
    found = open_dataset(loose, home, reading=Reading(test_folder="mine"))
    assert counts(found) == {name: {"train": 3, "test": 1} for name in "ab"}


def test_the_other_reading_can_be_chosen(tmp_path: Path, home: Path) -> None:
    root = LAYOUTS["kinds under two roots"].lay(tmp_path / "photos")
    assert open_dataset(root, home, reading=Reading(class_level="last")).classes == ("cat", "dog", "rose")
    root = LAYOUTS["kinds under one root"].lay(tmp_path / "others")
    assert open_dataset(root, home, reading=Reading(class_level="first")).classes == ("animals",)
    root = LAYOUTS["spellings"].lay(tmp_path / "spellings")
    apart = open_dataset(root, home, reading=Reading(separate_names=True)).classes
    assert apart == ("Daisy", "daisy", "roses", "roses ")


def test_where_labels_are_looked_for_can_be_chosen(tmp_path: Path, home: Path) -> None:
    """Folders are believed first, although names and a table say something else."""
    photos = {f"{folder}/{kind}_{n}.jpg": 0 for folder in "ab" for kind in ("cat", "dog") for n in range(2)}
    root = write(tmp_path / "photos", {path: jpeg(number) for number, path in enumerate(photos)})
    rows = "".join(f"{path},{'red' if number % 2 else 'blue'}\n" for number, path in enumerate(photos))
    write(root, {"colours.csv": f"file,colour\n{rows}".encode()})
    assert open_dataset(root, home).classes == ("a", "b")
    assert open_dataset(root, home, reading=Reading(label_source="table")).classes == ("blue", "red")
    by_names = open_dataset(root, home, reading=Reading(label_source="names"))
    assert by_names.classes == ("cat", "dog")
    (root / "colours.csv").unlink()
    for labels, key in (("table", "no_table"),):
        with pytest.raises(AppError) as caught:
            open_dataset(root, home, reading=Reading(label_source=labels))  # type: ignore[arg-type]
        assert caught.value.message.key == f"photo_labels.problem.{key}"


def test_thumbnails_are_questioned(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = {f"{name}/{name}{n}.jpg": jpeg(n, (96, 80)) for name in ("cat", "dog") for n in range(3)}
    small = {f"mini/{name}{n}.jpg": jpeg(50 + n, (48, 40)) for name in ("cat", "dog") for n in range(3)}
    root = write(tmp_path / "photos", {**large, **small})
    assert main(["--home", str(home), "report", str(root), "--json"]) == 0
    assert "thumbnails" in [one["kind"] for one in json.loads(capsys.readouterr().out)["problems"]]


def test_labels_of_a_table_are_part_of_the_fingerprint(tmp_path: Path, home: Path) -> None:
    root = LAYOUTS["a table"].lay(tmp_path / "photos")
    first = open_dataset(root, home)
    write(root, {"labels.csv": b"id,breed\nx1,lab\nx2,pug\nx3,pug\nx4,lab\nx5,lab\nx6,lab\n"})
    assert open_dataset(root, home).classes == first.classes
    assert open_dataset(root, home).fingerprint != first.fingerprint
