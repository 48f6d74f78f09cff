"""The picture of a network: every part is there, can be reached, is marked, and lies within the picture."""

from __future__ import annotations

import itertools

import pytest
import torch

from resnet_demo.explain.architecture import architecture
from resnet_demo.models import variants
from resnet_demo.plots.network import Architecture, BlockShape, network
from resnet_demo.plots.svg import text_width
from tests.plots.drawn_svg import Node, all_of, box, named, read, words

SMALL = Architecture(
    "mine & yours",
    32,
    (8, 16),
    {
        "stage1": (BlockShape("stage1.0", 8, 16, "same"), BlockShape("stage1.1", 8, 16, "same")),
        "stage2": (BlockShape("stage2.0", 16, 8, "reshaped"), BlockShape("stage2.1", 16, 8, "same")),
    },
    3,
)


def boxes(picture: Node) -> dict[str, tuple[float, float, float, float]]:
    """The blocks' drawn rectangles; the room around each, which is clicked too, comes before it."""
    return {name: box(list(all_of(node, "rect"))[-1]) for name, node in named(picture).items() if "." in name}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("width", [330, 360, 720])
@pytest.mark.parametrize(
    "name", ["resnet18", "resnet152", "cifar_resnet110", "plain34", "preact_resnet50", "highway18"]
)
def test_every_part_of_a_network_has_its_place(name: str, width: int, language: str) -> None:
    with torch.device("meta"):  # shapes without memory
        built = variants.build(name)
    picture = read(network(architecture(built, name, 224), language, width=width))
    _, _, drawn_width, height = map(float, picture.attrib["viewBox"].split())
    assert drawn_width == width
    assert list(named(picture)) == ["stem", *parts_in_order(list(built.blocks()))]
    places = boxes(picture)
    for left, top, right, bottom in places.values():
        assert right - left >= 24, "too narrow for a finger"
        assert bottom - top >= 24
        assert left >= 0
        assert right < width
        assert bottom < height
    for one, other in itertools.combinations(places.values(), 2):
        apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        assert apart, (one, other)
    for node in all_of(picture, "text"):
        if "text-anchor" not in node.attrib:
            assert float(node.attrib["x"]) + text_width(node.text or "") <= width, node.text


def parts_in_order(blocks: list[str]) -> list[str]:
    """Every stage's name, and behind it those of its blocks."""
    stages = itertools.groupby(blocks, lambda block: block.partition(".")[0])
    return [name for stage, inside in stages for name in (stage, *inside)]


def test_parts_can_be_reached_and_say_what_they_are() -> None:
    picture = read(network(SMALL, "en", selected="stage2.1", removed=["stage1.1"]))
    assert picture.attrib["role"] == "group"
    assert picture.attrib["aria-label"] == "The network mine & yours: a stem, 2 stages with 4 blocks, and a head."
    for node in named(picture).values():
        assert node.attrib["tabindex"] == "0"
        assert node.attrib["role"] == "button"
    said = {name: node.attrib["aria-label"] for name, node in named(picture).items()}
    assert said["stage2.0"] == "stage2.0: 16 channels of 8 × 8"
    assert said["stage1.1"] == "stage1.1: 8 channels of 16 × 16, removed"
    assert said["stage2"] == "Stage 2, 16×8×8"
    assert said["stem"] == "Stem, 8×16×16"
    assert "8×16×16" in words(picture)


@pytest.mark.parametrize("selected", ["stem", "stage1", "stage2.1", None])
def test_only_what_is_chosen_is_marked(selected: str | None) -> None:
    picture = read(network(SMALL, "en", selected=selected))
    pressed = [name for name, node in named(picture).items() if node.attrib["aria-pressed"] == "true"]
    assert pressed == ([selected] if selected else [])
    thick = [
        name
        for name, node in named(picture).items()
        if any(float(rect.attrib.get("stroke-width", "0")) > 2 for rect in all_of(node, "rect"))
    ]
    assert thick == pressed


def test_removed_blocks_are_crossed_out_and_the_legend_says_so() -> None:
    whole, ablated = (read(network(SMALL, "en", removed=names)) for names in ([], ["stage1.1"]))
    more = [
        name
        for name in named(whole)
        if len(list(all_of(named(ablated)[name], "path"))) > len(list(all_of(named(whole)[name], "path")))
    ]
    assert more == ["stage1.1"]
    assert set(words(ablated)) - set(words(whole)) == {"removed"}


def test_shortcuts_are_drawn_as_they_are() -> None:
    """Whole where x passes as it came, dashed where it is reshaped, and none in a plain network."""

    def arcs(node: Node) -> list[bool]:
        return ["stroke-dasharray" in path.attrib for path in all_of(node, "path") if "q" in path.attrib["d"]]

    drawn = named(read(network(SMALL, "en")))
    assert [arcs(drawn[name]) for name in ("stage1.0", "stage2.0", "stage2.1")] == [[False], [True], [False]]
    plain = read(network(architecture(variants.build("plain18"), "plain18", 224), "en"))
    assert not [path for path in all_of(plain, "path") if "q" in path.attrib["d"]]
    assert "shortcut" not in words(plain)


def test_an_odd_name_is_only_a_name() -> None:
    odd = Architecture("<script>\"'", 32, (8, 16), SMALL.stages, 3)
    assert "<script>\"'" in read(network(odd, "en")).attrib["aria-label"]
