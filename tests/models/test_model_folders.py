"""What a name means: a published network, a built-in model, a run's, a folder; in this order."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from resnet_demo.inference import open_model
from resnet_demo.models import model_folders, saved
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.listed_runs import find_run
from resnet_demo.training.run import Run
from tests.shelf import keep, run_with_model, ship
from tests.tiny import LABELS, tiny_model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", built_in_models=ship(tmp_path / "built_in"))


def test_names_come_before_folders(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with_model(settings)
    for name in ("resnet50", "flowers", run.name, "mine"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert model_folders.folder_of("resnet50", settings) is None
    assert model_folders.folder_of("resnet50:v2", settings) is None
    assert model_folders.folder_of("flowers", settings) == settings.built_in_models / "flowers"
    assert model_folders.folder_of(run.name, settings) == run.artefacts.best
    assert model_folders.folder_of("mine", settings) == Path("mine")
    for name in ("./resnet50", "./flowers", f"./{run.name}", str(tmp_path / "mine")):
        assert model_folders.folder_of(name, settings) == Path(name)


@pytest.mark.parametrize(
    "name", ["", "none", "./none", "~nosuchuser/x", "hf-hub:a/b", "a\0b", "x" * 5000, "..", "/etc/x"]
)
def test_what_means_no_folder(name: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "runs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "home" / "runs")
    assert model_folders.named(name, settings) is None
    assert model_folders.folder_of(name, settings) == (Path("..") if name == ".." else None)


def test_a_runs_folder_means_its_best_model(settings: Settings, tmp_path: Path) -> None:
    run, elsewhere = run_with_model(settings), run_with_model(settings, out=tmp_path / "mine")
    best = run.artefacts.best
    names = (run.folder, run.folder / "config.json", best, best / "model.safetensors", best / "config.json")
    for name in (*names, best / "resnet_demo.json"):
        assert model_folders.folder_of(str(name), settings) == best
        assert open_model(str(name), settings).labels == LABELS
    listed = settings.home / "runs" / elsewhere.name
    for folder in (elsewhere.folder, listed):
        assert model_folders.folder_of(str(folder), settings) == tmp_path / "mine" / "best"


def test_a_run_without_a_model_yet_is_called_so(settings: Settings) -> None:
    run = run_with_model(settings)
    shutil.rmtree(run.artefacts.best)
    with pytest.raises(AppError, match="has not saved a model yet"):
        open_model(str(run.folder), settings)


@pytest.mark.parametrize(
    ("name", "variant"),
    [("net.pth", None), ("resnet34:net.pth", "resnet34"), ("./none.ckpt", None), ("resnet34:none.pt", "resnet34")],
)
def test_what_means_a_file_of_weights(
    name: str, variant: str | None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.pth").touch()
    monkeypatch.chdir(tmp_path)
    path = Path(name.partition(":")[2] or name)
    assert model_folders.file_of(name, settings) == model_folders.WeightsFile(path, variant)
    assert model_folders.place_of(name, settings) == path


def test_a_name_of_published_weights_comes_before_a_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "v2").touch()
    monkeypatch.chdir(tmp_path)
    assert model_folders.file_of("resnet50:v2", settings) is None
    assert model_folders.file_of("resnet50:./v2", settings) == model_folders.WeightsFile(Path("v2"), "resnet50")


@pytest.mark.parametrize("name", ["resnet34", "resnet34:v1", "flowers", "none", "hf-hub:a/b.pth", "", "."])
def test_what_means_no_file_of_weights(name: str, settings: Settings) -> None:
    assert model_folders.file_of(name, settings) is None


def test_a_run_elsewhere_is_found_by_its_pointer(settings: Settings, tmp_path: Path) -> None:
    run = run_with_model(settings, out=tmp_path / "my run")
    assert model_folders.named(run.name, settings) == tmp_path / "my run" / "best"


@pytest.mark.parametrize("pointer", [b"", b".", b"../../x", b"\xff\0"])
def test_a_pointer_to_nowhere_leads_nowhere(pointer: bytes, settings: Settings, tmp_path: Path) -> None:
    run = run_with_model(settings, out=tmp_path / "my run")
    listed = settings.home / "runs" / run.name
    (listed / "elsewhere.txt").write_bytes(pointer)
    assert model_folders.run_folder(listed) == listed


def test_without_shipped_models_and_runs_there_are_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", built_in_models=tmp_path / "absent")
    assert model_folders.built_in_names(settings) == []
    assert model_folders.run_names(settings.home) == []
    assert model_folders.folder_of("flowers", settings) is None


def test_the_default_is_the_first_of_those_that_ship(settings: Settings) -> None:
    ship(settings.built_in_models, "birds", seed=1)
    (settings.built_in_models / "unfinished").mkdir()
    assert model_folders.built_in_names(settings) == ["flowers", "birds"]


def test_a_stamp_tells_a_better_model_from_the_one_before(settings: Settings) -> None:
    run = run_with_model(settings)
    before = model_folders.stamp(run.artefacts.best)
    assert before is not None
    assert model_folders.stamp(run.artefacts.best) == before
    keep(run, seed=1)
    os.utime(run.artefacts.best / "model.safetensors", ns=(before[0], before[0]))  # saved within the clock's precision
    assert model_folders.stamp(run.artefacts.best) != before
    assert model_folders.stamp(settings.home / "absent") is None


def test_the_register_of_runs_and_the_register_of_models_agree(settings: Settings, tmp_path: Path) -> None:
    for run in (run_with_model(settings), run_with_model(settings, out=tmp_path / "elsewhere")):
        assert find_run(settings.home, run.name) == Run(run.folder)
        assert model_folders.named(run.name, settings) == run.artefacts.best
    saved.write(tiny_model(), settings.home / "runs" / "Not a run" / "best", card="")
    assert len(model_folders.run_names(settings.home)) == 2
