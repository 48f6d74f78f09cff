"""Files of weights as a person names them: `--model FILE --variant NAME --labels FILE`, `--from FILE`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from resnet_demo.cli import main
from resnet_demo.jobs import queue
from resnet_demo.models.model import Model
from resnet_demo.models.saved import open_saved
from resnet_demo.settings import Settings, find_settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.plan import initial_network
from tests.jobs.small import coloured_photos
from tests.test_cli import run as run_command
from tests.test_cli import said_in_process
from tests.tiny import LABELS, photos, tiny_model

VARIANT = "cifar_resnet20"


@pytest.fixture
def model() -> Model:
    return tiny_model()


@pytest.fixture
def file(model: Model, tmp_path: Path) -> Path:
    """Its weights; the plain network has the same layers."""
    path = tmp_path / "weights" / "net.pth"
    path.parent.mkdir()
    torch.save({"state_dict": model.network.state_dict()}, path)
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "names.json"
    path.write_text(json.dumps(LABELS), encoding="utf-8")
    return path


def test_classify(file: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, home = photos(tmp_path / "in", 1)[0], ("--home", tmp_path / "home")
    flags = ("--model", file, "--variant", VARIANT, "--labels", labels)
    arguments = (*home, "classify", photo, *flags, "--engine", "float32", "--json")
    assert main([*map(str, arguments)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)[0]["guesses"][0]["label"] in LABELS
    assert "ImageNet's mean" in said.err
    code, said_without = said_in_process(capsys, *home, "classify", photo, "--model", file)
    assert code == 2
    assert "cifar_resnet20, cifar_plain20" in said_without
    code, said_otherwise = said_in_process(capsys, *home, "classify", photo, "--model", "flowers", "--labels", labels)
    assert code == 2
    assert "belong to a file of weights" in said_otherwise


def test_explain(file: Path, labels: Path, tmp_path: Path) -> None:
    photo, out = photos(tmp_path / "in", 1)[0], tmp_path / "out"
    flags = ("--model", f"{VARIANT}:{file}", "--labels", labels, "--class", "2", "--out", out)
    assert main([*map(str, ("--home", tmp_path / "home", "explain", photo, *flags))]) == 0
    assert (out / "0000-gradcam.png").exists()


def test_evaluate(file: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "flowers" / "daisy", 2)
    flags = (file, tmp_path / "flowers", "--variant", VARIANT, "--labels", labels, "--json")
    assert main([*map(str, ("--home", tmp_path / "home", "evaluate", *flags))]) == 0
    assert json.loads(capsys.readouterr().out)["photos"] == 2


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--labels", "names.json"), "belong to a file of weights"),
        (("--from", "none.pth", "--variant", "resnet51"), "resnet51"),
        (("--from", "flowers", "--variant", "resnet18"), "one starting point"),
    ],
)
def test_flags_of_a_training_that_do_not_fit(
    flags: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, sentence = said_in_process(capsys, "--home", tmp_path, "train", tmp_path, *flags)
    assert code == 2
    assert said in sentence


@pytest.mark.slow
def test_a_training_starts_from_a_file_of_weights(file: Path, labels: Path, tmp_path: Path) -> None:
    data, out = coloured_photos(tmp_path / "colours"), tmp_path / "out"
    small = ("--image-size", 32, "--first-size", 32, "--batch-size", 8, "--epochs", 1, "--train-depth", "head")
    flags = ("--from", file, "--variant", VARIANT, "--labels", labels, *small, "--out", out)
    done = run_command("--home", tmp_path / "home", "train", data, *flags, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert "ImageNet's mean" in (out / "log.txt").read_text(encoding="utf-8")
    opened = open_saved(out / "best")
    assert opened.training_info.parent == "net.pth"
    [run] = all_runs(tmp_path / "home")
    assert (run.config.parent, run.config.labels) == (f"{VARIANT}:{file}", str(labels))
    before = torch.load(file, weights_only=True)["state_dict"]["conv1.weight"]
    assert torch.equal(opened.network.conv1.weight, before)  # the stages below the head stay


def test_what_a_file_knows_of_the_classes_is_kept(file: Path, labels: Path, model: Model, tmp_path: Path) -> None:
    config = TrainConfig(str(tmp_path), parent=f"{VARIANT}:{file}", labels=str(labels))
    network = initial_network(config, (LABELS[3], LABELS[0]), Settings(home=tmp_path)).network
    assert torch.equal(network.fc.weight, model.network.fc.weight[[3, 0]])


def test_a_strangers_training_opens_no_file(file: Path, tmp_path: Path) -> None:
    """On a public page the network's name is any text: one with a path stays a name of published weights."""
    config = TrainConfig(str(tmp_path), variant=f"{VARIANT}:{file}")
    with pytest.raises(AppError) as caught:
        initial_network(config, ("a", "b"), Settings(home=tmp_path))
    assert caught.value.message.key == "train.problem.no_weights"


def test_paths_become_absolute(file: Path, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    labels.rename(file.parent / "names.json")
    config = TrainConfig("photos", parent="resnet18:net.pth", labels="names.json")
    whole = queue.with_absolute_paths(config, find_settings())
    assert (whole.parent, whole.labels) == (f"resnet18:{file}", str(file.parent / "names.json"))
