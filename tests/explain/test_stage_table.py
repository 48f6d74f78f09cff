"""The layer table by stages: totals as torchvision records them, formulas that come to the numbers, diagrams."""

from __future__ import annotations

import pytest
import torchvision

from resnet_demo.explain.stage_table import stage_table
from resnet_demo.models.summary import summarise
from resnet_demo.models.variants import VARIANTS
from resnet_demo.plots.block_diagram import Step
from resnet_demo.texts import AppError

OF_TORCHVISION = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnext50_32x4d",
    "wide_resnet50_2",
]


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_totals_are_those_of_torchvisions_records(name: str) -> None:
    table = stage_table(name, 224)
    meta = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta
    assert table.parameters == meta["num_params"]
    assert table.multiply_adds / 1e9 == pytest.approx(meta["_ops"], abs=5e-4)


@pytest.mark.parametrize("name", ["resnet34", "res2net50_26w_4s", "preact_resnet50", "highway18", "cifar_resnet20"])
def test_stages_add_up_to_the_layers_and_formulas_to_the_parameters(name: str) -> None:
    table, summary = stage_table(name), summarise(name)
    assert (table.parameters, table.multiply_adds) == (summary.parameters, summary.multiply_adds)
    for row in summary.rows:
        by_formula = eval(row.numbers.replace(",", "").replace("²", "**2").replace("·", "*") or "0")  # noqa: S307
        assert by_formula == row.parameters, row.name


def test_sizes_and_blocks_of_the_paper() -> None:
    """He et al. 2016, table 1: sizes and blocks of ResNet-34 and ResNet-50; conv2_x of ResNet-34 has 6 · 9 · 64²."""
    table = stage_table("resnet34")
    assert {part.name: (part.blocks, part.output) for part in table.parts.values()} == {
        "stem": (1, (64, 56, 56)),
        "stage1": (3, (64, 56, 56)),
        "stage2": (4, (128, 28, 28)),
        "stage3": (6, (256, 14, 14)),
        "stage4": (3, (512, 7, 7)),
        "head": (1, (1000,)),
    }
    weights = [row.parameters for row in table.parts["stage1"].groups[0].rows if row.multiply_adds]
    assert 3 * sum(weights) == 6 * 9 * 64**2
    assert [part.kind for part in stage_table("resnet50").parts.values()][1:5] == ["bottleneck"] * 4


def test_blocks_that_are_alike_stand_together() -> None:
    stage = stage_table("resnet152").parts["stage3"]
    assert [len(group.names) for group in stage.groups] == [1, 35]
    assert stage.groups[1].names[0] == "stage3.1"
    assert [len(group.names) for group in stage_table("preact_resnet18").parts["stage1"].groups] == [1, 1]


def words(steps: tuple[Step, ...]) -> list[str]:
    return [step.say("en") for step in steps]


def test_the_diagram_has_the_layers_of_the_block() -> None:
    """He et al. 2016, figure 5, right, with the stride on the 3x3."""
    drawn = stage_table("resnet50").parts["stage2"].groups[0].diagram
    assert drawn is not None
    [unit] = drawn.units
    assert words(unit.branch) == [
        "1x1 conv",
        "batch norm, ReLU",
        "3x3 conv, /2",
        "batch norm, ReLU",
        "1x1 conv",
        "batch norm",
    ]
    assert words(unit.beside) == ["1x1 conv, /2", "batch norm"]
    assert words(unit.after) == ["ReLU"]
    assert unit.shortcut == "projected"
    assert (drawn.input, drawn.output) == ((256, 56, 56), (512, 28, 28))
    assert [step.shape for step in unit.branch if step.shape] == [(128, 56, 56), (128, 28, 28), (512, 28, 28)]


@pytest.mark.parametrize(
    ("name", "shortcuts"),
    [
        ("resnet18", ["projected", "identity"]),
        ("cifar_resnet20", ["padded", "identity"]),
        ("plain18", [None, None]),
        ("highway18", ["gated", "gated"]),
        ("preact_resnet18", ["projected", "identity"]),
    ],
)
def test_shortcuts_are_named(name: str, shortcuts: list[str | None]) -> None:
    diagrams = [group.diagram for group in stage_table(name).parts["stage2"].groups]
    assert [drawn.units[0].shortcut for drawn in diagrams if drawn] == shortcuts


def test_norm_and_relu_come_before_the_split_where_a_preactivation_block_changes_the_shape() -> None:
    """He et al. 2016b, figure 4e and the appendix."""
    first, later = (group.diagram for group in stage_table("preact_resnet18").parts["stage2"].groups)
    assert first is not None
    assert later is not None
    assert words(first.units[0].before) == ["batch norm, ReLU"]
    assert later.units[0].before == ()
    assert words(later.units[0].branch) == ["batch norm, ReLU", "3x3 conv", "batch norm, ReLU", "3x3 conv"]
    assert later.units[0].after == ()


def test_groups_are_lanes() -> None:
    grouped = stage_table("resnext50_32x4d").parts["stage2"].groups[1].diagram
    split = stage_table("res2net50_26w_4s").parts["stage2"].groups[1].diagram
    assert grouped is not None
    assert split is not None
    assert [step.lanes for step in grouped.units[0].branch if step.shape] == [1, 32, 1]
    assert [(step.lanes, step.chained) for step in split.units[0].branch if step.shape] == [
        (1, False),
        (4, True),
        (1, False),
    ]


def test_every_variant_has_a_table_at_a_size_of_its_own() -> None:
    for name in VARIANTS:
        if "152" not in name and "101" not in name and "110" not in name:
            assert stage_table(name).parameters > 0


def test_no_pixels() -> None:
    with pytest.raises(AppError, match="0"):
        stage_table("resnet18", 0)
