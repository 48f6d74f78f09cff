"""Bars of accuracies: as high as the shares, one for each block that can be removed."""

from __future__ import annotations

import pytest

from resnet_demo.plots.ablation_sweep import ablation_sweep
from tests.plots.drawn_svg import Node, all_of, box, named, read, words

BLOCKS = ("stage1.0", "stage1.1", "stage2.0", "stage2.1")
WITHOUT = {"stage1.0": 0.8, "stage1.1": 0.4, "stage2.1": 0.0}


def bars(picture: Node) -> dict[str, Node]:
    """The bars, each behind the larger rectangle that is pressed."""
    return {name: list(all_of(node, "rect"))[1] for name, node in named(picture).items()}


def test_heights_are_shares_and_the_line_is_the_whole_network() -> None:
    picture = read(ablation_sweep(BLOCKS, WITHOUT, 0.8, "en"))
    drawn = bars(picture)
    assert list(drawn) == list(WITHOUT)
    heights = {name: box(bar)[3] - box(bar)[1] for name, bar in drawn.items()}
    assert heights["stage1.0"] == pytest.approx(2 * heights["stage1.1"], abs=0.02)
    assert heights["stage2.1"] == 0
    line = [path for path in all_of(picture, "path") if "stroke-dasharray" in path.attrib][-1]
    assert float(line.attrib["d"].split("H")[0].split()[1]) == pytest.approx(box(drawn["stage1.0"])[1], abs=0.1)
    assert "full network: 80.0 %" in words(picture)
    assert picture.attrib["aria-label"].endswith("It is lowest without stage2.1: 0.0 %.")


def test_a_block_that_stays_has_its_place_and_no_bar() -> None:
    drawn = bars(read(ablation_sweep(BLOCKS, WITHOUT, 0.8, "zh-CN")))
    middles = [(box(bar)[0] + box(bar)[2]) / 2 for bar in drawn.values()]
    assert middles[2] - middles[1] > 2 * (middles[1] - middles[0])


def test_the_chosen_block_has_a_band_and_nothing_breaks_without_bars() -> None:
    chosen, none = (read(ablation_sweep(BLOCKS, WITHOUT, 0.8, "en", selected=name)) for name in ("stage2.0", None))
    assert len(list(all_of(chosen, "rect"))) == len(list(all_of(none, "rect"))) + 1
    assert read(ablation_sweep(BLOCKS, {}, 1.0, "en")).attrib["aria-label"]
