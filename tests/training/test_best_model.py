"""The model card: a head that the Hub understands, true figures, and nothing that a name can do to it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import metadata_load

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.texts import LANGUAGES
from resnet_demo.training.best_model import as_model, card
from resnet_demo.training.dataset_splits import DatasetSplits, SplitPart
from resnet_demo.training.plan import Plan
from tests.training.test_train_state import network, resolve

PART = SplitPart((Path("/home/me/a.jpg"),), (0,), (bytes(16),))
MATERIAL = DatasetSplits(
    Path("photos"), "my *photos*\n# <b>", "ab" * 32, ("rose", "tulip | <script>", "[x](y)"), PART, PART, PART
)
SPEC = ImageSpec(32, 37)


def written(folder: Path, plan: Plan, metrics: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    said = card(as_model(network(), plan, MATERIAL, metrics), plan, MATERIAL)
    (folder / "README.md").write_text(said, encoding="utf-8")
    return said, metadata_load(folder / "README.md") or {}


@pytest.mark.parametrize("licence", ["BSD-3-Clause", None])
def test_a_model_inherits_the_licence_of_what_it_started_from(tmp_path: Path, licence: str | None) -> None:
    config = replace(resolve(scratch=False, train_depth="head"), parent="/home/me/secret/parent", variant=None)
    plan = Plan(config, "float32", "cifar_resnet20", SPEC, "parent", licence)
    said, head = written(tmp_path, plan, {"val_accuracy": 0.5, "val_photos": 8.0})
    assert head.get("license") == ("bsd-3-clause" if licence else None)
    assert head["tags"] == ["image-classification"]
    assert (licence or "unknown") in said.replace("\\", "")
    assert "50.0 % of 8" in said
    assert "Test accuracy" not in said, "the test photos were not used"
    assert "--from parent" in said
    assert "/home/me" not in said


def test_it_has_a_section_in_each_language_that_tells_the_same(tmp_path: Path) -> None:
    flowers = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    plan = Plan(resolve(), "float32", "cifar_resnet20", SPEC, None, None)
    metrics = {"val_accuracy": 0.5, "val_photos": 8.0, "test_accuracy": 0.75, "test_photos": 4.0}
    splits = replace(MATERIAL, classes=flowers)
    said = card(as_model(network(), plan, splits, metrics), plan, splits)
    front, *sections = re.split("^## (.+)\n", said, flags=re.MULTILINE)
    assert front.startswith("---\nlibrary_name: timm")
    assert sections[::2] == list(LANGUAGES.values())
    english, chinese = sections[1::2]
    figures = r"(?<![\w.])\d+(?:\.\d+)?"
    assert sorted(re.findall(figures, english)) == sorted(re.findall(figures, chinese))
    assert english.count("|") == chinese.count("|")
    assert "daisy, dandelion, roses, sunflowers, tulips" in english
    assert "雏菊（daisy）" in chinese
    assert "4 张中的 75.0 %" in chinese
    assert not re.search("[A-Za-z]{3,} [A-Za-z]{3,}", re.sub("`.*?`|^ {4}.*|photos.*", "", chinese, flags=re.MULTILINE))
    assert not re.search("[\u4e00-\u9fff]", english)


def test_names_are_only_names(tmp_path: Path) -> None:
    plan = Plan(resolve(), "float32", "cifar_resnet20", SPEC, None, None)
    said, _ = written(tmp_path, plan, {"test_accuracy": 0.75, "test_photos": 4.0})
    assert "random initialisation" in said
    assert "75.0 % of 4" in said
    rows = [line for line in said.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)
    assert "<script>" not in said.replace("\\<script\\>", "")
    assert "Licence" not in said
