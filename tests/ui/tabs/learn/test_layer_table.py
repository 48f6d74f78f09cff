"""Two networks side by side: every figure, and marks where they differ."""

from __future__ import annotations

import re

import gradio as gr
import pytest

from resnet_demo.explain.stage_table import stage_table
from resnet_demo.texts import AppError
from resnet_demo.ui.tabs.learn.architectures import ArchitecturesSection
from resnet_demo.ui.tabs.learn.layer_table import table_of, tables_side_by_side
from resnet_demo.ui.visitor_context import speaking


def test_two_networks() -> None:
    shown = tables_side_by_side(stage_table("resnet18"), stage_table("resnet50"))
    assert "11,689,512" in shown
    assert "25,557,032 <small>× 2.19</small>" in shown
    assert "<mark>2 × basic, 64 channels</mark>" in shown
    assert "<mark>3 × bottleneck, 256 channels</mark>" in shown
    assert "3² · 128 · 128 = 147,456" in shown
    assert "512 · 1,000 + 1,000 = 513,000" in shown
    assert "stage3.1 to stage3.5: 5 blocks alike" in shown
    assert shown.count("<details>") == 12


def test_what_is_alike_is_not_marked() -> None:
    shown = tables_side_by_side(stage_table("resnet18"), stage_table("resnet34"))
    stem = shown[shown.index("Stem") : shown.index("Stage 1")]
    assert "<mark>" not in stem
    assert "<span>64 × 56 × 56</span>" in stem
    one = tables_side_by_side(stage_table("resnet18"), stage_table("resnet18"))
    assert "<mark>" not in one
    assert one.count("<details>") == 6


def test_a_network_with_fewer_stages() -> None:
    shown = tables_side_by_side(table_of("cifar_resnet20", 32), table_of("resnet18", 32))
    titles = re.findall(r"<h3>([^<]+)</h3>", shown)
    assert titles == ["Stem", "Stage 1", "Stage 2", "Stage 3", "Stage 4", "Head", "total"]
    assert shown.count('class="absent"') == 1


def test_size_changes_multiply_adds_and_no_parameters() -> None:
    small, usual = table_of("resnet18", 128), table_of("resnet18", 256)
    assert small.parameters == usual.parameters
    convolutions = usual.multiply_adds - 512_000
    assert small.multiply_adds == convolutions // 4 + 512_000


def test_the_block_of_the_chosen_stage(section: ArchitecturesSection) -> None:
    table = section.layer_table
    first = table.draw("resnet18", "resnet50", 224, "stage2", "first", "")
    later = table.draw("resnet18", "resnet50", 224, "stage2", "later", "")
    assert first.count("<svg") == later.count("<svg") == 2
    assert "projection" in first
    assert "identity" not in first
    assert "identity" in later
    assert "512 × 28 × 28" in later
    assert table.draw("resnet18", "resnet18", 224, "stage2", "first", "").count("<svg") == 1
    assert "cifar_resnet20 has no Stage 4." in table.draw("cifar_resnet20", "resnet50", 32, "stage4", "first", "")


def test_a_layer_that_is_chosen_stands_below_with_its_numbers(section: ArchitecturesSection) -> None:
    table, inputs = section.layer_table, ("resnet18", "resnext50_32x4d", 224, "stage2", "first")
    clicked = gr.EventData(None, {"name": "resnext50_32x4d conv2"})
    layer, shown = table.choose(*inputs, event=clicked)
    assert layer == "conv2"
    assert shown.count('aria-pressed="true"') == 2
    left, right = re.findall(r'class="formulas"[^>]*>(.*?)</div>', shown)
    assert "3² · 128 · 128 = 147,456" in left
    assert "147,456 weights · 28 × 28 places = 115,605,504" in left
    assert "channels out / groups" in right
    assert "3² · 256 · 256 / 32 = 18,432" in right
    bias = table.draw("highway18", "res2net50_26w_4s", 224, "stage2", "first", "gate.0")
    assert "64 · 128 + 128 = 8,320" in bias
    assert bias.count("<dt>") == 1
    assert table.draw("highway18", "res2net50_26w_4s", 224, "stage2", "first", "convs.1").count("<dt>") == 3
    assert "2 · 128 = 256" in table.draw(*inputs, "bn1")


@pytest.mark.parametrize("sent", [None, {}, {"name": 3}, {"name": "<b>"}])
def test_what_is_no_layer_is_not_chosen(section: ArchitecturesSection, sent: object) -> None:
    inputs = ("resnet18", "resnet50", 224, "stage2", "first")
    layer, shown = section.layer_table.choose(*inputs, event=gr.EventData(None, sent))
    assert layer == ""
    assert "<dt>" not in shown


def test_in_chinese(section: ArchitecturesSection) -> None:
    with speaking("zh-CN"):
        table, diagrams = section.layer_table.show("resnet18", "resnet50", 224, "stage1", "first", "")
    assert "阶段 1" in table
    assert "恒等捷径" in diagrams


@pytest.mark.parametrize(("name", "size"), [("resnet19", 224), ("resnet18", 31), ("resnet18", 513), ("resnet18", None)])
def test_what_cannot_be_shown(name: str, size: float) -> None:
    with pytest.raises(AppError):
        table_of(name, size)
