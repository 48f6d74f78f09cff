"""The best model of a run as a zip: whole or not there, the same model once unpacked."""

from __future__ import annotations

import resource
import signal
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_demo.models.saved import open_saved
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.run import Run
from resnet_demo.training.run_export import export_model
from tests.shelf import keep, run_with_model


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return run_with_model(Settings(home=tmp_path / "home"))


def unpacked(file: Path, folder: Path) -> Path:
    """The one folder in a zip."""
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    [found] = folder.iterdir()
    return found


def test_it_loads_and_answers_as_the_run_does(run: Run, tmp_path: Path) -> None:
    export_model(run, tmp_path / "model.zip")
    folder = unpacked(tmp_path / "model.zip", tmp_path / "unpacked")
    assert folder.name == run.name
    assert {path.name for path in folder.iterdir()} == {path.name for path in run.artefacts.best.iterdir()}
    taken, kept = open_saved(folder), open_saved(run.artefacts.best)
    batch = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(taken.network.eval()(batch), kept.network.eval()(batch))
    assert taken.labels == kept.labels


def test_without_a_model_nothing_is_written(tmp_path: Path) -> None:
    run = run_with_model(Settings(home=tmp_path / "home"))
    (run.artefacts.best / "model.safetensors").unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(AppError) as caught:
        export_model(run, tmp_path / "out" / "model.zip")
    assert caught.value.message.key == "run.problem.no_model"
    assert list((tmp_path / "out").iterdir()) == []


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Inside, each file that grows beyond `size` bytes breaks off, as on a full disk."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_on_a_full_disk_the_file_before_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "model.zip"
    file.write_bytes(b"the one before")
    with no_file_above(1_000), pytest.raises(AppError):
        export_model(run, file)
    assert file.read_bytes() == b"the one before"
    assert list(file.parent.iterdir()) == [file]


def test_a_run_that_goes_on_gives_one_of_its_models_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the weights were read its worker keeps a better model: the zip is of that one alone."""
    write, better = zipfile.ZipFile.write, threading.Event()

    def write_and_improve(archive: zipfile.ZipFile, *given: Any) -> None:
        write(archive, *given)
        if Path(given[0]).name == "model.safetensors" and not better.is_set():
            better.set()
            keep(run, seed=1, val_accuracy=0.99)

    monkeypatch.setattr(zipfile.ZipFile, "write", write_and_improve)
    export_model(run, tmp_path / "model.zip")
    assert better.is_set()
    folder = unpacked(tmp_path / "model.zip", tmp_path / "unpacked")
    for file in run.artefacts.best.iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes(), file.name
