"""One place to add a thing: a toy one in each register is found wherever such things are listed or used."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from resnet_demo import cli, evaluation
from resnet_demo.commands.metrics_text import metrics_lines
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.engine_choice import EngineChoice
from resnet_demo.engines import ENGINE_KINDS, EngineKind, make_float32
from resnet_demo.explain.methods import METHODS, Method
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.labs import configs
from resnet_demo.labs.experiments import EXPERIMENTS, Experiment
from resnet_demo.models import variants
from resnet_demo.models.families import FAMILIES, Family
from resnet_demo.models.variants import VARIANTS, Variant
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, all_texts
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.presets import PRESETS, Preset, PresetValues, Start
from resnet_demo.ui import page
from resnet_demo.ui.tabs import TABS
from resnet_demo.ui.tabs.finetune import evaluation_view
from resnet_demo.ui.tabs.finetune.photo_sources import SOURCES, PhotoSource, SourcePanel
from tests.conftest import ROOT
from tests.tiny import photos, saved_tiny_model, tiny_model

CPU = torch.device("cpu")


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adds a sentence to the texts of every language, as an entry in each file would."""

    def add(key: str, sentence: str) -> None:
        for language in LANGUAGES:
            monkeypatch.setitem(all_texts(language), key, sentence)  # type: ignore[arg-type]

    return add


def help_of(command: str) -> str:
    """What `resnet_demo <command> --help` prints, in one line."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit):
        parsed(command, "--help")
    return " ".join(printed.getvalue().split())


def parsed(*words: str) -> argparse.Namespace:
    return cli.build_parser("en").parse_args(words)


def built_page(home: Path) -> gr.Blocks:
    return page.build(Settings(home=home / "home"))


def components(demo: gr.Blocks) -> dict[str, dict[str, Any]]:
    """The properties of each component of the page that has an id."""
    props = (component["props"] for component in demo.get_config_file()["components"])
    return {one["elem_id"]: one for one in props if one.get("elem_id")}


def offered(demo: gr.Blocks, elem_id: str) -> dict[str, str]:
    """The choices of a component: value to name."""
    return {value: name for name, value in components(demo)[elem_id]["choices"]}


def test_a_saliency_method(say: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def brightness(run: Any, progress: Any) -> torch.Tensor:
        return run.images.mean(dim=1).expand(len(run.target_weights), -1, -1, -1)

    monkeypatch.setitem(METHODS, "toy", Method("toy", brightness, layered=False))
    say("explain.method.toy", "Toy maps")
    say("explain.about.toy", "How bright each pixel is.")
    assert "toy" in help_of("explain")
    assert offered(built_page(tmp_path), "look-method")["toy"] == "Toy maps"
    assert explain(tiny_model().network, torch.rand(2, 3, 32, 32), METHODS["toy"]).values.shape == (1, 2, 32, 32)
    (photo,) = photos(tmp_path / "in", 1)
    model = saved_tiny_model(tmp_path / "model")
    words = ["explain", str(photo), "--model", str(model), "--method", "toy", "--out", str(tmp_path / "out")]
    assert cli.main(words) == 0
    assert (tmp_path / "out" / "0000-toy.png").is_file()


def test_an_experiment(
    say: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("toy")
    module.run = lambda *given: iter([{"twice": 2 * given[0].depth}])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resnet_demo.labs.toy", module)
    monkeypatch.setitem(EXPERIMENTS, "toy", Experiment("toy", configs.Gradients, "toy"))
    say("lab.about.toy", "A toy.")
    assert "A toy." in help_of("lab")
    assert cli.main(["--home", str(tmp_path), "lab", "toy", "--depth", "14", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["twice"] == 28


def test_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINE_KINDS, "toy", EngineKind("toy", make_float32, lambda _: True, 0.0, 1.0))
    assert "toy" in help_of("classify")
    engine = parsed("classify", "photo.jpg", "--engine", "toy").engine
    model, pictures = tiny_model(), torch.rand(2, 3, 32, 32)
    choice = EngineChoice(model, CPU, engine=engine)
    with torch.inference_mode():
        torch.testing.assert_close(choice.run(pictures, 2), model.network(pictures), atol=1e-5, rtol=1e-3)
    assert choice.photos_run == {"toy": 2}


def test_a_preset(say: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = PresetValues("head", 700, (1, 100), 96, 96, augment=0.3)
    monkeypatch.setitem(PRESETS, "toy", Preset(fine_tuning=values, from_scratch=values))
    say("train.setting.preset.toy", "Toy: trains a little")
    say("train.list.preset.toy", "toy")
    assert "|toy" in help_of("train")
    config = TrainConfig.from_arguments(parsed("train", "photos", "--preset", "toy"))
    resolved = config.resolved(photos=100, per_class={"a": 50, "b": 50}, device="cpu", start=Start(scratch=False))
    assert (resolved.epochs, resolved.train_depth, resolved.image_size, resolved.augment) == (7, "head", 96, 0.3)
    assert TrainConfig.from_json(config.to_json()) == config
    assert offered(built_page(tmp_path), "train-preset")["toy"] == "Toy: trains a little"


def test_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def build(variant: Variant, classes: int) -> Any:
        resnet = FAMILIES["cifar_resnet"].build
        assert variant.family == "toy"
        return resnet(variant, classes)

    paper = variants.get("cifar_resnet20").paper
    monkeypatch.setitem(FAMILIES, "toy", Family(build))
    monkeypatch.setitem(VARIANTS, "toy8", Variant("toy8", "toy", 8, paper, classes=10, input_size=32))
    assert cli.main(["summary", "toy8"]) == 0
    assert "toy8, one image of 32 x 32 pixels" in capsys.readouterr().out
    assert len(variants.build("toy8").blocks()) == 3
    assert TrainConfig.from_arguments(parsed("train", "photos", "--variant", "toy8")).network == "toy8"
    with pytest.raises(variants.AppError, match="toy8"):
        variants.get("toy9")
    assert "toy8" in offered(built_page(tmp_path), "train-network")


def test_a_metric(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(evaluation.METRICS, "toy", lambda _: 0.125)
    monkeypatch.setitem(evaluation.CLASS_METRICS, "toy_share", lambda counts: counts.right / 8)
    say("evaluation.metric.toy", "toy {percent} % <of all>")
    say("evaluation.header.toy_share", "Toys %")
    say("term.toy_share", "What is a toy.")
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    found = evaluation.evaluate(LabelledPredictions(("a", "b"), np.array([0, 1]), probabilities, ("daisy", "rose")))
    on_terminal = "\n".join(metrics_lines(found, "en"))
    assert "toy 12.5 % <of all>" in on_terminal
    assert on_terminal.count("12.5") == 3
    assert "Toys %" in on_terminal
    as_json = json.loads(json.dumps(found.as_dict()))
    assert (as_json["toy"], as_json["classes"][0]["toy_share"]) == (0.125, 0.125)
    assert "toy 12.5 % &lt;of all&gt;" in evaluation_view.headline(found, 1)
    table = evaluation_view.table(found)
    assert "Toys %" in table
    assert table.count("<td>12.5</td>") == 2


def test_a_source_of_photos(say: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lay_out(translations: Any, events: Any, settings: Settings) -> SourcePanel:
        count = gr.Number(3, elem_id="photos-toys")
        return SourcePanel(gr.Button("Draw").click, (count,))

    def draw(settings: Settings, stage_progress: Any, count: float) -> ImportedFolder:
        for label in ("daisy", "rose"):
            photos(tmp_path / "drawn" / label, int(count))
        return ImportedFolder(tmp_path / "drawn")

    monkeypatch.setitem(SOURCES, "toy", PhotoSource(lay_out, draw))
    say("photos.source.toy", "Draw some")
    demo = built_page(tmp_path)
    assert offered(demo, "photos-source")["toy"] == "Draw some"
    assert {"photos-by-toy", "photos-toys"} <= set(components(demo))
    assert '[value="toy"]:checked) #photos-by-toy' in components(demo)["photos-style"]["value"]
    [event] = (fn for fn in demo.fns.values() if fn.api_name == "photos_toy")
    given = ["en" if component.elem_id == "language" else None for component in event.inputs[:-1]]
    *_, shown = event.fn(*given, 3)
    assert str(tmp_path / "drawn") in shown.values()


def test_a_tab(say: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    toy = ModuleType("toy_tab")

    def build(translations: Any, services: Any, session: Any) -> None:
        assert "toy" in session.navigation
        gr.HTML("<p>A toy.</p>", elem_id="toy-shelf")

    toy.build = build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_tab", toy)
    monkeypatch.setitem(TABS, "toy", "toy_tab")
    say("page.tabs.toy", "Toys")
    demo = built_page(tmp_path)
    assert components(demo)["toy-shelf"]["value"] == "<p>A toy.</p>"
    labels = [one["props"]["label"] for one in demo.get_config_file()["components"] if one["type"] == "tabitem"]
    assert "Toys" in labels


SERVE = """
import json
from resnet_demo.settings import find_settings
from resnet_demo.texts import best_language
from resnet_demo.ui import page
demo = page.build(find_settings())
config = demo.get_config_file()
demo.translations.translate_config(config, best_language("eo-XX, en;q=0.5"))
props = {one["props"].get("elem_id"): one["props"] for one in config["components"]}
print(json.dumps([props["language"]["choices"], props["language"]["value"], props["photos-go"]["value"]]))
"""


def test_a_language(tmp_path: Path) -> None:
    """In a copy of the app, as a file of its own."""
    shutil.copytree(ROOT / "resnet_demo", tmp_path / "resnet_demo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "assets", tmp_path / "assets", ignore=shutil.ignore_patterns("screenshots"))
    toy = {key: f"ŝ{sentence}" for key, sentence in all_texts("en").items()} | {"language.name": "Esperanto"}
    (tmp_path / "resnet_demo" / "texts" / "eo.json").write_text(json.dumps(toy), encoding="utf-8")

    def python(*words: str) -> str:
        environ = {**os.environ, "LC_ALL": "eo.UTF-8", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8", check=True
        )
        return done.stdout

    choices, value, button = json.loads(python("-c", SERVE))
    assert choices == [["English", "en"], ["Esperanto", "eo"], ["简体中文", "zh-CN"]]
    assert (value, button) == ("eo", f"ŝ{all_texts('en')['photos.go']}")
    assert f"ŝ{all_texts('en')['cli.help.classify']}" in python("-m", "resnet_demo", "--help")
