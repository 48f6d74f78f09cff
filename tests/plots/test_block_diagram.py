"""The diagram of a block: every layer in its place, the shortcut from the split to the join, with its name."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from resnet_demo.plots.block_diagram import BlockDiagram, Choice, Step, Unit, block_diagram, shape_text
from resnet_demo.plots.historic_blocks import HISTORIC_BLOCKS
from tests.plots.drawn_svg import Node, all_of, box, read, words

CONV = Step(("3x3 conv",), (64, 56, 56))
NORM = Step(("batch norm", "ReLU"))
BASIC = BlockDiagram((Unit((CONV, NORM, CONV), "identity", after=(Step(("ReLU",)),)),), (64, 56, 56), (64, 56, 56))
SHORTCUT = "#d9601a"


def drawn(block: BlockDiagram, language: str = "en") -> Node:
    return read(block_diagram(block, "a <b>", language))


def boxes(picture: Node) -> list[tuple[float, float, float, float]]:
    return [box(rect) for rect in all_of(picture, "rect")]


def test_layers_stand_in_order_below_each_other() -> None:
    picture = drawn(BASIC)
    said = words(picture)
    assert said[0] == "x: 64 × 56 × 56"
    assert said[-1] == "y: 64 × 56 × 56"
    assert [one for one in said if "conv" in one or "norm" in one or one == "ReLU"] == [
        "3x3 conv",
        "batch norm, ReLU",
        "3x3 conv",
        "ReLU",
    ]
    rows = boxes(picture)
    assert len(rows) == 4
    assert all(upper[3] < lower[1] for upper, lower in itertools.pairwise(rows))


def test_the_shortcut_has_its_name_and_a_sum() -> None:
    picture = drawn(BASIC)
    assert "identity" in words(picture)
    assert "恒等捷径" in words(drawn(BASIC, "zh-CN"))
    assert [path.attrib["stroke"] for path in all_of(picture, "path")].count(SHORTCUT) == 1
    chain = drawn(BlockDiagram((Unit((CONV,)),)))
    assert SHORTCUT not in [path.attrib["stroke"] for path in all_of(chain, "path")]
    assert list(all_of(chain, "circle")) == []
    assert chain.attrib["viewBox"].split()[2] == picture.attrib["viewBox"].split()[2]


def test_steps_with_layers_can_be_chosen() -> None:
    conv, norm = replace(CONV, layers=("conv1",)), replace(NORM, layers=("bns.0", "bns.1"))
    block = BlockDiagram((Unit((conv, norm, CONV), "identity", after=(Step(("ReLU",)),)),))
    picture = read(block_diagram(block, "a", "en", Choice("net", chosen="bns.1")))
    parts = [node for node in all_of(picture, "g") if "data-name" in node.attrib]
    assert [(part.attrib["data-name"], part.attrib["aria-pressed"]) for part in parts] == [
        ("net conv1", "false"),
        ("net bns.0", "true"),
    ]
    assert block.layers_beside("bns.1") == ("bns.0", "bns.1")
    assert block.layers_beside("conv2") == ()
    assert "data-name" not in block_diagram(block, "a", "en")


def test_layers_of_the_shortcut_stand_beside_the_others() -> None:
    unit = Unit((CONV, NORM, CONV), "projected", (Step(("1x1 conv, /2",), (128, 28, 28)), Step(("batch norm",))))
    picture = drawn(BlockDiagram((unit,)))
    rows = boxes(picture)
    left, right = [one for one in rows if one[0] < 100], [one for one in rows if one[0] > 100]
    assert (len(left), len(right)) == (3, 2)
    assert max(one[2] for one in left) < min(one[0] for one in right)
    assert "128 × 28 × 28" in words(picture)
    assert "projection" in words(picture)


def test_groups_are_a_strip_of_cells() -> None:
    def cells(step: Step) -> int:
        return len(boxes(drawn(BlockDiagram((Unit((step,)),))))) - 1

    assert cells(CONV) == 0
    assert cells(Step(("3x3 conv",), (104, 56, 56), lanes=4, chained=True)) == 4
    assert cells(Step(("3x3 conv",), (144, 56, 56), lanes=144)) == 16  # as many as there is room for


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("name", HISTORIC_BLOCKS)
def test_nothing_lies_outside_or_upon_another(name: str, language: str) -> None:
    picture = drawn(HISTORIC_BLOCKS[name], language)
    _, _, width, height = (float(number) for number in picture.attrib["viewBox"].split())
    layers = [one for one in boxes(picture) if one[3] - one[1] > 10]
    for left, top, right, bottom in layers:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for index, one in enumerate(layers):
        for other in layers[index + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_screen_readers_are_told_all_of_it() -> None:
    said = drawn(BASIC).attrib["aria-label"]
    assert said == "The block a <b>. Layers: 3x3 conv; batch norm, ReLU; 3x3 conv; ReLU. Shortcut: identity."
    assert shape_text((1000,)) == "1,000"
