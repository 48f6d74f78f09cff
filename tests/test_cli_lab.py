"""The command `lab` as a person runs it: its JSON, its tables in both languages, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_demo.cli import main
from resnet_demo.commands.lab_text import result_lines
from resnet_demo.labs.configs import Degradation, Gradients, LabConfig
from resnet_demo.labs.context import LabStopped
from resnet_demo.labs.experiments import EXPERIMENTS, epochs_done, epochs_of, experiment_named, run_experiment
from resnet_demo.labs.lab_run import CHECKPOINTS, LabRun, lab_runs
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text

SMALL = {
    "blocks": "--channels 16 --inner 4 --groups 2 --size 8",
    "degradation": "--shallow 8 --deep 14 --seeds 1",
    "family": "",
    "gradients": "--depth 8 --size 8",
    "identity": "--depth 8",
    "landscape": "--depth 8 --points 3",
    "paths": "--depth 14 --samples 1 --draws 1 --swaps 2",
    "schedules": "--depth 8",
    "shortcuts": "--depth 8",
    "twins": "--depth 8",
}
QUICK = ("blocks", "gradients", "twins")
TRAINED = "--per-class 2 --test-per-class 1 --epochs 1 --size 8 --batch-size 10"


def words(name: str) -> list[str]:
    trained = TRAINED if "epochs" in EXPERIMENTS[name].config.specs() else ""
    return ["lab", name, *SMALL[name].split(), *trained.split()]


def run(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> str:
    assert main(["--home", str(home), *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in EXPERIMENTS]
)
def test_each_experiment_as_json_and_as_tables(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads(run(capsys, tmp_path, *words(name), "--json"))
    assert result["experiment"] == name
    assert result["command"].startswith(f"python -m resnet_demo lab {name}")
    assert "torch" in result["machine"]
    assert result["seconds"] > 0
    json.dumps(result, allow_nan=False)
    for language in ("en", "zh-CN"):
        lines = list(result_lines(result, language))
        assert lines[-1] == text("lab.command", language, command=result["command"])
    config = EXPERIMENTS[name].config.from_json(result["settings"])
    assert config.arguments() == result["command"].split()[5:]


def test_gradients_have_a_row_for_each_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(run(capsys, tmp_path, "lab", "gradients", "--depth", "14", "--size", "8", "--json"))["networks"]
    combinations = {(row["kind"], row["norms"], row["init"]) for row in rows}
    assert len(rows) == len(combinations) == 4 * 2 * 2
    assert all(len(row["gradient_norms"]) == 6 for row in rows)


@pytest.mark.slow
def test_an_experiment_goes_on_where_it_was_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Degradation(shallow=8, deep=14, seeds=1, per_class=2, test_per_class=1, epochs=2, size=8)
    settings = Settings(home=tmp_path)
    *_, expected = run_experiment("degradation", config, settings)
    interrupted = LabRun.create(tmp_path, "degradation", config, {})
    steps = 0

    def stopped() -> bool:
        nonlocal steps
        steps += 1
        return steps > 3

    with pytest.raises(LabStopped):
        list(run_experiment("degradation", config, settings, stopped, interrupted.folder / CHECKPOINTS))
    interrupted.events.append("stopped", how="keep")
    resumed = json.loads(run(capsys, tmp_path, *config_words("degradation", config), "--json"))
    assert [one.folder for one in lab_runs(tmp_path)] == [interrupted.folder]
    assert interrupted.state() == "finished"
    assert epochs_done(resumed) == epochs_of(config) == 8
    for curve in (*expected["curves"], *resumed["curves"]):
        curve.pop("seconds")
    assert resumed["curves"] == expected["curves"]
    again = json.loads(run(capsys, tmp_path, *config_words("degradation", config), "--json"))
    assert len(list(lab_runs(tmp_path))) == 2
    assert [curve["train_error"] for curve in again["curves"]] == [curve["train_error"] for curve in resumed["curves"]]


def config_words(name: str, config: LabConfig) -> list[str]:
    return ["lab", name, *config.arguments()]


def test_alone_it_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, tmp_path, "lab").splitlines()
    assert [line.split()[0] for line in lines] == list(EXPERIMENTS)


def test_what_it_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lab", "gradient"])
    assert "'gradients'" in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "lab", "gradients", "--depth", "21"]) == 2
    assert "20" in capsys.readouterr().err
    with pytest.raises(AppError, match="gradients"):
        experiment_named("gradient")
    with pytest.raises(AppError, match="depth"):
        Gradients.from_json({"dept": 8})
