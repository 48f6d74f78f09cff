"""Bars of ratios: as high as the numbers, in their place, and honest where there is no number."""

from __future__ import annotations

import itertools
import math

import pytest

from resnet_demo.plots.residual_ratios import residual_ratios
from tests.plots.drawn_svg import Node, all_of, box, named, read, words

MEASURED = {"stage1.0": 0.25, "stage1.1": 0.5, "stage2.0": 2.0, "stage2.1": 1.0}


def bars(picture: Node) -> dict[str, Node]:
    return {name: next(all_of(node, "rect")) for name, node in named(picture).items()}


def height(rect: Node) -> float:
    _, top, _, bottom = box(rect)
    return bottom - top


def test_heights_are_in_proportion_and_the_line_is_at_one() -> None:
    picture = read(residual_ratios(MEASURED, ["stage2.0"], "en"))
    drawn = bars(picture)
    assert list(drawn) == list(MEASURED)
    unit = height(drawn["stage2.1"])
    for name, ratio in MEASURED.items():
        assert height(drawn[name]) == pytest.approx(ratio * unit, abs=0.02)
    (line,) = [path for path in all_of(picture, "path") if "stroke-dasharray" in path.attrib]
    assert float(line.attrib["d"].split("H")[0].split()[1]) == pytest.approx(box(drawn["stage2.1"])[1], abs=0.1)
    assert picture.attrib["aria-label"].endswith("from 0.25 in stage1.0 to 2.00 in stage2.0.")
    assert [next(all_of(node, "title")).text for node in named(picture).values()] == [
        "stage1.0: 0.25",
        "stage1.1: 0.50",
        "stage2.0: 2.00",
        "stage2.1: 1.00",
    ]


def test_bars_of_reshaping_blocks_are_hollow_and_the_legend_tells() -> None:
    picture = read(residual_ratios(MEASURED, ["stage2.0"], "en"))
    hollow = [name for name, bar in bars(picture).items() if float(bar.attrib["fill-opacity"]) < 0.5]
    assert hollow == ["stage2.0"]
    assert "shortcut that changes the shape" in words(picture)
    assert "shortcut that changes the shape" not in words(read(residual_ratios(MEASURED, [], "en")))


@pytest.mark.parametrize("count", [8, 50, 54])
def test_bars_stay_apart_and_inside(count: int) -> None:
    many = {f"stage{1 + index // 18}.{index % 18}": 1.0 + index for index in range(count)}
    edges = sorted(box(bar) for bar in bars(read(residual_ratios(many, [], "zh-CN"))).values())
    assert len(edges) == count
    assert edges[0][0] > 0
    assert edges[-1][2] <= 360
    assert all(left[2] < right[0] for left, right in itertools.pairwise(edges))


def test_a_small_network_of_small_ratios_shows_how_small() -> None:
    drawn = bars(read(residual_ratios({"stage1.0": 0.02}, [], "en")))
    picture_height = 210
    assert height(drawn["stage1.0"]) < picture_height / 20


def test_infinite_and_undefined_ratios_are_marked() -> None:
    picture = read(residual_ratios({"stage1.0": 0.5, "stage1.1": math.inf, "stage1.2": math.nan}, [], "en"))
    assert words(picture).count("∞") == 2
    assert "0.50" in picture.attrib["aria-label"]
    assert read(residual_ratios({"stage1.0": math.inf}, [], "en")).attrib["aria-label"]


def test_the_chosen_block_has_a_band() -> None:
    chosen, none = (read(residual_ratios(MEASURED, [], "en", selected=name)) for name in ("stage1.1", None))
    assert len(list(all_of(chosen, "rect"))) == len(list(all_of(none, "rect"))) + 1
